//! Which routes may serve a request, and in which order they are asked.

use super::health::{HealthTracker, RouteHealth};
use super::prepared_upstream::PreparedUpstream;
use super::served::Served;
use super::state::Gateway;
use crate::fault::{Excluded, Fault, NoRoute, RequestFault};
use opencredits_catalog::{Model, ModelKind, Route};
use opencredits_providers::Dialect;
use opencredits_units::{Bucket, Rate, UnixMs};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Routes that one request may try.
pub(super) const CANDIDATES_MAX: usize = 6;
/// Models that one request may name.
const MODELS_MAX: usize = 8;

/// The `provider` object of a request.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Preferences<'a> {
    order: Vec<String>,
    only: Vec<String>,
    ignore: Vec<String>,
    allow_fallbacks: Option<bool>,
    pub(super) require_parameters: bool,
    data_collection: Option<Collection>,
    zdr: bool,
    sort: Option<Sort>,
    /// Output tokens a second.
    preferred_min_throughput: Option<f64>,
    /// Seconds.
    preferred_max_latency: Option<f64>,
    #[serde(borrow)]
    max_price: Option<MaxPrice<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Collection {
    Allow,
    Deny,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Price,
    Throughput,
    Latency,
}

/// Dollars for a million tokens.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MaxPrice<'a> {
    #[serde(borrow)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow)]
    completion: Option<&'a RawValue>,
}

/// A route that may serve a request.
pub(super) struct RouteCandidate {
    pub(super) model: Arc<Model>,
    /// The index of the route among those of the model.
    pub(super) route_index: usize,
    pub(super) upstream: Arc<PreparedUpstream>,
    pub(super) health: Arc<HealthTracker>,
}

/// The vendor that served a conversation before.
#[derive(Clone, Copy)]
pub(super) struct StickyVendor<'a> {
    /// Its id.
    pub(super) vendor: &'a str,
    /// Whether the request carries reasoning that only its vendor can read.
    pub(super) holds_seals: bool,
}

impl RouteCandidate {
    pub(super) fn route(&self) -> &Route {
        self.model.route_at(self.route_index)
    }
}

impl<'a> Preferences<'a> {
    /// Reads the field.
    pub(super) fn read(raw: Option<&'a str>) -> Result<Self, Fault> {
        let Some(raw) = raw.filter(|raw| *raw != "null") else {
            return Ok(Self::default());
        };
        let read: Self = serde_json::from_str(raw).map_err(|error| wrong("provider", &error.to_string()))?;
        read.bounds()?;
        Ok(read)
    }

    /// The highest price of an input token and of an output token.
    fn bounds(&self) -> Result<[Option<Rate>; 2], Fault> {
        let rate = |raw: Option<&RawValue>| {
            let text = raw.map(|raw| raw.get().trim_matches('"')).filter(|text| *text != "null");
            let read = text.map(Rate::from_usd_per_million).transpose();
            read.map_err(|_| wrong("provider.max_price", "dollars for a million tokens, such as 2.5, are expected"))
        };
        match &self.max_price {
            Some(bounds) => Ok([rate(bounds.prompt)?, rate(bounds.completion)?]),
            None => Ok([None, None]),
        }
    }

