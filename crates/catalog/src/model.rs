//! Models, and where they are served.

use crate::card::PriceCard;
use std::sync::Arc;

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ModelKind {
    /// Answers conversations.
    Chat,
    /// Turns text into vectors.
    Embedding,
}

impl ModelKind {
    /// The name used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embedding => "embedding",
        }
    }
}

/// Where a model is served, and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The vendor's id, as in the vendor files.
    pub vendor: Arc<str>,
    /// The vendor's name for the model.
    pub upstream_model: Arc<str>,
}

/// A model with its price: there is none without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// `author/model`, lower case.
    pub id: Arc<str>,
    /// Other names for the same.
    pub aliases: Vec<String>,
    /// The name for people.
    pub name: String,
    /// Who made it.
    pub owned_by: String,
    /// What it does.
    pub kind: ModelKind,
    /// When it was released, in Unix seconds.
    pub released: u64,
    /// Whether its vendor has announced its end.
    pub deprecated: bool,
    /// Tokens of input and output together.
    pub context_window: u64,
    /// Tokens of output at most.
    pub max_output_tokens: u64,
    /// Kinds of input it takes, such as `text` and `image`.
    pub input_modalities: Vec<String>,
    /// Kinds of output it gives.
    pub output_modalities: Vec<String>,
    /// What else it can do, such as `tools`.
    pub supports: Vec<String>,
    /// Where it is served.
    pub route: Route,
    /// What it costs there.
    pub card: PriceCard,
}
