//! Which readings raise which alarm.

use crate::alarms::RULES;
use crate::alarms::book::{Book, Change, Moment, Told};
use crate::alarms::conditions::View;
use crate::alarms::history::History;
use crate::telemetry::families::{
    DISK_FREE, DISK_SIZE, DRIFT_RATIO, DRIFT_USD, JOB_FAILURES, JOB_INTERVAL, JOB_LAST_SUCCESS, LEDGER_BALANCE,
    LEDGER_COMMIT_RUNNING, LEDGER_SOUND, ORDERS_OVERDUE, OUTBOX_OLDEST, PAYMENTS_BALANCE, PRICE_BOOK_AT,
    PROCESS_DESCRIPTORS, PROCESS_DESCRIPTORS_MAX, ROUTE_OUT, TLS_NOT_AFTER, UNREAD, VERIFY_FINDINGS,
};
use crate::telemetry::{Counts, Family, Samples};
use opencredits_units::UnixMs;

const START_MS: u64 = 1_790_000_000_000;
const MINUTE_MS: u64 = 60_000;
const REPEAT_MS: u64 = 86_400_000;
const HOUR: u64 = 60;

/// A process that is read once a minute.
#[derive(Default)]
struct Process {
    history: History,
    book: Book,
    minutes: u64,
    counts: Counts,
}

