//! What the service is, for who comes for the first time.

use crate::figures::Money;
use crate::view::View;
use crate::views::ModelRow;
use serde::Serialize;

/// The landing page.
#[derive(Debug, Clone, Serialize)]
pub struct Landing {
    /// How many models are on sale.
    pub model_count: usize,
    /// The bill of a sample request; none where no model with a price is on sale.
    pub bill: Option<SampleBill>,
    /// Some models with their prices.
    pub models: Vec<ModelRow>,
    /// What a credit costs, such as `$0.01`.
    pub credit_price: String,
    /// The markup in percent, such as `25`.
    pub markup_percent: String,
    /// The share of the markup that a partner gets, in percent.
    pub share_percent: String,
}

/// The bill of one request.
#[derive(Debug, Clone, Serialize)]
pub struct SampleBill {
    /// The name of the model.
    pub model: String,
    /// Its id.
    pub id: String,
    /// The tokens.
    pub rows: Vec<BillRow>,
    /// What the provider gets, in dollars.
    pub cost: String,
    /// The markup, in dollars.
    pub markup: String,
    /// What the person pays.
    pub total: Money,
}

/// A line of a bill.
#[derive(Debug, Clone, Serialize)]
pub struct BillRow {
    /// The class of tokens, as bills name it.
    pub class: &'static str,
    /// How many.
    pub count: String,
    /// Dollars per million.
    pub rate: String,
    /// Dollars.
    pub amount: String,
}

impl View for Landing {
    const TEMPLATE: &'static str = "landing.html";
}

impl Landing {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let row = |class, rate: &str, amount: &str| BillRow {
            class,
            count: "2,500".to_owned(),
            rate: rate.to_owned(),
            amount: amount.to_owned(),
        };
        let full = Self {
            model_count: 283,
            bill: Some(SampleBill {
                model: "Example 5".to_owned(),
                id: "example/example-5".to_owned(),
                rows: vec![row("input", "1.75", "0.004375"), row("output", "14.00", "0.035")],
                cost: "0.039375".to_owned(),
                markup: "0.00984375".to_owned(),
                total: Money { credits: "4.93".to_owned(), ..Money::default() },
            }),
            models: ModelRow::samples(),
            credit_price: "$0.01".to_owned(),
            markup_percent: "25".to_owned(),
            share_percent: "50".to_owned(),
        };
        let empty = Self { model_count: 0, bill: None, models: Vec::new(), ..full.clone() };
        let one = Self { model_count: 1, ..full.clone() };
        vec![full, one, empty]
    }
}
