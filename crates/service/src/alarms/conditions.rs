//! When each alarm is raised, and what it says. The bounds are those of `ops/prometheus/rules.yml`.

use super::history::History;
use super::raised::Raised;
use crate::telemetry::families::{
    DISK_FREE, DISK_SIZE, DRIFT_RATIO, DRIFT_USD, JOB_FAILURES, JOB_INTERVAL, JOB_LAST_SUCCESS, LEDGER_BALANCE,
    LEDGER_COMMIT_RUNNING, LEDGER_SOUND, ORDERS_OVERDUE, OUTBOX_OLDEST, PAYMENTS_BALANCE, PRICE_BOOK_AT,
    PROCESS_DESCRIPTORS, PROCESS_DESCRIPTORS_MAX, ROUTE_OUT, TLS_NOT_AFTER, UNREAD, VERIFY_FINDINGS,
};
use crate::telemetry::{Counts, Family, Part, Samples, seconds};
use opencredits_units::UnixMs;
use std::collections::BTreeMap;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_S: f64 = 86_400.0;
/// The share of errors that the objective allows, and that of slow streams.
const ERROR_BUDGET: f64 = 0.005;
const LATENCY_BUDGET: f64 = 0.05;
/// How many times faster than allowed a budget is used up: two percent of a month's in an hour, five percent in six hours.
const FAST: (f64, [u64; 2]) = (14.4, [HOUR_MS, 5 * MINUTE_MS]);
const SLOW: (f64, [u64; 2]) = (6.0, [6 * HOUR_MS, 30 * MINUTE_MS]);
/// The accounts that are zero while our books and the payment processor's agree.
const BETWEEN: [&str; 2] = ["payment_clearing", "suspense"];
/// The largest share of slow commits.
const SLOW_COMMITS: f64 = 0.01;

/// What conditions look at.
pub(super) struct View<'a> {
    pub(super) now: UnixMs,
    pub(super) samples: &'a Samples,
    pub(super) history: &'a History,
}

impl View<'_> {
    /// The series of a family whose value is such, with the names and values of their labels.
    fn series(&self, family: &'static Family, is: impl Fn(f64) -> bool) -> Vec<(Vec<(&'static str, &str)>, f64)> {
        let found = self.samples.of(family).filter(|(_, value)| is(*value));
        found
            .map(|(values, value)| {
                (family.labels.iter().copied().zip(values.iter().map(String::as_str)).collect(), value)
            })
            .collect()
    }

    fn value(&self, family: &'static Family, labels: &[&str]) -> Option<f64> {
        self.samples.value(family, labels)
    }

    /// The share of bad ones in the longer window, where both exceed the budget so many times over.
    fn burnt(&self, part: fn(&Counts) -> Part, budget: f64, (factor, windows): (f64, [u64; 2])) -> Option<f64> {
        let [long, short] = windows.map(|window| self.history.share(window, part));
        long.filter(|share| *share > factor * budget && short.is_some_and(|share| share > factor * budget))
    }

    /// The seconds since a Unix time.
    fn age_s(&self, at_s: f64) -> f64 {
        seconds(self.now.get()) - at_s
    }
}

/// A share as a percentage.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A time in its largest unit that is not below one.
fn span(seconds: f64) -> String {
    const UNITS: [(f64, &str); 3] = [(DAY_S, "days"), (3_600.0, "hours"), (60.0, "minutes")];
    let unit = UNITS.iter().find(|(unit, _)| seconds >= 2.0 * unit);
    unit.map_or_else(
        || format!("{seconds:.0} seconds"),
        |(unit, name)| format!("{:.0} {name}", (seconds / unit).floor()),
    )
}

fn of_errors(view: &View<'_>, pace: (f64, [u64; 2]), words: &str) -> Vec<Raised> {
    let share = view.burnt(|counts| counts.requests, ERROR_BUDGET, pace);
    Raised::one(share.is_some(), || format!("{} of requests fail{words}", percent(share.unwrap_or_default())))
}

fn of_latency(view: &View<'_>, pace: (f64, [u64; 2]), words: &str) -> Vec<Raised> {
    let share = view.burnt(|counts| counts.streams, LATENCY_BUDGET, pace);
    let share_text = || percent(share.unwrap_or_default());
    Raised::one(share.is_some(), || format!("{} of streams begin after more than ten seconds{words}", share_text()))
}

pub(super) fn errors_fast(view: &View<'_>) -> Vec<Raised> {
    of_errors(view, FAST, " on our side or at vendors: two percent of the month's error budget in an hour")
}

pub(super) fn errors_slow(view: &View<'_>) -> Vec<Raised> {
    of_errors(view, SLOW, ": five percent of the month's error budget in six hours")
}

