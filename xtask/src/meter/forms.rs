//! How a recorded interface is read.

use crate::outcome::Outcome;
use opencredits_providers::{Dialect, UsageLayout};
use opencredits_testkit::Recording;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The table of interfaces.
const FORMS: &str = include_str!("forms.toml");

/// What reads an interface.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader {
    Dialect(Dialect),
    /// A form that has counts and nothing else.
    Counts(&'static UsageLayout),
}

impl Reader {
    fn named(name: &str) -> Option<Self> {
        let dialect = name.parse().map(Self::Dialect).ok();
        dialect.or_else(|| UsageLayout::named(name).map(Self::Counts))
    }
}

/// How each interface is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forms {
    ends: BTreeMap<String, String>,
    by_path: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) resold: Resold,
}

/// Why a reseller's price may differ from the book's, and how far.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resold {
    pub(super) times_max: f64,
    pub(super) why: String,
}

impl Forms {
    pub(crate) fn read() -> Outcome<Self> {
        Ok(toml::from_str(FORMS)?)
    }

    /// What reads a recording, or why nothing does.
    pub(crate) fn reader(&self, recording: &Recording) -> Result<Reader, String> {
        let api = recording.row.api.as_str();
        let parts = self.by_path.get(api).into_iter().flatten();
        let by_path = parts.filter(|(part, _)| recording.request_path.contains(part.as_str()));
        let ends = self.ends.iter().filter(|(end, _)| api.ends_with(end.as_str()));
        let by_end = ends.max_by_key(|(end, _)| end.len());
        let mut readers = by_path.chain(by_end).filter_map(|(_, name)| Reader::named(name)).peekable();
        if readers.peek().is_none() {
            return Err("no dialect of the gateway".to_owned());
        }
        let binary = recording.body_base64.is_some();
        let fit = readers.find(|reader| !binary || matches!(reader, Reader::Counts(_)));
        fit.ok_or_else(|| "a binary answer".to_owned())
    }
}
