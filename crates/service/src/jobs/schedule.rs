//! When a job runs next. Pure.

use opencredits_units::UnixMs;
use std::time::Duration;

/// The first wait after a failure, where the interval is not shorter.
const RETRY_FIRST: Duration = Duration::from_secs(30);
/// Intervals after which a job that has not begun is late.
const LATE_INTERVALS: u32 = 3;
/// A job is not late before this time is over, however short its interval is.
const LATE_LEAST: Duration = Duration::from_secs(10);

/// The wait after so many failures in a row: it doubles each time, up to `retry_max`.
pub(super) fn retry_after(interval: Duration, failures: u64, retry_max: Duration) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
    interval.min(RETRY_FIRST).saturating_mul(factor).min(retry_max)
}

/// The time after its due time from which a job is late.
pub(super) fn late_after(interval: Duration) -> Duration {
    interval.saturating_mul(LATE_INTERVALS).max(LATE_LEAST)
}

/// The wait of a process that has just started, or of one that another process kept from running a job: what is overdue
/// runs at once. A beginning that lies ahead is that of a wrong clock.
pub(super) fn wait_since(last_start: Option<UnixMs>, interval: Duration, now: UnixMs) -> Duration {
    let Some(started) = last_start.filter(|started| *started <= now) else {
        return Duration::ZERO;
    };
    interval.saturating_sub(Duration::from_millis(now.ms_since(started)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_after_failures_doubles_up_to_its_bound() {
        let seconds = Duration::from_secs;
        let check = |interval, failures, expect| {
            assert_eq!(
                retry_after(seconds(interval), failures, seconds(300)),
                seconds(expect),
                "{interval} {failures}"
            );
        };
        check(2, 1, 2);
        check(2, 2, 4);
        check(2, 7, 128);
        check(2, 9, 300);
        check(2, u64::MAX, 300);
        check(86_400, 1, 30);
        check(86_400, 2, 60);
        check(86_400, 5, 300);
    }

    #[test]
    fn what_is_overdue_after_a_start_runs_at_once_and_the_rest_when_it_is_due() {
        let check = |started: Option<u64>, expect: u64| {
            let wait = wait_since(started.map(UnixMs::new), Duration::from_secs(60), UnixMs::new(100_000));
            assert_eq!(wait, Duration::from_millis(expect), "{started:?}");
        };
        check(None, 0);
        check(Some(0), 0);
        check(Some(40_000), 0);
        check(Some(40_001), 1);
        check(Some(100_000), 60_000);
        check(Some(100_001), 0);
    }

    #[test]
    fn a_job_is_late_after_three_intervals_and_never_within_ten_seconds() {
        assert_eq!(late_after(Duration::from_millis(500)), Duration::from_secs(10));
        assert_eq!(late_after(Duration::from_secs(60)), Duration::from_secs(180));
    }
}