pub(super) fn latency_fast(view: &View<'_>) -> Vec<Raised> {
    of_latency(view, FAST, "")
}

pub(super) fn latency_slow(view: &View<'_>) -> Vec<Raised> {
    of_latency(view, SLOW, ", for hours")
}

/// One alarm for each name whose count has grown.
fn grown(
    view: &View<'_>,
    window_ms: u64,
    counts: fn(&Counts) -> &BTreeMap<String, u64>,
    (label, words): (&str, fn(&str) -> String),
) -> Vec<Raised> {
    let names = view.history.increased(window_ms, counts);
    names.into_iter().map(|name| Raised::new(&[(label, name)], words(name))).collect()
}

pub(super) fn vendor_refuses_account(view: &View<'_>) -> Vec<Raised> {
    let words = |vendor: &str| format!("{vendor} refuses our own account");
    grown(view, 10 * MINUTE_MS, |counts| &counts.refused_accounts, ("vendor", words))
}

pub(super) fn vendor_name_unresolved(view: &View<'_>) -> Vec<Raised> {
    let words = |vendor: &str| format!("the host name of {vendor} cannot be resolved");
    grown(view, 10 * MINUTE_MS, |counts| &counts.unresolved_names, ("vendor", words))
}

pub(super) fn usage_not_believed(view: &View<'_>) -> Vec<Raised> {
    let words = |source: &str| format!("a vendor reported counts that cannot be: {source}");
    grown(view, HOUR_MS, |counts| &counts.not_believed, ("usage_source", words))
}

pub(super) fn ledger_not_sound(view: &View<'_>) -> Vec<Raised> {
    let is_sound = view.value(&LEDGER_SOUND, &["live"]).is_none_or(|sound| sound > 0.0);
    Raised::one(!is_sound, || "the ledger takes no commands since a commit has failed".to_owned())
}

pub(super) fn disk_low(view: &View<'_>) -> Vec<Raised> {
    let (free, size) = (view.value(&DISK_FREE, &[]), view.value(&DISK_SIZE, &[]));
    let share = free.zip(size).filter(|(_, size)| *size > 0.0).map(|(free, size)| free / size);
    let is_low = share.is_some_and(|share| share < 0.1);
    let fills_up = view.history.disk_free_in(UnixMs::DAY_MS).is_some_and(|free| free < 0.0);
    let free = || percent(share.unwrap_or_default());
    Raised::one(is_low || fills_up, || {
        let trend = if fills_up { ", and it will be full within a day" } else { "" };
        format!("the disk of the data folder has little space left: {} is free{trend}", free())
    })
}

pub(super) fn verify_findings(view: &View<'_>) -> Vec<Raised> {
    let found = view.series(&VERIFY_FINDINGS, |count| count > 0.0).into_iter();
    found
        .map(|(labels, count)| {
            Raised::new(&labels, format!("the last verification of the ledger found {count} differences"))
        })
        .collect()
}

pub(super) fn bad_debt(view: &View<'_>) -> Vec<Raised> {
    let balance = view.value(&LEDGER_BALANCE, &["bad_debt"]);
    let change = balance.map_or(0.0, |balance| view.history.bad_debt_change(balance).abs());
    Raised::one(change > 1.0, || format!("{change:.2} dollars of charges could not be collected within a day"))
}

pub(super) fn provider_drift(view: &View<'_>) -> Vec<Raised> {
    let differs = view.series(&DRIFT_USD, |usd| usd.abs() > 1.0).into_iter();
    let differs = differs.filter(|(labels, _)| {
        let values: Vec<&str> = labels.iter().map(|(_, value)| *value).collect();
        view.value(&DRIFT_RATIO, &values).is_some_and(|ratio| ratio.abs() > 0.02)
    });
    differs
        .map(|(labels, usd)| {
            let [vendor, model, class] = ["vendor", "model", "class"].map(|name| of_name(&labels, name));
            let words = format!("{vendor} billed {usd:.2} dollars otherwise than we booked for {model} ({class})");
            Raised::new(&labels, words)
        })
        .collect()
}

fn of_name<'a>(labels: &[(&str, &'a str)], name: &str) -> &'a str {
    labels.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

pub(super) fn payments_differ(view: &View<'_>) -> Vec<Raised> {
    let differs = view.series(&PAYMENTS_BALANCE, |balance| balance != 0.0).into_iter();
    let differs = differs.filter(|(labels, _)| BETWEEN.contains(&of_name(labels, "account")));
    differs
        .map(|(labels, balance)| {
            let [account, currency] = ["account", "currency"].map(|name| of_name(&labels, name));
            let words = format!(
                "{balance} {currency} stand in {account} for hours: our books and the payment processor's differ"
            );
            Raised::new(&labels, words)
        })
        .collect()
}

