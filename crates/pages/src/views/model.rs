//! One model: its prices, its routes, and how to call it.

use crate::figures::{Count, Money};
use crate::view::View;
use serde::Serialize;

/// The page of a model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelPage {
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
    /// Its other names.
    pub aliases: Vec<String>,
    /// The day of its release, as `YYYY-MM-DD`; none where it is unknown.
    pub released: Option<String>,
    /// The context window, in tokens.
    pub context: Count,
    /// The longest output, in tokens.
    pub output_max: Count,
    /// What it reads.
    pub reads: Vec<String>,
    /// What it writes.
    pub writes: Vec<String>,
    /// What it can do besides.
    pub features: Vec<String>,
    /// The prices of token classes.
    pub prices: Vec<PriceRow>,
    /// Prices of long requests.
    pub thresholds: Vec<ThresholdRow>,
    /// The prices of tools, each for a use.
    pub tools: Vec<PriceRow>,
    /// Who serves it.
    pub routes: Vec<RouteRow>,
    /// The markup in percent.
    pub markup_percent: String,
    /// Input tokens of the calculator.
    pub input: u64,
    /// Output tokens of the calculator.
    pub output: u64,
    /// What such a request costs.
    pub price: Money,
    /// How many such requests a thousand credits pay for; none where they cost nothing.
    pub requests: Option<Count>,
}

/// The price of a class of tokens, or of a tool.
#[derive(Debug, Clone, Serialize)]
pub struct PriceRow {
    /// The class, as bills name it.
    pub class: &'static str,
    /// The provider's price, in dollars.
    pub list: String,
    /// What the person pays, in dollars.
    pub paid: String,
}

/// Prices of requests whose input is longer than a threshold.
#[derive(Debug, Clone, Serialize)]
pub struct ThresholdRow {
    /// The input tokens above which they hold.
    pub above: Count,
    /// What a million input tokens cost, in dollars.
    pub input: String,
    /// The same of output.
    pub output: String,
}

/// A vendor that serves the model.
#[derive(Debug, Clone, Serialize)]
pub struct RouteRow {
    /// The vendor's id.
    pub vendor: String,
    /// Where it computes, where that is known.
    pub region: Option<String>,
    /// Whether it may keep or train on requests.
    pub collects: bool,
    /// Whether it keeps nothing of a request.
    pub zdr: bool,
    /// Whether it is out of use just now.
    pub is_out: bool,
    /// What a million input tokens cost, in dollars.
    pub input: String,
    /// The same of output.
    pub output: String,
    /// Milliseconds to the first byte, where there were requests.
    pub latency_ms: Option<u64>,
}

impl View for ModelPage {
    const TEMPLATE: &'static str = "model.html";
}

impl ModelPage {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let row = |class| PriceRow { class, list: "1.75".to_owned(), paid: "2.1875".to_owned() };
        let route = RouteRow {
            vendor: "example".to_owned(),
            region: Some("eu".to_owned()),
            collects: false,
            zdr: true,
            is_out: false,
            input: "2.1875".to_owned(),
            output: "17.50".to_owned(),
            latency_ms: Some(420),
        };
        let other =
            RouteRow { region: None, collects: true, zdr: false, is_out: true, latency_ms: None, ..route.clone() };
        let chat = Self {
            id: "example/example-5".to_owned(),
            name: "Example 5".to_owned(),
            maker: "example".to_owned(),
            is_embedding: false,
            is_deprecated: true,
            aliases: vec!["example-5".to_owned()],
            released: Some("2026-01-15".to_owned()),
            context: Count::of(200_000),
            output_max: Count::of(64_000),
            reads: vec!["text".to_owned(), "image".to_owned()],
            writes: vec!["text".to_owned()],
            features: vec!["tools".to_owned()],
            prices: vec![row("input"), row("cache_read"), row("output")],
            thresholds: vec![ThresholdRow {
                above: Count::of(200_000),
                input: "4.375".to_owned(),
                output: "35.00".to_owned(),
            }],
            tools: vec![row("web_search")],
            routes: vec![route.clone(), other],
            markup_percent: "25".to_owned(),
            input: 2_500,
            output: 2_500,
            price: Money { credits: "4.93".to_owned(), ..Money::default() },
            requests: Some(Count::of(203)),
        };
        let embedding = Self {
            is_embedding: true,
            is_deprecated: false,
            aliases: Vec::new(),
            released: None,
            features: Vec::new(),
            thresholds: Vec::new(),
            tools: Vec::new(),
            routes: vec![route],
            requests: None,
            price: Money { is_one: true, ..Money::default() },
            ..chat.clone()
        };
        vec![chat, embedding]
    }
}
