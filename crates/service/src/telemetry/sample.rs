//! Values that are read at a scrape.

use super::family::{Family, Kind};
use opencredits_units::NanoUsd;

/// Values of now, which are recorded together.
#[derive(Debug, Default)]
pub struct Samples(Vec<Sample>);

#[derive(Debug)]
struct Sample {
    family: &'static Family,
    labels: Vec<String>,
    value: f64,
}

impl Samples {
    /// Adds a value.
    pub fn add(&mut self, family: &'static Family, labels: &[&str], value: f64) {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        self.0.push(Sample { family, labels, value });
    }

    /// Adds a count.
    pub fn count(&mut self, family: &'static Family, labels: &[&str], count: impl TryInto<u64>) {
        self.add(family, labels, float(count.try_into().unwrap_or(u64::MAX)));
    }

    /// Adds an amount, in dollars or in units of another currency.
    pub fn amount(&mut self, family: &'static Family, labels: &[&str], amount: NanoUsd) {
        self.add(family, labels, units(amount));
    }

    /// Adds a number of milliseconds, in seconds.
    pub fn ms(&mut self, family: &'static Family, labels: &[&str], ms: u64) {
        self.add(family, labels, seconds(ms));
    }

    /// The value of a series.
    #[must_use]
    pub fn value(&self, family: &Family, labels: &[&str]) -> Option<f64> {
        let is_it = |sample: &&Sample| sample.family.name == family.name && sample.labels == labels;
        self.0.iter().find(is_it).map(|sample| sample.value)
    }

    /// The series of a family: the values of its labels, and its own.
    pub fn of<'a>(&'a self, family: &'a Family) -> impl Iterator<Item = (&'a [String], f64)> + 'a {
        let of_it = self.0.iter().filter(|sample| sample.family.name == family.name);
        of_it.map(|sample| (sample.labels.as_slice(), sample.value))
    }

    /// Records all of them.
    pub fn record(&self) {
        for Sample { family, labels, value } in &self.0 {
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            match family.kind {
                Kind::Counter => family.counter_of(&labels).absolute(whole(*value)),
                Kind::Gauge => family.gauge_of(&labels).set(*value),
                Kind::Histogram(_) => family.histogram_of(&labels).record(*value),
            }
        }
    }
}

/// A count as a metric, which is a float: no figure is computed from it.
pub(crate) fn float(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a metric is a float, exact up to 2^53")]
    let value = count as f64;
    value
}

fn whole(value: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was a count")]
    let count = value as u64;
    count
}

/// Milliseconds as seconds.
pub(crate) fn seconds(ms: u64) -> f64 {
    float(ms) / 1_000.0
}

/// Billionths as whole units. The text of an amount is always a number.
fn units(amount: NanoUsd) -> f64 {
    amount.to_string().parse().unwrap_or_default()
}