    /// The preference that excludes a route, if one does.
    fn excludes(&self, candidate: &RouteCandidate, [input, output]: [Option<Rate>; 2]) -> Option<Excluded> {
        let (route, vendor) = (candidate.route(), &candidate.upstream.vendor);
        let is_in = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(&vendor.id));
        let above = |bound: Option<Rate>, bucket| bound.is_some_and(|bound| route.card.rate(bucket) > bound);
        let collects = route.data_collection.unwrap_or(vendor.data_collection);
        let retains = !route.zdr.unwrap_or(vendor.zdr);
        let alone = self.allow_fallbacks == Some(false) && !self.order.is_empty();
        let reasons = [
            (!self.only.is_empty() && !is_in(&self.only), Excluded::Only),
            (is_in(&self.ignore), Excluded::Ignore),
            (alone && !is_in(&self.order), Excluded::Order),
            (self.data_collection == Some(Collection::Deny) && collects, Excluded::DataCollection),
            (self.zdr && retains, Excluded::Zdr),
            (above(input, Bucket::InputUncached) || above(output, Bucket::Output), Excluded::MaxPrice),
        ];
        reasons.into_iter().find(|(excluded, _)| *excluded).map(|(_, why)| why)
    }

    /// Whether only the first provider of a model may be tried.
    pub(super) fn is_limited_to_first(&self) -> bool {
        self.allow_fallbacks == Some(false) && self.order.is_empty()
    }

    /// Whether a route is slower than preferred; unknown figures are fast enough.
    fn falls_short(&self, route_health: RouteHealth) -> bool {
        let slow = |preferred: f64| route_health.latency_ms.is_some_and(|ms| f64_of(ms) > preferred * 1_000.0);
        let few = |preferred: f64| route_health.tokens_per_s.is_some_and(|speed| f64_of(speed) < preferred * 1_000.0);
        self.preferred_max_latency.is_some_and(slow) || self.preferred_min_throughput.is_some_and(few)
    }
}

fn wrong(field: &str, problem: &str) -> Fault {
    RequestFault::Preference { field: field.to_owned(), problem: problem.to_owned() }.into()
}

/// The names in `models`.
pub(super) fn fallbacks(raw: Option<&str>) -> Result<Vec<String>, Fault> {
    let Some(raw) = raw.filter(|raw| *raw != "null") else {
        return Ok(Vec::new());
    };
    let names: Vec<String> =
        serde_json::from_str(raw).map_err(|_| wrong("models", "a list of names of models is expected"))?;
    if names.len() > MODELS_MAX {
        return Err(wrong("models", &format!("it names more than {MODELS_MAX} models")));
    }
    Ok(names)
}

impl Gateway {
    /// The routes that may serve a request by one of these models, in the order in which they are tried.
    pub(super) fn candidates(
        &self,
        (served, models): (&Served, &[Arc<Model>]),
        dialect: Dialect,
        preferences: &Preferences<'_>,
        sticky: Option<StickyVendor<'_>>,
    ) -> Result<Vec<RouteCandidate>, Fault> {
        let bounds = preferences.bounds()?;
        let now = self.ports.clock.now();
        let (mut candidates, mut excluded) = (Vec::new(), Vec::new());
        for model in models {
            is_of_kind(model, dialect)?;
            let mut own = Vec::new();
            for candidate in self.candidates_of((served, model), dialect) {
                match preferences.excludes(&candidate, bounds) {
                    Some(why) => excluded.push((Arc::clone(&candidate.upstream.vendor.id), why)),
                    None => own.push(candidate),
                }
            }
            self.arrange(&mut own, preferences, sticky, now);
            candidates.extend(own);
        }
        if candidates.is_empty() {
            let models = models.iter().map(|model| model.id.to_string()).collect();
            return Err(RequestFault::NoRoute(Box::new(NoRoute { models, excluded })).into());
        }
        Ok(candidates)
    }

    fn candidates_of(
        &self,
        (served, model): (&Served, &Arc<Model>),
        dialect: Dialect,
    ) -> impl Iterator<Item = RouteCandidate> {
        model.routes().enumerate().filter_map(move |(route_index, route)| {
            let all = served.upstreams.get(&route.vendor)?;
            let thinks = model.supports.iter().any(|what| what == "reasoning");
            let dialect = all.first()?.vendor.dialect_for(dialect, &route.upstream_model, thinks)?;
            let upstream = all.iter().find(|prepared| prepared.dialect == dialect)?;
            let health = served.health(route)?;
            Some(RouteCandidate { model: Arc::clone(model), route_index, upstream: Arc::clone(upstream), health })
        })
    }

