//! The latest comparison as metrics.

use super::report::ProviderReport;
use metrics::{Unit, describe_gauge, gauge};
use opencredits_units::{BasisPoints, NanoUsd};
use parking_lot::Mutex;
use std::collections::BTreeSet;

const DRIFT_USD: &str = "opencredits_provider_drift_usd";
const DRIFT_RATIO: &str = "opencredits_provider_drift_ratio";
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
        describe_gauge!(DRIFT_USD, Unit::Count, "what the provider billed less what was booked, in US dollars");
        describe_gauge!(DRIFT_RATIO, Unit::Count, "the same as a share of the larger figure");
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
    // A metric is a float; no figure is computed from it. The text of an amount is always a number.
    let usd: f64 = amount.to_string().parse().unwrap_or_default();
    let ratio = f64::from(i32::try_from(bps).unwrap_or(i32::MAX)) / f64::from(BasisPoints::WHOLE);
    let labels = [("vendor", vendor.clone()), ("model", model.clone()), ("class", class.clone())];
    gauge!(DRIFT_USD, &labels).set(usd);
    gauge!(DRIFT_RATIO, &labels).set(ratio);
}
