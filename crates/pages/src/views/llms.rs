//! What the service is, for language models that read: <https://llmstxt.org>.

use crate::docs::Listed;
use crate::view::View;
use serde::Serialize;

/// The text of `/llms.txt`.
#[derive(Debug, Clone, Serialize)]
pub struct Llms {
    /// The documentation.
    pub docs: Vec<Listed>,
    /// The id of a model that is on sale.
    pub model: Option<String>,
}

impl View for Llms {
    const TEMPLATE: &'static str = "llms.txt";
}

impl Llms {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let docs = vec![Listed { slug: "api", title: "The HTTP interface".to_owned() }];
        vec![Self { docs: docs.clone(), model: Some("example/example-5".to_owned()) }, Self { docs, model: None }]
    }
}
