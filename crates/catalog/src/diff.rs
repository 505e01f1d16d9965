//! What one price book changes of another.

use crate::card::{Item, PriceCard};
use crate::catalog::Catalog;
use crate::model::{Model, Route};
use opencredits_units::{Bucket, Rate, Tokens, ToolUse};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Hundredths of a percent in the whole.
const WHOLE_BPS: i128 = 10_000;
/// A price that changes by this factor or more, up or down, is likely a mistake of the unit.
const FACTOR: u64 = 1_000;
/// A limit of tokens that changes by this factor or more is likely a mistake: what exceeds it is charged as implausible.
const TENFOLD: u64 = 10;

/// Where a price applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricePlace {
    /// The model.
    pub model: Arc<str>,
    /// The vendor that serves it.
    pub vendor: Arc<str>,
    /// The region of the route, where it is known.
    pub region: Option<String>,
    /// The service tier; the default one where `None`.
    pub tier: Option<String>,
    /// The input above which it applies; any where `None`.
    pub above_input: Option<Tokens>,
    /// The class of tokens, or the tool.
    pub item: Item,
}

impl fmt::Display for PricePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} by {}", self.item.name(), self.model, self.vendor)?;
        if let Some(region) = &self.region {
            write!(f, " in {region}")?;
        }
        if let Some(tier) = &self.tier {
            write!(f, ", tier {tier}")?;
        }
        self.above_input.map_or(Ok(()), |above| write!(f, ", above {} tokens", above.get()))
    }
}

/// A price that changes. A bucket whose rate follows from the input's or the output's, before and after, is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceChange {
    /// Where it applies.
    pub place: PricePlace,
    /// The price so far; `None` where a tool had none.
    pub old: Option<Rate>,
    /// The price from now on; `None` where a tool has none any more.
    pub new: Option<Rate>,
}

impl PriceChange {
    /// The change in hundredths of a percent, rounded toward zero; `None` from or to no price, or from zero.
    #[must_use]
    pub fn bps(&self) -> Option<i128> {
        let (old, new) = (i128::from(self.old?.get()), i128::from(self.new?.get()));
        new.checked_sub(old)?.checked_mul(WHOLE_BPS)?.checked_div(old)
    }

    /// Whether a price becomes zero. A tool that loses its fee is refused, not free.
    pub(crate) fn becomes_free(&self) -> bool {
        self.old.is_some_and(|old| old != Rate::FREE) && self.new == Some(Rate::FREE)
    }

    /// Whether a price changes a thousandfold or more; from zero, by any amount.
    pub(crate) fn is_thousandfold(&self) -> bool {
        let (Some(old), Some(new)) = (self.old, self.new) else { return false };
        let (less, more) = (old.min(new), old.max(new));
        less != more && more.get() >= less.get().saturating_mul(FACTOR)
    }
}

/// A route that comes or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteChange {
    /// The model.
    pub model: Arc<str>,
    /// The vendor.
    pub vendor: Arc<str>,
    /// A class of tokens that is free on it, where that is not said to be meant; only of a route that comes.
    pub free: Option<PricePlace>,
}

/// A model that is no longer in the book, or can no longer be sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vanished {
    /// The model.
    pub model: Arc<str>,
    /// Whether it was on sale.
    pub was_on_sale: bool,
}

/// Something besides a price that changes. Limits bound what is charged, and other facts are promises to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactChange {
    /// The model.
    pub model: Arc<str>,
    /// What it is, such as `context window`.
    pub what: String,
    /// What it was.
    pub old: String,
    /// What it is from now on.
    pub new: String,
    /// Whether it is likely a mistake: a limit that changes tenfold, or a promise about data that is new.
    pub is_drastic: bool,
}

/// What one price book changes of another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookDiff {
    /// Models that are new, with their routes.
    pub added: Vec<RouteChange>,
    /// New routes of models that were there.
    pub routes_added: Vec<RouteChange>,
    /// Routes that are gone, of models that are still there.
    pub routes_vanished: Vec<RouteChange>,
    /// Prices that change.
    pub changed: Vec<PriceChange>,
    /// Models that are gone.
    pub vanished: Vec<Vanished>,
    /// Facts besides prices that change.
    pub facts: Vec<FactChange>,
}