impl Process {
    /// Reads these series for so many minutes; returns what was told, as `fired OpenCreditsX vendor=house`.
    fn read(&mut self, minutes: u64, series: &[(&'static Family, &[&str], f64)]) -> Vec<String> {
        self.read_while(minutes, series, |_| {})
    }

    /// The same; before each reading, this is counted.
    fn read_while(
        &mut self,
        minutes: u64,
        series: &[(&'static Family, &[&str], f64)],
        count: impl Fn(&mut Counts),
    ) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..minutes {
            count(&mut self.counts);
            let mut samples = Samples::default();
            series.iter().for_each(|(family, labels, value)| samples.add(family, labels, *value));
            let steady_ms = self.minutes * MINUTE_MS;
            let now = Moment { wall: UnixMs::new(START_MS + steady_ms), steady_ms };
            self.history.push(steady_ms, self.counts.clone(), &samples);
            let Self { history, book, .. } = self;
            let view = View { now: now.wall, samples: &samples, history };
            for rule in &RULES {
                let is_unknown = |labels: &_| rule.is_unknown(labels, &samples);
                let changes = book.step(rule, ((rule.condition)(&view), &is_unknown), now, REPEAT_MS);
                told.extend(changes.iter().map(line));
            }
            self.minutes += 1;
        }
        told
    }
}

fn line(change: &Change) -> String {
    let told = match change.told {
        Told::Fired => "fired",
        Told::Repeated => "repeated",
        Told::Resolved => "resolved",
    };
    let labels: String = change.key.labels.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{told} {}{labels}", change.key.alarm)
}

/// A state that raises an alarm: it fires after so many minutes and no sooner, and ends with another state.
fn check(alarm: &str, after: u64, bad: &[(&'static Family, &[&str], f64)], good: &[(&'static Family, &[&str], f64)]) {
    let mut process = Process::default();
    assert_eq!(process.read(5, good), [""; 0], "{alarm} before");
    assert_eq!(process.read(after, bad), [""; 0], "{alarm} too soon");
    assert_eq!(process.read(1, bad), [format!("fired {alarm}")], "{alarm}");
    assert_eq!(process.read(5, bad), [""; 0], "{alarm} again");
    assert_eq!(process.read(1, good), [format!("resolved {alarm}")], "{alarm}");
    assert_eq!(process.read(5, good), [""; 0], "{alarm} after");
}

#[test]
fn a_state_raises_its_alarm_after_its_wait_and_ends_it() {
    let now_s = START_MS as f64 / 1_000.0;
    let disk = |free| [(&DISK_FREE, &[][..], free), (&DISK_SIZE, &[][..], 100.0)];
    check("OpenCreditsDiskLow", 10, &disk(9.9), &disk(10.0));
    check("OpenCreditsLedgerNotSound", 1, &[(&LEDGER_SOUND, &["live"], 0.0)], &[(&LEDGER_SOUND, &["live"], 1.0)]);
    let findings = |count| [(&VERIFY_FINDINGS, &["test"][..], count)];
    check("OpenCreditsVerifyFindings mode=test", 0, &findings(2.0), &findings(0.0));
    let drift = |usd, ratio| {
        let labels: &[&str] = &["house", "a/b", "input"];
        [(&DRIFT_USD, labels, usd), (&DRIFT_RATIO, labels, ratio)]
    };
    let drifting = "OpenCreditsProviderDrift class=input model=a/b vendor=house";
    check(drifting, 0, &drift(-1.1, -0.03), &drift(-1.1, -0.01));
    check(drifting, 0, &drift(9.0, 0.021), &drift(0.9, 0.5));
    let overdue = |seconds| [(&ORDERS_OVERDUE, &[][..], seconds)];
    check("OpenCreditsOrdersOverdue", 5, &overdue(901.0), &overdue(900.0));
    let waiting = |seconds| [(&OUTBOX_OLDEST, &[][..], seconds)];
    check("OpenCreditsOutboxStuck", 5, &waiting(3_601.0), &waiting(3_600.0));
    let job = |age: f64| {
        let labels: &[&str] = &["live", "tidy"];
        [(&JOB_LAST_SUCCESS, labels, now_s - age), (&JOB_INTERVAL, labels, 3_600.0)]
    };
    check("OpenCreditsJobLate job=tidy mode=live", 5, &job(12_000.0), &job(60.0));
    let failing = |failures| [(&JOB_FAILURES, &["live", "tidy"][..], failures)];
    check("OpenCreditsJobFailing job=tidy mode=live", 10, &failing(3.0), &failing(2.0));
    let prices = |days: f64| [(&PRICE_BOOK_AT, &[][..], days.mul_add(-86_400.0, now_s))];
    check("OpenCreditsPricesOld", 60, &prices(91.0), &prices(1.0));
    let routes =
        |first, second| [(&ROUTE_OUT, &["a/b", "house"][..], first), (&ROUTE_OUT, &["a/b", "other"][..], second)];
    check("OpenCreditsModelDown model=a/b", 5, &routes(1.0, 1.0), &routes(1.0, 0.0));
    let descriptors = |open| [(&PROCESS_DESCRIPTORS, &[][..], open), (&PROCESS_DESCRIPTORS_MAX, &[][..], 1_000.0)];
    check("OpenCreditsDescriptorsLow", 5, &descriptors(801.0), &descriptors(800.0));
    let ends_in = |days: f64| [(&TLS_NOT_AFTER, &[][..], days.mul_add(86_400.0, now_s))];
    check("OpenCreditsCertificateExpires", 60, &ends_in(14.0), &ends_in(90.0));
    check("OpenCreditsCertificateExpires", 60, &ends_in(-1.0), &[]);
    check("OpenCreditsStateUnread part=outbox", 10, &[(&UNREAD, &["outbox"], 1.0)], &[]);
    let running = |seconds| [(&LEDGER_COMMIT_RUNNING, &["live"][..], seconds)];
    check("OpenCreditsFsyncSlow", 1, &running(1.1), &running(0.9));
    let clearing = |amount| {
        [(&PAYMENTS_BALANCE, &["payment_clearing", "eur"][..], amount), (&PAYMENTS_BALANCE, &["fees", "eur"], 9.0)]
    };
    let differ = "OpenCreditsPaymentsDiffer account=payment_clearing currency=eur";
    check(differ, 360, &clearing(-0.01), &clearing(0.0));
}

#[test]
fn the_error_budget_is_measured_over_two_windows_and_clients_do_not_count() {
    let mut process = Process::default();
    let with = |bad| {
        move |counts: &mut Counts| {
            counts.requests.all += 100;
            counts.requests.bad += bad;
        }
    };
    assert_eq!(process.read_while(HOUR, &[], with(0)), [""; 0]);
    let told = process.read_while(HOUR, &[], with(10));
    assert_eq!(told, ["fired OpenCreditsErrorBudgetSlow", "fired OpenCreditsErrorBudgetFast"]);
    // The short window ends the alarms soon, though the long one is still bad.
    assert_eq!(process.read_while(5, &[], with(0)), ["resolved OpenCreditsErrorBudgetFast"]);
    assert_eq!(process.read_while(HOUR, &[], with(0)), ["resolved OpenCreditsErrorBudgetSlow"]);
    let mut idle = Process::default();
    assert_eq!(idle.read(HOUR, &[]), [""; 0], "no requests are no errors");
}

#[test]
fn streams_that_begin_late_use_up_their_budget() {
    let mut process = Process::default();
    let told = process.read_while(HOUR, &[], |counts| {
        counts.streams.all += 10;
        counts.streams.bad += 8;
    });
    assert_eq!(told, ["fired OpenCreditsLatencyBudgetFast", "fired OpenCreditsLatencyBudgetSlow"]);
}

/// Something that is counted once raises an alarm at once, and ends it after a window.
fn check_window(alarm: &str, minutes: u64, count: fn(&mut Counts)) {
    let mut process = Process::default();
    assert_eq!(process.read(3, &[]), [""; 0]);
    assert_eq!(process.read_while(1, &[], count), [format!("fired {alarm}")]);
    assert_eq!(process.read(minutes - 1, &[]), [""; 0], "{alarm} ended too soon");
    assert_eq!(process.read(1, &[]), [format!("resolved {alarm}")]);
}

#[test]
fn what_is_counted_raises_an_alarm_for_a_window() {
    check_window("OpenCreditsVendorRefusesAccount vendor=house", 10, |counts| {
        *counts.refused_accounts.entry("house".to_owned()).or_default() += 1;
    });
    check_window("OpenCreditsVendorNameUnresolved vendor=house", 10, |counts| {
        *counts.unresolved_names.entry("house".to_owned()).or_default() += 1;
    });
    check_window("OpenCreditsUsageNotBelieved usage_source=implausible", 60, |counts| {
        *counts.not_believed.entry("implausible".to_owned()).or_default() += 1;
    });
    check_window("OpenCreditsClockJumped", 60, |counts| counts.clock_jumps += 1);
}

#[test]
fn one_commit_of_a_hundred_may_be_slow() {
    let mut process = Process::default();
    let with = |bad| {
        move |counts: &mut Counts| {
            counts.commits.all += 100;
            counts.commits.bad += bad;
        }
    };
    assert_eq!(process.read_while(20, &[], with(1)), [""; 0]);
    assert_eq!(process.read_while(20, &[], with(2)), ["fired OpenCreditsFsyncSlow"]);
    assert_eq!(process.read_while(20, &[], with(0)), ["resolved OpenCreditsFsyncSlow"]);
}

#[test]
fn a_disk_that_will_be_full_within_a_day_is_told_of_once_an_hour_shows_it() {
    let mut process = Process::default();
    let read =
        |process: &mut Process, free: f64| process.read(1, &[(&DISK_FREE, &[], free), (&DISK_SIZE, &[], 10_000.0)]);
    let mut fired = None;
    for minute in 0..120_u32 {
        // It would be full after 1,000 minutes.
        if read(&mut process, 5_000.0 - 5.0 * f64::from(minute)) == ["fired OpenCreditsDiskLow"] {
            fired = Some(minute);
        }
    }
    assert_eq!(fired, Some(70), "an hour of readings, and ten minutes");
    let mut ended = false;
    for _ in 0..600 {
        ended |= read(&mut process, 5_000.0) == ["resolved OpenCreditsDiskLow"];
    }
    assert!(ended, "space that is freed ends the trend");
}

#[test]
fn bad_debt_counts_as_far_back_as_a_day() {
    let mut process = Process::default();
    let debt = |usd: f64| [(&LEDGER_BALANCE, &["bad_debt"][..], usd)];
    assert_eq!(process.read(HOUR, &debt(-100.0)), [""; 0], "what was there before is none of today");
    assert_eq!(process.read(1, &debt(-101.01)), ["fired OpenCreditsBadDebt"]);
    let told = process.read(25 * HOUR, &debt(-101.01));
    assert_eq!(told, ["resolved OpenCreditsBadDebt"]);
}

#[test]
fn an_alarm_stays_as_it_is_while_its_state_cannot_be_read() {
    let mut process = Process::default();
    process.read(6, &[(&OUTBOX_OLDEST, &[], 9_999.0)]);
    let told = process.read(5, &[(&UNREAD, &["outbox"], 1.0)]);
    assert_eq!(told, [""; 0], "nobody knows whether the mail still waits");
    assert_eq!(process.read(1, &[(&OUTBOX_OLDEST, &[], 0.0)]), ["resolved OpenCreditsOutboxStuck"]);
    process.read(1, &[(&VERIFY_FINDINGS, &["live"], 1.0)]);
    assert_eq!(process.read(5, &[]), [""; 0], "nobody has verified the books since");
    let told = process.read(1, &[(&VERIFY_FINDINGS, &["live"], 0.0)]);
    assert_eq!(told, ["resolved OpenCreditsVerifyFindings mode=live"]);
}
