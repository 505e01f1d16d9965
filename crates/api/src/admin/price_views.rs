//! Requests of an operator about price books, and their replies.

use opencredits_catalog::{BookDiff, FactChange, Finding, PriceChange};
use opencredits_service::prices::{ListedBook, RefreshOutcome, Refreshed};
use opencredits_units::{Rate, UnixMs};
use serde::{Deserialize, Serialize};

/// Rows of each list in a comparison; the others are only counted.
const ROWS_MAX: usize = 1_000;

/// A request about price books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "prices_do", rename_all = "snake_case")]
pub enum PriceRequest {
    /// Loads a book and compares it; puts it into force where `apply` says so and nothing stands against it.
    Refresh {
        /// The source, a file as the gateway sees it or a URL; the config's where there is none.
        from: Option<String>,
        /// Models whose findings were agreed to.
        #[serde(default)]
        accept: Vec<String>,
        /// Whether it is put into force.
        #[serde(default)]
        apply: bool,
        /// The version that was looked at: another one is not put into force.
        #[serde(default)]
        version: Option<String>,
    },
    /// Lists the books that are kept.
    List,
    /// Compares a book that is kept; puts it into force again where `apply` says so.
    RollBack {
        /// Its version.
        version: String,
        /// Whether it is put into force.
        #[serde(default)]
        apply: bool,
    },
}

/// What became of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshOutcomeView {
    /// It is in force, and on disk.
    Applied,
    /// It was in force before.
    Unchanged,
    /// It was compared only.
    Compared,
    /// It has findings that nobody has agreed to.
    Refused,
}

impl From<RefreshOutcome> for RefreshOutcomeView {
    fn from(outcome: RefreshOutcome) -> Self {
        match outcome {
            RefreshOutcome::Applied => Self::Applied,
            RefreshOutcome::Unchanged => Self::Unchanged,
            RefreshOutcome::Compared => Self::Compared,
            RefreshOutcome::Refused => Self::Refused,
        }
    }
}

/// A price that changes, in dollars for one token or use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceChangeView {
    /// The model.
    pub model: String,
    /// The vendor that serves it.
    pub vendor: String,
    /// The class of tokens, or the tool.
    pub what: String,
    /// The service tier, the threshold, the region, where they are not the default ones.
    pub at: String,
    /// The price so far; none where a tool had none.
    pub old_usd: Option<String>,
    /// The price from now on; none where a tool has none any more.
    pub new_usd: Option<String>,
    /// The change in percent; none from or to no price, or from zero.
    pub percent: Option<String>,
}

impl From<&PriceChange> for PriceChangeView {
    fn from(change: &PriceChange) -> Self {
        let place = &change.place;
        let tier = place.tier.as_ref().map(|tier| format!("tier {tier}"));
        let above = place.above_input.map(|above| format!("above {}", above.get()));
        let at = [tier, above, place.region.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let usd = |rate: Option<Rate>| rate.map(|rate| rate.usd_per_unit().to_string());
        Self {
            model: place.model.to_string(),
            vendor: place.vendor.to_string(),
            what: place.item.name().to_owned(),
            at,
            old_usd: usd(change.old),
            new_usd: usd(change.new),
            percent: change.bps().map(percent),
        }
    }
}

/// Hundredths of a percent in words, such as `+12.5`.
fn percent(bps: i128) -> String {
    let sign = if bps < 0 { "-" } else { "+" };
    let text = format!("{sign}{}.{:02}", bps.unsigned_abs() / 100, bps.unsigned_abs() % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A route that comes or goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteView {
    /// The model.
    pub model: String,
    /// The vendor.
    pub vendor: String,
}

/// A fact besides a price that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactView {
    /// The model.
    pub model: String,
    /// What it is, such as `context window`.
    pub what: String,
    /// What it was.
    pub old: String,
    /// What it is from now on.
    pub new: String,
}

impl From<&FactChange> for FactView {
    fn from(fact: &FactChange) -> Self {
        let FactChange { model, what, old, new, .. } = fact;
        Self { model: model.to_string(), what: what.clone(), old: old.clone(), new: new.clone() }
    }
}

/// A change that is likely a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingView {
    /// The model: to agree, name it.
    pub model: String,
    /// What it is, in words.
    pub what: String,
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self { model: finding.model.to_string(), what: finding.to_string() }
    }
}

