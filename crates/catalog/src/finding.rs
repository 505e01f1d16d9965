//! What a person should look at before a new price book is used.

use crate::diff::{BookDiff, FactChange, PriceChange, PricePlace};
use opencredits_units::Rate;
use std::fmt;
use std::sync::Arc;

/// A change that is likely a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The model.
    pub model: Arc<str>,
    /// Its kind.
    pub kind: FindingKind,
}

/// The kind of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// A price becomes zero.
    BecomesFree(PriceChange),
    /// A new model or route has a price of zero, and the book does not say that it may.
    New(PricePlace),
    /// A price changes a thousandfold or more; from zero, by any amount.
    Thousandfold(PriceChange),
    /// A model that was on sale is gone.
    Vanishes,
    /// A limit changes tenfold, or a promise about data is new.
    Fact(FactChange),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FindingKind::BecomesFree(change) => write!(f, "the price {} becomes zero", change.place),
            FindingKind::New(place) => {
                write!(
                    f,
                    "the price {place} is new and zero; a book says of a model that this is meant by \"free\": true"
                )
            }
            FindingKind::Thousandfold(change) => {
                let price = |rate: Option<Rate>| rate.unwrap_or_default().usd_per_unit().to_string();
                let (old, new) = (price(change.old), price(change.new));
                write!(f, "the price {} changes a thousandfold or more, from {old} to {new} USD each", change.place)
            }
            FindingKind::Fact(FactChange { model, what, old, new, .. }) => {
                write!(f, "{model}: {what} is {new}, was {old}")
            }
            FindingKind::Vanishes => write!(f, "{} is on sale and would be no more", self.model),
        }
    }
}

impl BookDiff {
    /// What is likely a mistake in it: a price that becomes zero, or of a new model is zero without being said to be meant; one
    /// that changes a thousandfold; a model on sale that is gone; a limit that changes tenfold; a promise about data that is
    /// new.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let of = |model: &Arc<str>, kind| Finding { model: Arc::clone(model), kind };
        let new = self.added.iter().chain(&self.routes_added);
        let new = new.filter_map(|route| Some(of(&route.model, FindingKind::New(route.free.clone()?))));
        let changed = self.changed.iter().filter_map(|change| Some(of(&change.place.model, kind_of(change)?)));
        let gone = self.vanished.iter().filter(|vanished| vanished.was_on_sale);
        let gone = gone.map(|vanished| of(&vanished.model, FindingKind::Vanishes));
        let facts = self.facts.iter().filter(|fact| fact.is_drastic);
        let facts = facts.map(|fact| of(&fact.model, FindingKind::Fact(fact.clone())));
        new.chain(changed).chain(gone).chain(facts).collect()
    }
}

fn kind_of(change: &PriceChange) -> Option<FindingKind> {
    if change.becomes_free() {
        return Some(FindingKind::BecomesFree(change.clone()));
    }
    change.is_thousandfold().then(|| FindingKind::Thousandfold(change.clone()))
}
