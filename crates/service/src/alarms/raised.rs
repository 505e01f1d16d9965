//! What the conditions of alarms yield.

use std::collections::BTreeMap;

/// The labels of an alarm: names and values.
pub type AlarmLabels = BTreeMap<String, String>;

/// An alarm whose condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raised {
    pub(super) labels: AlarmLabels,
    pub(super) summary: String,
}

impl Raised {
    pub(super) fn new(labels: &[(&str, &str)], summary: String) -> Self {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { labels: labels.collect(), summary }
    }

    /// An alarm without labels, where its condition holds.
    pub(super) fn one(holds: bool, summary: impl FnOnce() -> String) -> Vec<Self> {
        holds.then(|| Self::new(&[], summary())).into_iter().collect()
    }
}
