//! Days and times as people write them, UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use opencredits_units::UnixMs;

/// The beginning of a day such as `2026-11-30` and its length in ms; or a time such as `2026-11-30T08:00:00Z` and zero.
/// `None` for another text, and for one before 1970.
#[must_use]
pub fn day_or_time(text: &str) -> Option<(UnixMs, u64)> {
    let (at, length_ms) = if text.contains('T') {
        (text.parse::<Timestamp>().ok()?, 0)
    } else {
        (TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.into()).ok()?, UnixMs::DAY_MS)
    };
    Some((UnixMs::new(u64::try_from(at.as_millisecond()).ok()?), length_ms))
}

/// A day, counted from the epoch, as `2026-11-30`.
#[must_use]
pub fn day_text(day: u64) -> String {
    let seconds = i64::try_from(day.saturating_mul(UnixMs::DAY_MS).div_euclid(1_000)).ok();
    let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map_or_else(String::new, |at| TimeZone::UTC.to_datetime(at).date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_length_and_a_time_has_none() {
        let check = |text: &str, expect: Option<(u64, u64)>| {
            let found = day_or_time(text).map(|(begin, length_ms)| (begin.get(), length_ms));
            assert_eq!(found, expect, "{text}");
        };
        check("1970-01-02", Some((86_400_000, 86_400_000)));
        check("1970-01-02T00:00:01Z", Some((86_401_000, 0)));
        check("1970-01-02T01:00:01+01:00", Some((86_401_000, 0)));
        check("yesterday", None);
        check("1969-12-31", None);
        check("", None);
    }

    #[test]
    fn a_day_is_written_as_it_is_read() {
        for day in ["1970-01-01", "2026-11-30", "2028-02-29"] {
            let (begin, _) = day_or_time(day).unwrap();
            assert_eq!(day_text(begin.day()), day);
        }
    }
}