pub(super) fn orders_overdue(view: &View<'_>) -> Vec<Raised> {
    let overdue = view.value(&ORDERS_OVERDUE, &[]).unwrap_or_default();
    Raised::one(overdue > 900.0, || format!("an order should have been read again {} ago", span(overdue)))
}

pub(super) fn outbox_stuck(view: &View<'_>) -> Vec<Raised> {
    let oldest = view.value(&OUTBOX_OLDEST, &[]).unwrap_or_default();
    Raised::one(oldest > 3_600.0, || format!("a mail waits for {}", span(oldest)))
}

pub(super) fn job_late(view: &View<'_>) -> Vec<Raised> {
    let mut late = Vec::new();
    for (labels, at) in view.series(&JOB_LAST_SUCCESS, |_| true) {
        let values: Vec<&str> = labels.iter().map(|(_, value)| *value).collect();
        let interval = view.value(&JOB_INTERVAL, &values);
        let age = view.age_s(at);
        if interval.is_some_and(|interval| age > 3.0f64.mul_add(interval, 300.0)) {
            let job = of_name(&labels, "job");
            late.push(Raised::new(&labels, format!("the job {job} has not done its work for {}", span(age))));
        }
    }
    late
}

pub(super) fn job_failing(view: &View<'_>) -> Vec<Raised> {
    let failing = view.series(&JOB_FAILURES, |failures| failures >= 3.0).into_iter();
    failing
        .map(|(labels, failures)| {
            let words = format!("the job {} has failed {failures} times in a row", of_name(&labels, "job"));
            Raised::new(&labels, words)
        })
        .collect()
}

pub(super) fn prices_old(view: &View<'_>) -> Vec<Raised> {
    let age = view.value(&PRICE_BOOK_AT, &[]).map_or(0.0, |at| view.age_s(at));
    Raised::one(age > 90.0 * DAY_S, || format!("the price book in force is {} old", span(age)))
}

pub(super) fn model_down(view: &View<'_>) -> Vec<Raised> {
    let mut models: BTreeMap<&str, bool> = BTreeMap::new();
    for (labels, out) in view.series(&ROUTE_OUT, |_| true) {
        let is_down = models.entry(of_name(&labels, "model")).or_insert(true);
        *is_down = *is_down && out > 0.0;
    }
    let down = models.into_iter().filter(|(_, is_down)| *is_down);
    down.map(|(model, _)| Raised::new(&[("model", model)], format!("no route of {model} has answered for minutes")))
        .collect()
}

pub(super) fn descriptors_low(view: &View<'_>) -> Vec<Raised> {
    let open = view.value(&PROCESS_DESCRIPTORS, &[]).zip(view.value(&PROCESS_DESCRIPTORS_MAX, &[]));
    let share = open.map_or(0.0, |(open, most)| open / most);
    Raised::one(share > 0.8, || format!("the process has {} of its descriptors open", percent(share)))
}

pub(super) fn certificate_expires(view: &View<'_>) -> Vec<Raised> {
    let left = view.value(&TLS_NOT_AFTER, &[]).map(|at| -view.age_s(at)).filter(|left| *left < 14.0 * DAY_S);
    Raised::one(left.is_some(), || match left {
        Some(left) if left > 0.0 => format!("the certificate of the listener expires in {}", span(left)),
        _ => "the certificate of the listener has expired".to_owned(),
    })
}

pub(super) fn state_unread(view: &View<'_>) -> Vec<Raised> {
    let unread = view.series(&UNREAD, |value| value > 0.0).into_iter();
    unread
        .map(|(labels, _)| {
            Raised::new(&labels, format!("a part of the state cannot be read: {}", of_name(&labels, "part")))
        })
        .collect()
}

pub(super) fn clock_jumped(view: &View<'_>) -> Vec<Raised> {
    let jumps = view.history.increase(HOUR_MS, |counts| counts.clock_jumps);
    Raised::one(jumps > 0, || "the clock of the machine jumped".to_owned())
}

pub(super) fn fsync_slow(view: &View<'_>) -> Vec<Raised> {
    let share = view.history.share(5 * MINUTE_MS, |counts| counts.commits).unwrap_or_default();
    // One that hangs is none that ends.
    let running = view.value(&LEDGER_COMMIT_RUNNING, &["live"]).unwrap_or_default();
    Raised::one(share > SLOW_COMMITS || running > 1.0, || {
        format!("{} of the ledger's commits take longer than a second", percent(share))
    })
}
