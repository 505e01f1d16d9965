//! All models on sale, with a calculator.

use crate::figures::{Count, Money};
use crate::view::View;
use serde::Serialize;

/// The models and their prices.
#[derive(Debug, Clone, Serialize)]
pub struct Models {
    /// What is asked for.
    pub query: Query,
    /// The makers of the models on sale.
    pub makers: Vec<String>,
    /// The models that were asked for.
    pub rows: Vec<ModelRow>,
    /// How many are on sale.
    pub all: usize,
    /// The columns by which the table is sorted, each with the query that sorts by it.
    pub columns: Vec<Column>,
    /// The markup in percent.
    pub markup_percent: String,
}

/// A column of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Column {
    /// Its key in the query and in the words.
    pub kind: &'static str,
    /// The URL that sorts by it.
    pub url: String,
    /// How it is sorted now: `ascending`, `descending` or `none`.
    pub state: &'static str,
}

/// What is asked for, as it stands in the URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Query {
    /// Words that the name, id or maker has.
    pub q: String,
    /// The maker; all where empty.
    pub maker: String,
    /// The type: `chat`, `embedding`, or all where empty.
    pub kind: String,
    /// The column, after `-` where it falls.
    pub sort: String,
    /// Input tokens of a request.
    pub input: u64,
    /// Output tokens of a request.
    pub output: u64,
}

/// A model in a table.
#[derive(Debug, Clone, Serialize)]
pub struct ModelRow {
    /// `author/model`.
    pub id: String,
    /// The display name.
    pub name: String,
    /// Who made it.
    pub maker: String,
    /// Whether it makes embeddings.
    pub is_embedding: bool,
    /// Whether its vendor has announced its end.
    pub is_deprecated: bool,
    /// The context window, in tokens.
    pub context: Count,
    /// The longest output, in tokens.
    pub output_max: Count,
    /// What a million input tokens cost, in dollars.
    pub input: String,
    /// The same of output; none for embeddings.
    pub output: Option<String>,
    /// What a request costs.
    pub price: Money,
}

impl View for Models {
    const TEMPLATE: &'static str = "models.html";
}

impl ModelRow {
    /// Models of every kind.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let chat = Self {
            id: "example/example-5".to_owned(),
            name: "Example 5".to_owned(),
            maker: "example".to_owned(),
            is_embedding: false,
            is_deprecated: false,
            context: Count::of(200_000),
            output_max: Count::of(64_000),
            input: "1.75".to_owned(),
            output: Some("14.00".to_owned()),
            price: Money { fixed: "4.93".to_owned(), ..Money::default() },
        };
        let old =
            Self { name: "Example 4 with a name that is very long".to_owned(), is_deprecated: true, ..chat.clone() };
        let embedding = Self { is_embedding: true, output: None, ..chat.clone() };
        vec![chat, old, embedding]
    }
}

impl Models {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let column = |kind, state| Column { kind, url: format!("/models?sort={kind}"), state };
        let query = Query { input: 2_500, output: 2_500, ..Query::default() };
        let full = Self {
            query: query.clone(),
            makers: vec!["example".to_owned()],
            rows: ModelRow::samples(),
            all: 3,
            columns: vec![
                column("name", "ascending"),
                column("context", "none"),
                column("output_max", "none"),
                column("input", "descending"),
                column("output", "none"),
                column("price", "none"),
            ],
            markup_percent: "25".to_owned(),
        };
        let searched = Query { q: "nothing has this".to_owned(), kind: "chat".to_owned(), ..query };
        let nothing_found = Self { query: searched, rows: Vec::new(), ..full.clone() };
        let nothing_sold = Self { rows: Vec::new(), makers: Vec::new(), all: 0, ..full.clone() };
        vec![full, nothing_found, nothing_sold]
    }
}