    /// Sorts the routes of one model. The routes that the request names come first, then the sticky vendor's, then the
    /// others as preferred; routes that are out come last. A conversation stays with its vendor for the sake of sealed
    /// reasoning or of a cache with lower prices, and not where the request says what to sort by.
    fn arrange(
        &self,
        candidates: &mut [RouteCandidate],
        preferences: &Preferences<'_>,
        sticky: Option<StickyVendor<'_>>,
        now: UnixMs,
    ) {
        if candidates.len() < 2 {
            return;
        }
        self.shuffle(candidates);
        if let Some(sort) = preferences.sort {
            candidates.sort_by_key(|candidate| sort_key(candidate, sort, now));
        }
        let named = |candidate: &RouteCandidate| {
            let position =
                preferences.order.iter().position(|name| name.eq_ignore_ascii_case(&candidate.upstream.vendor.id));
            position.unwrap_or(usize::MAX)
        };
        candidates.sort_by_key(|candidate| {
            let route_health = candidate.health.route_health(now);
            let card = &candidate.route().card;
            let caches = card.rate(Bucket::CacheRead) < card.rate(Bucket::InputUncached) && preferences.sort.is_none();
            let stays = sticky.is_some_and(|sticky| {
                *sticky.vendor == *candidate.upstream.vendor.id && (sticky.holds_seals || caches)
            });
            let out = route_health.is_out || !candidate.upstream.has_account(now);
            (out, named(candidate), !stays, preferences.falls_short(route_health))
        });
    }

    /// Draws the first route at random, by weights that fall with the price. The others follow from cheap to dear.
    fn shuffle(&self, candidates: &mut [RouteCandidate]) {
        candidates.sort_by_key(|candidate| price_of(candidate.route()));
        let weights: Vec<f64> = candidates.iter().map(|candidate| weight_of(candidate.route())).collect();
        let mut random = [0; 4];
        self.ports.entropy.fill(&mut random);
        let lot = f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX);
        let mut left = lot * weights.iter().sum::<f64>();
        let drawn = weights.iter().position(|weight| {
            left -= weight;
            left <= 0.0
        });
        if let Some(first) = drawn.and_then(|drawn| candidates.get_mut(..=drawn)) {
            first.rotate_right(1);
        }
    }
}

/// An embedding model answers no conversations, and a conversation model makes no embeddings.
fn is_of_kind(model: &Model, dialect: Dialect) -> Result<(), Fault> {
    let embeds = dialect == Dialect::OpenaiEmbeddings;
    if embeds == (model.kind == ModelKind::Embedding) {
        return Ok(());
    }
    let does = if embeds { "answers conversations; it makes no embeddings" } else { "makes embeddings alone" };
    Err(RequestFault::OtherKind { model: model.id.to_string(), does }.into())
}

/// The prices of an input token and an output token added up, in pico-dollars.
fn price_of(route: &Route) -> u64 {
    let rate = |bucket| route.card.rate(bucket).get();
    rate(Bucket::InputUncached).saturating_add(rate(Bucket::Output))
}

fn weight_of(route: &Route) -> f64 {
    let price = f64_of(price_of(route).max(1));
    f64::from(route.weight) / (price * price)
}

#[expect(clippy::cast_precision_loss, reason = "figures for an order, which need no more than a double holds")]
const fn f64_of(number: u64) -> f64 {
    number as f64
}

/// The sort key of a route. A route without figures comes first, so that it gets some.
fn sort_key(candidate: &RouteCandidate, sort: Sort, now: UnixMs) -> u64 {
    let route_health = candidate.health.route_health(now);
    match sort {
        Sort::Price => price_of(candidate.route()),
        Sort::Latency => route_health.latency_ms.unwrap_or(0),
        Sort::Throughput => route_health.tokens_per_s.map_or(0, |speed| u64::MAX.saturating_sub(speed)),
    }
}
