//! The models on sale with the health of their routes: a request takes them once, and they are exchanged as a whole.

use super::health::HealthTracker;
use super::meters::RouteMeters;
use hashbrown::HashMap as FastMap;
use opencredits_catalog::{Catalog, Model, Route};
use std::sync::Arc;

/// The models on sale with the health of their routes.
pub(super) struct Served {
    pub(super) catalog: Arc<Catalog>,
    /// By vendor id and upstream model.
    health: FastMap<Arc<str>, FastMap<Arc<str>, Arc<HealthTracker>>>,
    /// By model id, in the order of the model's routes.
    meters: FastMap<Arc<str>, Box<[RouteMeters]>>,
}

impl Served {
    /// These models. A route that was served `before` keeps its health.
    pub(super) fn new(catalog: Catalog, before: Option<&Self>) -> Self {
        let mut health: FastMap<Arc<str>, FastMap<Arc<str>, Arc<HealthTracker>>> = FastMap::new();
        for route in catalog.models().iter().flat_map(|model| model.routes()) {
            let known = || before.and_then(|before| before.health(route)).unwrap_or_default();
            let of_vendor = health.entry(Arc::clone(&route.vendor)).or_default();
            of_vendor.entry(Arc::clone(&route.upstream_model)).or_insert_with(known);
        }
        let of_model = |model: &Arc<Model>| {
            (Arc::clone(&model.id), model.routes().map(|_| RouteMeters::default()).collect::<Box<[_]>>())
        };
        let meters = catalog.models().iter().map(of_model).collect();
        Self { catalog: Arc::new(catalog), health, meters }
    }

    /// The health of a route.
    pub(super) fn health(&self, route: &Route) -> Option<Arc<HealthTracker>> {
        self.health.get(&*route.vendor)?.get(&*route.upstream_model).cloned()
    }

    /// What the requests of a model's route record by.
    pub(super) fn meters(&self, model: &Model, route_index: usize) -> Option<&RouteMeters> {
        self.meters.get(&*model.id)?.get(route_index)
    }

    /// Whether any model costs nothing.
    pub(super) fn sells_free(&self) -> bool {
        let is_free = |model: &Model| model.routes().any(|route| route.card.is_free());
        self.catalog.models().iter().any(|model| is_free(model))
    }
}
