//! The latest comparison, for metrics and alarms.

use super::report::ProviderReport;
use crate::telemetry::Samples;
use crate::telemetry::families::{DRIFT_RATIO, DRIFT_USD};
use opencredits_units::{BasisPoints, NanoUsd};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Series that are kept. A vendor that names ever new models would fill the memory.
const SERIES_MAX: usize = 5_000;

/// Vendor, model, class.
type Labels = [String; 3];

/// The figures of the latest report: one that is gone from it is gone from here.
#[derive(Default)]
pub(super) struct DriftGauges(Mutex<BTreeMap<Labels, (NanoUsd, i64)>>);

impl DriftGauges {
    /// Takes the figures of a day's report.
    pub(super) fn set(&self, report: &ProviderReport) {
        let rows = report.rows.iter().take(SERIES_MAX).map(|drift| {
            let key = &drift.key;
            let labels = [key.vendor.clone(), key.model.clone(), key.class.name().to_owned()];
            (labels, (drift.difference.amount, drift.difference.bps))
        });
        *self.0.lock() = rows.collect();
    }

    /// Adds the figures.
    pub(super) fn sample(&self, samples: &mut Samples) {
        for ([vendor, model, class], (amount, bps)) in &*self.0.lock() {
            let ratio = f64::from(i32::try_from(*bps).unwrap_or(i32::MAX)) / f64::from(BasisPoints::WHOLE);
            samples.amount(&DRIFT_USD, &[vendor, model, class], *amount);
            samples.add(&DRIFT_RATIO, &[vendor, model, class], ratio);
        }
    }
}