/// A book that was looked at, and what became of it. Each list has a thousand rows at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshView {
    /// What became of it.
    pub outcome: RefreshOutcomeView,
    /// Its version.
    pub version: String,
    /// The version that was in force before.
    pub before: String,
    /// New models, with each of their routes.
    pub added: Vec<RouteView>,
    /// New routes of models that were there.
    pub routes_added: Vec<RouteView>,
    /// Routes that are gone.
    pub routes_vanished: Vec<RouteView>,
    /// Prices that change.
    pub changed: Vec<PriceChangeView>,
    /// The number of prices that change.
    pub changed_total: usize,
    /// Models that are gone, on sale or not.
    pub vanished: Vec<String>,
    /// Facts besides prices that change.
    #[serde(default)]
    pub facts: Vec<FactView>,
    /// What nobody has agreed to.
    pub findings: Vec<FindingView>,
    /// Whether what was found stands against the book until somebody agrees. It does not where a book is put back.
    #[serde(default = "yes")]
    pub needs_word: bool,
    /// Vendors of new routes that are not known here; the routes are not on sale.
    #[serde(default)]
    pub unknown_vendors: Vec<String>,
}

const fn yes() -> bool {
    true
}

impl RefreshView {
    /// Whether the book is in force.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        matches!(self.outcome, RefreshOutcomeView::Applied | RefreshOutcomeView::Unchanged)
    }
}

impl From<Refreshed> for RefreshView {
    fn from(refreshed: Refreshed) -> Self {
        let BookDiff { added, routes_added, routes_vanished, changed, vanished, facts } = &refreshed.diff;
        let routes = |routes: &[opencredits_catalog::RouteChange]| {
            let view = |route: &opencredits_catalog::RouteChange| RouteView {
                model: route.model.to_string(),
                vendor: route.vendor.to_string(),
            };
            routes.iter().take(ROWS_MAX).map(view).collect()
        };
        Self {
            outcome: refreshed.outcome.into(),
            version: refreshed.version.to_string(),
            before: refreshed.before.to_string(),
            added: routes(added),
            routes_added: routes(routes_added),
            routes_vanished: routes(routes_vanished),
            changed: changed.iter().take(ROWS_MAX).map(Into::into).collect(),
            changed_total: changed.len(),
            vanished: vanished.iter().take(ROWS_MAX).map(|vanished| vanished.model.to_string()).collect(),
            facts: facts.iter().take(ROWS_MAX).map(Into::into).collect(),
            findings: refreshed.findings.iter().take(ROWS_MAX).map(Into::into).collect(),
            needs_word: refreshed.needs_word,
            unknown_vendors: refreshed.unknown_vendors,
        }
    }
}

/// A price book that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBookView {
    /// Its version.
    pub version: String,
    /// Where it came from.
    pub source: String,
    /// When it was loaded first; none of the compiled-in one.
    pub added_at_ms: Option<UnixMs>,
    /// When it came into force the last time, where that is known.
    pub in_force_since_ms: Option<UnixMs>,
    /// Whether it is in force.
    pub is_in_force: bool,
}

impl From<ListedBook> for PriceBookView {
    fn from(book: ListedBook) -> Self {
        Self {
            version: book.version,
            source: book.source,
            added_at_ms: book.added_at,
            in_force_since_ms: book.in_force_since,
            is_in_force: book.is_in_force,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_percentage_with_its_sign() {
        let check = |bps, expect| assert_eq!(percent(bps), expect);
        check(1_250, "+12.5");
        check(-7_500, "-75");
        check(-5, "-0.05");
        check(100_000, "+1000");
    }
}
