//! What the config says of requests: the models on sale, the vendors that serve them, the settings. A request takes it once,
//! when it is planned, and keeps it to its end; it is exchanged as a whole.

use super::health::HealthTracker;
use super::meters::RouteMeters;
use super::prepared_upstream::{PreparedUpstream, Upstream};
use super::settings::{GatewayError, Settings};
use super::vendor_keys::VendorKeys;
use hashbrown::HashMap as FastMap;
use opencredits_catalog::{Catalog, Model, Route};
use opencredits_providers::Fetch;
use opencredits_units::BasisPoints;
use std::collections::HashMap;
use std::sync::Arc;

/// What a config puts in place of what requests were served with.
pub struct Offering {
    /// The models on sale.
    pub catalog: Catalog,
    /// The upstreams that serve them, by vendor id.
    pub upstreams: HashMap<Arc<str>, Upstream>,
    /// The settings of requests. Those of memory and of detached requests hold from the start of the process.
    pub settings: Settings,
    /// Fetches attachments that requests name by URL; `None` where the operator does not allow it.
    pub fetch: Option<Arc<dyn Fetch>>,
}

/// The vendors that serve, and our keys there.
pub(super) struct Upstreams {
    /// By vendor id: one for each dialect of the vendor, its own first.
    by_vendor: FastMap<Arc<str>, Vec<Arc<PreparedUpstream>>>,
    /// Our keys at the vendors.
    pub(super) keys: VendorKeys,
}

impl Upstreams {
    /// These upstreams. One that is the same as `before` is that one, with what it knows of our accounts.
    fn new(of: HashMap<Arc<str>, Upstream>, before: Option<&Self>) -> Result<Self, GatewayError> {
        let keys = VendorKeys::of(of.values());
        let prepare = |(id, upstream): (Arc<str>, Upstream)| {
            let known = before.and_then(|before| before.by_vendor.get(&id));
            if let Some(known) = known.filter(|known| known.first().is_some_and(|known| known.is_of(&upstream))) {
                return Ok((id, known.clone()));
            }
            let wrong = GatewayError::Vendor { vendor: id.to_string() };
            PreparedUpstream::all(&upstream).map(|prepared| (id, prepared)).ok_or(wrong)
        };
        Ok(Self { by_vendor: of.into_iter().map(prepare).collect::<Result<_, _>>()?, keys })
    }

    /// A vendor in each of its dialects.
    pub(super) fn get(&self, vendor: &str) -> Option<&Vec<Arc<PreparedUpstream>>> {
        self.by_vendor.get(vendor)
    }

