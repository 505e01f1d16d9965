//! Trying models out.

use super::samples::{HOSTILE, LONG};
use crate::figures::Money;
use crate::view::View;
use serde::Serialize;

/// A model that can be tried.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PlayModel {
    /// `author/model`.
    pub id: String,
    /// The display name.
    pub name: String,
    /// What a million input tokens cost, in credits.
    pub input: String,
    /// The same of output.
    pub output: String,
    /// The longest answer, in tokens.
    pub output_max: u64,
    /// Whether it takes pictures.
    pub sees: bool,
    /// Whether it takes a temperature.
    pub has_temperature: bool,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Playground {
    /// What can be spent, for the header.
    pub balance: Money,
    /// The base URL of the API.
    pub base_url: String,
    /// The model that is chosen at first.
    pub model: String,
    /// All models that chat.
    pub models: Vec<PlayModel>,
}

impl View for Playground {
    const TEMPLATE: &'static str = "dashboard_playground.html";
}

impl Playground {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let model = |id: &str, sees| PlayModel {
            id: id.to_owned(),
            name: id.to_owned(),
            input: "125".to_owned(),
            output: "625".to_owned(),
            output_max: 8_192,
            sees,
            has_temperature: sees,
        };
        let base_url = "https://acme.example/v1".to_owned();
        let models = vec![model("sandbox/gpt", true), model(HOSTILE, false), model(LONG, true)];
        vec![
            Self { base_url: base_url.clone(), ..Self::default() },
            Self { base_url, model: "sandbox/gpt".to_owned(), models, ..Self::default() },
        ]
    }
}
