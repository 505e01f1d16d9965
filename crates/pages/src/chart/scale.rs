//! The lines of a chart: their number and their distance.

/// The most lines above the base.
pub const LINES_MAX: u64 = 4;

/// Lines at equal distances from zero up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    /// The distance of two lines.
    pub(super) step: u64,
    /// The number of lines above the base.
    pub(super) lines: u64,
}

impl Scale {
    /// The lines for values up to `highest`: the smallest round distance with which at most [`LINES_MAX`] lines do. Round
    /// are 1, 2 and 5 times a power of ten.
    pub(super) fn of(highest: u64, least: u64) -> Self {
        let needed = highest.div_ceil(LINES_MAX).max(least).max(1);
        let mut power = 1_u64;
        loop {
            let round = [1, 2, 5].into_iter().filter_map(|digit| power.checked_mul(digit));
            if let Some(step) = round.clone().find(|step| *step >= needed) {
                return Self { step, lines: highest.div_ceil(step).clamp(1, LINES_MAX) };
            }
            match power.checked_mul(10) {
                Some(next) => power = next,
                // Above the last round number there is none: one line at the top does.
                None => return Self { step: highest.max(1), lines: 1 },
            }
        }
    }

    /// The value at the top.
    pub(super) fn top(self) -> u64 {
        self.step.saturating_mul(self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_at_round_figures_and_as_few_as_do() {
        let check = |highest: u64, expect: (u64, u64)| {
            let scale = Scale::of(highest, 1);
            assert_eq!((scale.step, scale.lines), expect, "{highest}");
        };
        check(0, (1, 1));
        check(1, (1, 1));
        check(4, (1, 4));
        check(5, (2, 3));
        check(8, (2, 4));
        check(9, (5, 2));
        check(21, (10, 3));
        check(40, (10, 4));
        check(41, (20, 3));
        check(99, (50, 2));
        check(1_234, (500, 3));
        check(u64::MAX, (5_000_000_000_000_000_000, 4));
    }
}
