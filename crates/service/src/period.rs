//! The periods of limits: days, weeks from Monday and months, UTC.

use opencredits_store::LimitReset;
use opencredits_units::UnixMs;

/// Days of a week.
const WEEK_DAYS: u64 = 7;
/// The first day of the epoch was a Thursday, which is so many days after a Monday.
const THURSDAY: u64 = 3;

/// A period: from its first millisecond up to that of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first millisecond.
    pub from: UnixMs,
    /// The first millisecond of the next period.
    pub until: UnixMs,
}

impl Period {
    /// The period that `now` is in.
    #[must_use]
    pub fn of(reset: LimitReset, now: UnixMs) -> Self {
        let today = now.day();
        let (first, next) = match reset {
            LimitReset::Daily => (today, today.saturating_add(1)),
            LimitReset::Weekly => {
                let monday = monday_of(today);
                (monday, monday.saturating_add(WEEK_DAYS))
            }
            LimitReset::Monthly => month_of(today),
        };
        let at = |day: u64| UnixMs::new(day.saturating_mul(UnixMs::DAY_MS));
        Self { from: at(first), until: at(next) }
    }
}

/// The Monday of the week of a day; days count from the epoch.
pub(crate) fn monday_of(day: u64) -> u64 {
    day.saturating_sub(day.saturating_add(THURSDAY) % WEEK_DAYS)
}

/// The first day of the month of a day.
pub(crate) fn first_of_month(day: u64) -> u64 {
    month_of(day).0
}

/// The first day of the month of a day, and that of the next one.
fn month_of(day: u64) -> (u64, u64) {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = i64::try_from(day).unwrap_or_default();
    let date = epoch.checked_add(jiff::Span::new().days(days)).unwrap_or(epoch);
    let since = u64::try_from(date.day()).unwrap_or(1).saturating_sub(1);
    let first = day.saturating_sub(since);
    (first, first.saturating_add(u64::try_from(date.days_in_month()).unwrap_or(31)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMs {
        let at: jiff::Timestamp = text.parse().unwrap();
        UnixMs::new(u64::try_from(at.as_millisecond()).unwrap())
    }

    fn check(reset: LimitReset, now: &str, from: &str, until: &str) {
        let (from, until) = (at(&format!("{from}T00:00:00Z")), at(&format!("{until}T00:00:00Z")));
        assert_eq!(Period::of(reset, at(now)), Period { from, until }, "{now}");
    }

    #[test]
    fn periods_begin_at_midnight_utc() {
        use LimitReset::{Daily, Monthly, Weekly};
        check(Daily, "2026-11-29T23:59:59.999Z", "2026-11-29", "2026-11-30");
        check(Daily, "2026-11-30T00:00:00Z", "2026-11-30", "2026-12-01");
        // A Sunday, and the Monday after it.
        check(Weekly, "2026-11-29T23:59:59.999Z", "2026-11-23", "2026-11-30");
        check(Weekly, "2026-11-30T00:00:00Z", "2026-11-30", "2026-12-07");
        check(Weekly, "2027-01-01T12:00:00Z", "2026-12-28", "2027-01-04");
        check(Monthly, "2026-11-30T23:59:59.999Z", "2026-11-01", "2026-12-01");
        check(Monthly, "2026-12-31T23:59:59.999Z", "2026-12-01", "2027-01-01");
        check(Monthly, "2028-02-29T12:00:00Z", "2028-02-01", "2028-03-01");
        check(Monthly, "2027-02-28T12:00:00Z", "2027-02-01", "2027-03-01");
    }
}
