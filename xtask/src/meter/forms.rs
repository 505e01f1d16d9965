//! Which dialect a recorded interface speaks, and what its usage costs by the price book.

use crate::Outcome;
use opencredits_catalog::Catalog;
use opencredits_providers::{Dialect, Outcome as Answer};
use opencredits_testkit::Recording;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The table of interfaces.
const FORMS: &str = include_str!("forms.toml");
/// Pico-USD in a USD.
const PICO: f64 = 1e12;

/// Which dialect an interface speaks.
pub(super) struct Forms {
    table: Table,
    catalog: Catalog,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    ends: BTreeMap<String, String>,
    by_model: BTreeMap<String, BTreeMap<String, String>>,
    apart: BTreeMap<String, String>,
    /// Why a provider's price may differ from the book's, by the beginning of the interface.
    prices: BTreeMap<String, String>,
}

/// What the usage of an exchange costs, beside what its provider said.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Priced {
    /// The provider said nothing of money.
    Untold,
    /// The price book has no such model.
    UnknownModel,
    /// Both agree within a rounding.
    Same,
    /// They differ: ours, theirs, in USD, and why.
    Differs(f64, f64, Option<String>),
}

impl Forms {
    pub(super) fn read() -> Outcome<Self> {
        Ok(Self { table: toml::from_str(FORMS)?, catalog: Catalog::builtin()? })
    }

    /// The dialect of a recording, or why it is not supported.
    pub(super) fn dialect(&self, recording: &Recording) -> Result<Dialect, String> {
        let api = recording.row.api.as_str();
        let models = self.table.by_model.get(api).into_iter().flatten();
        let mut models = models.filter(|(part, _)| recording.request_path.contains(part.as_str()));
        let of_model = models.next().filter(|_| recording.body_base64.is_none());
        if let Some(dialect) = of_model.and_then(|(_, name)| name.parse().ok()) {
            return Ok(dialect);
        }
        if let Some(why) = self.table.apart.get(api) {
            return Err(why.clone());
        }
        if recording.body_base64.is_some() {
            return Err("a binary answer".to_owned());
        }
        let ends = self.table.ends.iter().filter(|(end, _)| api.ends_with(end.as_str()));
        let name = ends.max_by_key(|(end, _)| end.len()).map(|(_, name)| name);
        name.and_then(|name| name.parse().ok()).ok_or_else(|| "no dialect of the gateway".to_owned())
    }

    /// Compares what the price book makes of the usage with what the provider said.
    pub(super) fn priced(&self, recording: &Recording, answer: Option<&Answer>) -> Priced {
        let Some(theirs) = recording.expected.provider_reported_cost.as_ref().and_then(serde_json::Value::as_f64)
        else {
            return Priced::Untold;
        };
        let usage = answer.and_then(|answer| answer.usage);
        let names = [recording.expected.model.as_deref(), recording.row.model.as_deref()];
        let model = names.into_iter().flatten().find_map(|name| self.catalog.resolve(name).ok());
        let (Some(usage), Some(model)) = (usage, model) else {
            return Priced::UnknownModel;
        };
        let tier = answer.and_then(|answer| answer.service_tier.as_deref());
        let Ok(bill) = model.route.card.price(&usage, tier) else {
            return Priced::UnknownModel;
        };
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a comparison for people")]
        let ours = bill.cost.get() as f64 / PICO;
        if (ours - theirs).abs() <= theirs.abs() * 0.005 + 1e-8 {
            return Priced::Same;
        }
        let why = self.table.prices.iter().find(|(start, _)| recording.row.api.starts_with(start.as_str()));
        Priced::Differs(ours, theirs, why.map(|(_, why)| why.clone()))
    }
}