impl BookDiff {
    /// What `new` changes of `old`; `sells` says whether a model can be sold.
    pub fn between(old: &Catalog, new: &Catalog, sells: impl Fn(&Model) -> bool) -> Self {
        let of_new: BTreeMap<&str, &Arc<Model>> = new.models().iter().map(|model| (&*model.id, model)).collect();
        let of_old: BTreeSet<&str> = old.models().iter().map(|model| &*model.id).collect();
        let mut diff = Self::default();
        for model in new.models().iter().filter(|model| !of_old.contains(&*model.id)) {
            diff.added.extend(model.routes().map(|route| added(model, route)));
        }
        for before in old.models() {
            let after = of_new.get(&*before.id);
            let was_on_sale = sells(before);
            if after.is_none_or(|after| was_on_sale && !sells(after)) {
                diff.vanished.push(Vanished { model: Arc::clone(&before.id), was_on_sale });
            }
            if let Some(after) = after {
                diff.compare(before, after);
            }
        }
        diff
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn compare(&mut self, old: &Model, new: &Model) {
        self.facts.extend(facts(old, new));
        let (mut before, after) = (by_place(old), by_place(new));
        for (place, route) in after {
            match before.remove(&place) {
                Some(known) => {
                    self.changed.extend(changes(new, known, route));
                    self.facts.extend(route_facts(new, known, route));
                }
                None => {
                    self.routes_added.push(added(new, route));
                    // A model may have moved to another vendor. That has prices of its own, but not any.
                    let moved = changes(new, &old.route, route).into_iter();
                    self.changed.extend(moved.filter(|change| change.becomes_free() || change.is_thousandfold()));
                }
            }
        }
        let gone = before.into_values().map(|route| RouteChange {
            model: Arc::clone(&old.id),
            vendor: Arc::clone(&route.vendor),
            free: None,
        });
        self.routes_vanished.extend(gone);
    }
}

fn facts(old: &Model, new: &Model) -> Vec<FactChange> {
    let list = |names: &[String]| names.join(", ");
    let id = &new.id;
    let of = |what: &str, [old, new]: [String; 2], is_drastic| FactChange {
        model: Arc::clone(id),
        what: what.to_owned(),
        old,
        new,
        is_drastic,
    };
    let limit = |what, old: u64, new: u64| of(what, [old, new].map(|limit| limit.to_string()), is_tenfold(old, new));
    let all = [
        limit("context window", old.context_window, new.context_window),
        limit("longest output", old.max_output_tokens, new.max_output_tokens),
        of("kind", [old.kind, new.kind].map(|kind| kind.name().to_owned()), true),
        of("input", [&old.input_modalities, &new.input_modalities].map(|names| list(names)), false),
        of("output", [&old.output_modalities, &new.output_modalities].map(|names| list(names)), false),
        of("support", [&old.supports, &new.supports].map(|names| list(names)), false),
        of("aliases", [&old.aliases, &new.aliases].map(|names| list(names)), false),
        of("deprecated", [old.deprecated, new.deprecated].map(|is| is.to_string()), false),
    ];
    all.into_iter().filter(|fact| fact.old != fact.new).collect()
}

fn route_facts(model: &Model, old: &Route, new: &Route) -> Vec<FactChange> {
    let vendor = &new.vendor;
    let of = |what: &str, [old, new]: [String; 2], is_drastic| FactChange {
        model: Arc::clone(&model.id),
        what: format!("{what} at {vendor}"),
        old,
        new,
        is_drastic,
    };
    let said = |promise: Option<bool>| promise.map_or("the vendor's", |is| if is { "yes" } else { "no" }).to_owned();
    let all = [
        of("name", [&old.upstream_model, &new.upstream_model].map(|name| name.to_string()), false),
        of("retention of nothing", [old.zdr, new.zdr].map(said), new.zdr == Some(true)),
        of(
            "collection of data",
            [old.data_collection, new.data_collection].map(said),
            new.data_collection == Some(false),
        ),
    ];
    all.into_iter().filter(|fact| fact.old != fact.new).collect()
}

/// Whether a limit changes tenfold or more, up or down.
const fn is_tenfold(old: u64, new: u64) -> bool {
    let (less, more) = if old < new { (old, new) } else { (new, old) };
    less != more && more / TENFOLD >= less
}

/// The routes of a model by vendor, region, and their number among those of the same vendor and region: a vendor's other
/// name for a model is no other route, so that its prices are compared.
fn by_place(model: &Model) -> BTreeMap<(&str, Option<&str>, usize), &Route> {
    let mut routes = BTreeMap::new();
    for route in model.routes() {
        let place = |number| (&*route.vendor, route.region.as_deref(), number);
        let free = (0..).find(|number| !routes.contains_key(&place(*number)));
        routes.insert(place(free.unwrap_or_default()), route);
    }
    routes
}

/// Service tiers and thresholds of cards.
fn places<'a>(cards: &[&'a PriceCard]) -> Vec<(Option<&'a str>, Option<Tokens>)> {
    let tiers: BTreeSet<Option<&str>> =
        cards.iter().flat_map(|card| card.tier_names()).map(Some).chain([None]).collect();
    let above: BTreeSet<Option<Tokens>> =
        cards.iter().flat_map(|card| card.thresholds()).map(Some).chain([None]).collect();
    tiers.iter().flat_map(|tier| above.iter().map(|above| (*tier, *above))).collect()
}

