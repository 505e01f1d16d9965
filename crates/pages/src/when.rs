//! Times for templates, which write them in the words of their language.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use opencredits_units::UnixMs;
use serde::Serialize;

/// A time, UTC, to the minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct When {
    /// For programs: `2026-11-30T08:00:00Z`.
    pub iso: String,
    /// The day: `2026-11-30`.
    pub date: String,
    /// The time of the day: `08:00`.
    pub time: String,
}

impl From<UnixMs> for When {
    fn from(at: UnixMs) -> Self {
        let seconds = i64::try_from(at.as_secs()).ok();
        let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default();
        let civil = TimeZone::UTC.to_datetime(at);
        let (date, time) = (civil.date().to_string(), civil.time().to_string());
        Self { iso: at.to_string(), date, time: time.chars().take("00:00".len()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_to_the_minute_and_exactly() {
        let when = When::from(UnixMs::new(1_796_000_000_000));
        assert_eq!(format!("{} {} {}", when.iso, when.date, when.time), "2026-11-30T00:53:20Z 2026-11-30 00:53");
    }
}
