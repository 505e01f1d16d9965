//! The latest comparison as metrics.

use super::report::ProviderReport;
use crate::telemetry::families::{DRIFT_RATIO, DRIFT_USD};
use crate::telemetry::units;
use opencredits_units::{BasisPoints, NanoUsd};
use parking_lot::Mutex;
use std::collections::BTreeSet;

/// Series that are kept. A vendor that names ever new models would fill the memory.
const SERIES_MAX: usize = 5_000;

/// Vendor, model, class.
type Labels = [String; 3];

/// The series that have been set, so that one which is gone from the report does not keep its value.
#[derive(Default)]
pub(super) struct DriftGauges(Mutex<BTreeSet<Labels>>);

impl DriftGauges {
    /// Sets the gauges to the figures of a day's report.
    pub(super) fn set(&self, report: &ProviderReport) {
        let mut known = self.0.lock();
        let mut gone = std::mem::take(&mut *known);
        for drift in report.rows.iter().take(SERIES_MAX) {
            let key = &drift.key;
            let labels = [key.vendor.clone(), key.model.clone(), key.class.name().to_owned()];
            set(&labels, drift.difference.amount, drift.difference.bps);
            gone.remove(&labels);
            known.insert(labels);
        }
        for labels in gone {
            set(&labels, NanoUsd::ZERO, 0);
        }
    }
}

fn set([vendor, model, class]: &Labels, amount: NanoUsd, bps: i64) {
    let ratio = f64::from(i32::try_from(bps).unwrap_or(i32::MAX)) / f64::from(BasisPoints::WHOLE);
    DRIFT_USD.gauge_of(&[vendor, model, class]).set(units(amount));
    DRIFT_RATIO.gauge_of(&[vendor, model, class]).set(ratio);
}