/// The rate of a bucket just above a threshold.
fn rate(card: &PriceCard, (tier, above): (Option<&str>, Option<Tokens>), bucket: Bucket) -> Rate {
    let input = above.map_or(Tokens::ZERO, |above| Tokens::new(above.get().saturating_add(1)));
    card.rate_in(tier, input, bucket)
}

fn place(model: &Model, route: &Route, (tier, above): (Option<&str>, Option<Tokens>), item: Item) -> PricePlace {
    PricePlace {
        model: Arc::clone(&model.id),
        vendor: Arc::clone(&route.vendor),
        region: route.region.clone(),
        tier: tier.map(str::to_owned),
        above_input: above,
        item,
    }
}

fn added(model: &Model, route: &Route) -> RouteChange {
    let is_free = |at, bucket: Bucket| model.bills(bucket) && rate(&route.card, at, bucket) == Rate::FREE;
    let mut all = places(&[&route.card]).into_iter().flat_map(|at| Bucket::ALL.map(|bucket| (at, bucket)));
    let free = all.find(|(at, bucket)| !model.free && is_free(*at, *bucket));
    RouteChange {
        model: Arc::clone(&model.id),
        vendor: Arc::clone(&route.vendor),
        free: free.map(|(at, bucket)| place(model, route, at, Item::Tokens(bucket))),
    }
}

fn changes(model: &Model, old: &Route, new: &Route) -> Vec<PriceChange> {
    let pair = |at, bucket| (rate(&old.card, at, bucket), rate(&new.card, at, bucket));
    let mut changes = Vec::new();
    for at in places(&[&old.card, &new.card]) {
        for bucket in Bucket::ALL {
            let (before, after) = pair(at, bucket);
            let base = if bucket.is_input() { Bucket::InputUncached } else { Bucket::Output };
            let follows_base = bucket != base && pair(at, base) == (before, after);
            let follows_default = at != (None, None) && pair((None, None), bucket) == (before, after);
            if before != after && !follows_base && !follows_default {
                let place = place(model, new, at, Item::Tokens(bucket));
                changes.push(PriceChange { place, old: Some(before), new: Some(after) });
            }
        }
    }
    for tool in ToolUse::ALL {
        let (before, after) = (old.card.per_use(tool), new.card.per_use(tool));
        if before != after || old.card.bills_once(tool) != new.card.bills_once(tool) {
            let place = place(model, new, (None, None), Item::Uses(tool));
            changes.push(PriceChange { place, old: before, new: after });
        }
    }
    changes
}
