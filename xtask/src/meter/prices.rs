//! What a usage costs by the price book, beside what its provider said.

use super::forms::{Forms, Resold};
use crate::outcome::Outcome;
use opencredits_catalog::{Catalog, CatalogError, Model};
use opencredits_providers::Outcome as Answer;
use opencredits_testkit::Recording;
use opencredits_units::Usage;
use std::sync::Arc;

/// Pico-USD in a USD.
const PICO: f64 = 1e12;
/// What a USD has of the ticks that some providers tell costs in.
const TICKS: f64 = 1e10;
/// What two prices may differ by, of theirs and in USD: providers round.
const ROUNDING: (f64, f64) = (0.005, 1e-8);

/// What the usage of an exchange costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ours {
    /// That, by the price of this vendor.
    Usd(f64, ConfiguredVendor),
    /// The price book has no such model.
    UnknownModel,
    /// There is nothing to price.
    NoUsage,
    /// The sum is none that could be charged.
    Overflow,
}

/// Whose price the book's is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ConfiguredVendor {
    /// That of the provider that answered.
    Provider,
    /// Another vendor's: the provider resells.
    Other,
}

/// How that compares with what the provider said.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Theirs {
    /// It said nothing of money.
    Untold,
    /// It did, and ours is not known.
    Alone,
    /// Both agree within a rounding.
    Same,
    /// They differ, and why they may.
    Explained(String),
    /// They differ.
    Wrong(String),
}

/// The prices of the book.
pub(super) struct Prices(Catalog);

impl Prices {
    pub(super) fn read() -> Outcome<Self> {
        Ok(Self(Catalog::builtin()?))
    }

    /// What an answer costs, whatever was billed besides included.
    pub(super) fn ours(&self, recording: &Recording, answer: &Answer) -> Ours {
        let Some(usage) = &answer.usage else { return Ours::NoUsage };
        let names = [recording.expected.model.as_deref(), recording.row.model.as_deref(), answer.model.as_deref()];
        let names: Vec<&str> = names.into_iter().flatten().collect();
        let tier = answer.service_tier.as_deref();
        let besides = answer.additional.iter().map(|(model, usage)| self.cost(&[model], usage, None));
        let all: Result<f64, Ours> = std::iter::once(self.cost(&names, usage, tier)).chain(besides).sum();
        let card = self.model(&names).map(|model| model.route.vendor.to_string());
        let own = card.is_some_and(|vendor| vendor == recording.row.provider);
        all.map_or_else(
            |ours| ours,
            |usd| Ours::Usd(usd, if own { ConfiguredVendor::Provider } else { ConfiguredVendor::Other }),
        )
    }

    fn model(&self, names: &[&str]) -> Option<&Arc<Model>> {
        names.iter().find_map(|name| self.0.resolve(name).ok())
    }

    fn cost(&self, names: &[&str], usage: &Usage, tier: Option<&str>) -> Result<f64, Ours> {
        let model = self.model(names).ok_or(Ours::UnknownModel)?;
        let bill = model.route.card.price(usage, tier).map_err(|_: CatalogError| Ours::Overflow)?;
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a comparison for people")]
        let cost = bill.cost.get() as f64 / PICO;
        Ok(cost)
    }
}

/// What the provider said it cost, in USD.
fn told(recording: &Recording) -> Option<f64> {
    let cost = recording.expected.provider_reported_cost.as_ref().and_then(serde_json::Value::as_f64);
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a comparison for people")]
    let ticks = recording.expected.provider_reported_cost_usd_ticks.map(|ticks| ticks as f64 / TICKS);
    cost.or(ticks)
}

/// Compares what the price book makes of an exchange with what the provider said.
pub(super) fn theirs(forms: &Forms, recording: &Recording, ours: Ours) -> Theirs {
    let Some(told) = told(recording) else { return Theirs::Untold };
    let (ours, vendor) = match ours {
        Ours::Usd(ours, vendor) => (ours, vendor),
        Ours::UnknownModel => return Theirs::Alone,
        Ours::NoUsage if told == 0.0 => return Theirs::Same,
        Ours::NoUsage => return Theirs::Wrong(format!("no usage, the provider says {told:.9} USD")),
        Ours::Overflow => return Theirs::Wrong(format!("no sum to be charged, the provider says {told:.9} USD")),
    };
    if (ours - told).abs() <= told.abs() * ROUNDING.0 + ROUNDING.1 {
        return Theirs::Same;
    }
    let both = format!("{ours:.9} USD, the provider says {told:.9}");
    let Resold { times_max, why } = &forms.resold;
    let within = told == 0.0 || (ours <= told * times_max && told <= ours * times_max);
    match vendor {
        ConfiguredVendor::Other if within => Theirs::Explained(format!("{both}: {why}")),
        ConfiguredVendor::Other | ConfiguredVendor::Provider => Theirs::Wrong(both),
    }
}
