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

/// Where a model is served, under which name, and at which price: there is no route without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The vendor's id, as in the vendor files.
    pub vendor: Arc<str>,
    /// The vendor's name for the model.
    pub upstream_model: Arc<str>,
    /// What it costs there.
    pub card: PriceCard,
    /// How much of the traffic it gets, beside its price, where a request has no wish of its own.
    pub weight: u32,
    /// Where the vendor computes, where that is known.
    pub region: Option<String>,
    /// Whether what is sent may be collected and learned from there, where that differs from the vendor's.
    pub data_collection: Option<bool>,
    /// Whether nothing is retained there, where that differs from its vendor's.
    pub zdr: Option<bool>,
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
    /// Where it is served: what it costs there is the price that is shown.
    pub route: Route,
    /// Where else.
    pub others: Vec<Route>,
}

impl Model {
    /// All its routes, the first one first.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        std::iter::once(&self.route).chain(&self.others)
    }

    /// The route at a place of [`Model::routes`]; the first one where there is none.
    #[must_use]
    pub fn route_at(&self, place: usize) -> &Route {
        place.checked_sub(1).and_then(|place| self.others.get(place)).unwrap_or(&self.route)
    }

    /// The model with the routes that `offered` lets stand; `None` where none is left.
    #[must_use]
    pub(crate) fn only(&self, offered: impl Fn(&str) -> bool) -> Option<Self> {
        let mut routes = self.routes().filter(|route| offered(&route.vendor)).cloned();
        let route = routes.next()?;
        Some(Self { route, others: routes.collect(), ..self.clone() })
    }
}
