//! Jumps of the machine's clock: what it shows, against the time that has passed. Pure.

use opencredits_units::UnixMs;

/// A difference up to this is none, in ms: clocks that are slewed, and readings that are late.
const TOLERANCE_MS: u64 = 2_000;

/// A jump of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jump {
    /// The clock was set forward, or the machine stood still, by so many ms.
    Forward(u64),
    /// The clock was set back, by so many ms.
    Back(u64),
}

/// Compares two clocks from reading to reading.
#[derive(Debug, Default)]
pub(super) struct ClockWatch(Option<(UnixMs, u64)>);

impl ClockWatch {
    /// Takes a reading of the machine's clock and of one that never jumps, in ms; returns the jump since the one before.
    pub(super) fn read(&mut self, wall: UnixMs, steady_ms: u64) -> Option<Jump> {
        let (wall_before, steady_before) = self.0.replace((wall, steady_ms))?;
        let expected = wall_before.saturating_add_ms(steady_ms.saturating_sub(steady_before));
        let (ahead, behind) = (wall.ms_since(expected), expected.ms_since(wall));
        match (ahead > TOLERANCE_MS, behind > TOLERANCE_MS) {
            (true, _) => Some(Jump::Forward(ahead)),
            (_, true) => Some(Jump::Back(behind)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_jumps_when_it_is_more_than_two_seconds_from_the_time_that_has_passed() {
        let mut watch = ClockWatch::default();
        let mut check = |wall, steady, expect| {
            assert_eq!(watch.read(UnixMs::new(wall), steady), expect, "{wall} {steady}");
        };
        check(1_000_000, 0, None);
        check(1_060_000, 60_000, None);
        check(1_122_000, 120_000, None);
        check(1_180_000, 180_000, None);
        check(1_242_001, 240_000, Some(Jump::Forward(2_001)));
        check(1_302_001, 300_000, None);
        check(362_000, 360_000, Some(Jump::Back(1_000_001)));
        check(422_000, 420_000, None);
    }
}