    /// All vendors, each in its dialects.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Vec<Arc<PreparedUpstream>>)> {
        self.by_vendor.iter()
    }

    /// Whether a vendor is the same here and there.
    fn has_same(&self, other: &Self, vendor: &str) -> bool {
        match (self.get(vendor).and_then(|all| all.first()), other.get(vendor).and_then(|all| all.first())) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

/// What the config says of requests.
pub(super) struct Served {
    pub(super) catalog: Arc<Catalog>,
    pub(super) upstreams: Arc<Upstreams>,
    pub(super) settings: Settings,
    pub(super) fetch: Option<Arc<dyn Fetch>>,
    /// By vendor id and upstream model.
    health: FastMap<Arc<str>, FastMap<Arc<str>, Arc<HealthTracker>>>,
    /// By model id, in the order of the model's routes.
    meters: FastMap<Arc<str>, Box<[RouteMeters]>>,
}

impl Served {
    /// What a gateway begins with.
    pub(super) fn new(offering: Offering) -> Result<Self, GatewayError> {
        Self::of(offering, None)
    }

    /// This in place of what is served. Vendors that are the same keep what is known of them, as do their routes.
    pub(super) fn exchanged(&self, offering: Offering) -> Result<Self, GatewayError> {
        Self::of(offering, Some(self))
    }

    /// The same with other models. A route that was served keeps its health.
    pub(super) fn selling(&self, catalog: Catalog) -> Self {
        let health = health(&catalog, |route| self.health(route));
        let (upstreams, fetch, meters) = (Arc::clone(&self.upstreams), self.fetch.clone(), meters(&catalog));
        Self { catalog: Arc::new(catalog), upstreams, settings: self.settings, fetch, health, meters }
    }

    fn of(offering: Offering, before: Option<&Self>) -> Result<Self, GatewayError> {
        let Offering { catalog, upstreams, settings, fetch } = offering;
        let upstreams = Upstreams::new(upstreams, before.map(|before| &*before.upstreams))?;
        let known = |route: &Route| {
            let before = before.filter(|before| before.upstreams.has_same(&upstreams, &route.vendor))?;
            before.health(route)
        };
        let (health, meters) = (health(&catalog, known), meters(&catalog));
        Ok(Self { catalog: Arc::new(catalog), upstreams: Arc::new(upstreams), settings, fetch, health, meters })
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

    /// The markup on a model: that of the partner that issued the key, else the model's, else the general one.
    pub(super) fn markup(&self, of_partner: Option<BasisPoints>, model: &Model) -> BasisPoints {
        of_partner.or(model.markup).unwrap_or(self.settings.markup)
    }
}

/// The health of the routes of these models, which begins anew where nothing is known.
fn health(
    catalog: &Catalog,
    known: impl Fn(&Route) -> Option<Arc<HealthTracker>>,
) -> FastMap<Arc<str>, FastMap<Arc<str>, Arc<HealthTracker>>> {
    let mut health: FastMap<Arc<str>, FastMap<Arc<str>, Arc<HealthTracker>>> = FastMap::new();
    for route in catalog.models().iter().flat_map(|model| model.routes()) {
        let of_vendor = health.entry(Arc::clone(&route.vendor)).or_default();
        let known = || known(route).unwrap_or_default();
        of_vendor.entry(Arc::clone(&route.upstream_model)).or_insert_with(known);
    }
    health
}

/// The meters of the routes of these models. What they have counted is kept elsewhere, so they may begin anew.
fn meters(catalog: &Catalog) -> FastMap<Arc<str>, Box<[RouteMeters]>> {
    let of_model = |model: &Arc<Model>| {
        (Arc::clone(&model.id), model.routes().map(|_| RouteMeters::default()).collect::<Box<[_]>>())
    };
    catalog.models().iter().map(of_model).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AccessLines, AccessSettings};
    use crate::config::Ack;
    use crate::gateway::{DrainLimits, Retries};
    use opencredits_keys::Secret;
    use opencredits_providers::sandbox::Sandbox;
    use opencredits_providers::{Transport, Vendors};
    use opencredits_units::{CreditPrice, NanoUsd, UnixMs};
    use std::time::Duration;

    const MODEL: &str = "[[model]]\nid = \"house/small\"\nvendor = \"house\"\nupstream_model = \"small\"\ncontext_window = 9\nmax_output_tokens = 9\nprices = { input = \"1\", output = \"2\" }\n";

    fn offering(url: &str, key: &str, transport: &Arc<dyn Transport>) -> Offering {
        let vendor =
            format!("[[vendor]]\nid = \"house\"\ndialect = \"openai-chat\"\nkey_env = \"K\"\nbase_url = \"{url}\"");
        let vendors = Vendors::default().with_operator(&vendor).unwrap();
        let vendor = vendors.get("house").unwrap().clone();
        let keys = vec![Secret::new(key.to_owned())];
        let upstream = Upstream { vendor, keys, transport: Arc::clone(transport) };
        let second = Duration::from_secs(1);
        Offering {
            catalog: Catalog::empty().with_operator(MODEL).unwrap(),
            upstreams: HashMap::from([(Arc::clone(&upstream.vendor.id), upstream)]),
            settings: Settings {
                markup: BasisPoints::ZERO,
                exposure_max: NanoUsd::ZERO,
                lower_caps: false,
                ack: Ack::Accepted,
                hold_expiry_ms: 1,
                body_bytes_max: 1,
                drains: DrainLimits { drains_max: 1, drain: second },
                retries: Retries { attempts_max: 1, backoff_ms: 1, wait_ms_max: 1 },
                memory_max: 1,
                large_at_once: 1,
                access: AccessSettings::new(AccessLines::Off, 1.0, CreditPrice::default()),
            },
            fetch: None,
        }
    }

    /// Whether the route is still out, and a cooled account still cool, once another offering is in place.
    fn check(other: Offering, transport: &Arc<dyn Transport>, keeps: bool) {
        let served = Served::new(offering("http://127.0.0.1:1/v1", "key-1", transport)).unwrap();
        let at = UnixMs::new(1_000);
        let of = |served: &Served| {
            let route = served.catalog.models()[0].route.clone();
            (served.health(&route).unwrap(), Arc::clone(&served.upstreams.get("house").unwrap()[0]))
        };
        let (health, upstream) = of(&served);
        (0..3).for_each(|_| health.failed(at));
        upstream.account(at).unwrap().cool(at, 1_000);
        let (health, upstream) = of(&served.exchanged(other).unwrap());
        assert_eq!((health.route_health(at).is_out, !upstream.has_account(at)), (keeps, keeps));
    }

    #[test]
    fn a_vendor_that_is_the_same_keeps_what_is_known_of_it_and_another_one_begins_anew() {
        let transport: Arc<dyn Transport> = Arc::new(Sandbox::new());
        let same = "http://127.0.0.1:1/v1";
        check(offering(same, "key-1", &transport), &transport, true);
        check(offering(same, "key-2", &transport), &transport, false);
        check(offering("http://127.0.0.1:2/v1", "key-1", &transport), &transport, false);
        let other: Arc<dyn Transport> = Arc::new(Sandbox::new());
        check(offering(same, "key-1", &other), &transport, false);
    }

    #[test]
    fn an_upstream_that_http_does_not_allow_is_refused_by_its_vendor() {
        let transport: Arc<dyn Transport> = Arc::new(Sandbox::new());
        let served = Served::new(offering("http://127.0.0.1:1/v1", "key-1", &transport)).unwrap();
        let refused = served.exchanged(offering("http://127.0.0.1:1/v1", "key\n2", &transport)).err().unwrap();
        assert!(refused.to_string().contains("house"), "{refused}");
    }
}
