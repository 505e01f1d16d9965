//! Models and their routes.

use crate::card::PriceCard;
use opencredits_estimate::Family;
use opencredits_units::{BasisPoints, Bucket};
use std::sync::Arc;

/// The kind of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ModelKind {
    /// Answers conversations.
    Chat,
    /// Turns text into embedding vectors.
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

/// A vendor that serves a model, with its name for the model and its prices: there is no route without prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The vendor's id, as in the vendor files.
    pub vendor: Arc<str>,
    /// The vendor's name for the model.
    pub upstream_model: Arc<str>,
    /// The prices.
    pub card: PriceCard,
    /// The weight of the route, besides its price, where a request has no preferences.
    pub weight: u32,
    /// The region of the vendor's data centre, where it is known.
    pub region: Option<String>,
    /// Whether request data may be collected and trained on, where that differs from the vendor.
    pub data_collection: Option<bool>,
    /// Whether no request data is retained, where that differs from the vendor.
    pub zdr: Option<bool>,
}

/// A model with its prices: there is no model without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// `author/model`, lower case.
    pub id: Arc<str>,
    /// Other names of the same model.
    pub aliases: Vec<String>,
    /// The display name.
    pub name: String,
    /// The company that made it.
    pub owned_by: String,
    /// Its kind.
    pub kind: ModelKind,
    /// The release date, in Unix seconds.
    pub released: u64,
    /// Whether its vendor has announced its retirement.
    pub deprecated: bool,
    /// Whether the price book says that its prices may be zero.
    pub free: bool,
    /// The operator's markup on it; the general one where `None`. No price book has it.
    pub markup: Option<BasisPoints>,
    /// The context window, in tokens of input and output together.
    pub context_window: u64,
    /// The longest output, in tokens.
    pub max_output_tokens: u64,
    /// The modalities of its input, such as `text` and `image`.
    pub input_modalities: Vec<String>,
    /// The modalities of its output.
    pub output_modalities: Vec<String>,
    /// Further capabilities, such as `tools`.
    pub supports: Vec<String>,
    /// How it counts tokens, for estimates.
    pub family: Family,
    /// The first route, whose prices are shown.
    pub route: Route,
    /// Further routes.
    pub others: Vec<Route>,
}

impl Model {
    /// Whether it has tokens of this class that are billed: embeddings have no output.
    #[must_use]
    pub fn bills(&self, bucket: Bucket) -> bool {
        self.kind == ModelKind::Chat || bucket.is_input()
    }

    /// All its routes, the first one first.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        std::iter::once(&self.route).chain(&self.others)
    }

    /// The route at an index of [`Model::routes`]; the first one where there is none.
    #[must_use]
    pub fn route_at(&self, place: usize) -> &Route {
        place.checked_sub(1).and_then(|place| self.others.get(place)).unwrap_or(&self.route)
    }

    /// The model with the routes that `offered` keeps; `None` where none is left.
    #[must_use]
    pub(crate) fn only(&self, offered: impl Fn(&str) -> bool) -> Option<Self> {
        let mut routes = self.routes().filter(|route| offered(&route.vendor)).cloned();
        let route = routes.next()?;
        Some(Self { route, others: routes.collect(), ..self.clone() })
    }
}
