//! How long a mail waits before it is tried again.

/// The wait after the first attempt, in ms.
const FIRST_MS: u64 = 30_000;
/// The longest wait, in ms, without what is added at random.
const LONGEST_MS: u64 = 3_600_000;
/// Doublings after which a wait is at its longest anyway.
const DOUBLINGS_MAX: u32 = 16;

/// The wait after so many attempts, in ms: it doubles up to an hour, and a random quarter is added at most, so that mails
/// that failed together are not tried together.
pub(super) fn wait_ms(attempts: u32, random: u8) -> u64 {
    let doublings = attempts.saturating_sub(1).min(DOUBLINGS_MAX);
    let wait = FIRST_MS.saturating_mul(1_u64 << doublings).min(LONGEST_MS);
    let share = wait.saturating_mul(u64::from(random)) / (4 * u64::from(u8::MAX));
    wait.saturating_add(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_an_hour() {
        let check = |attempts: u32, least: u64, most: u64| {
            assert_eq!((wait_ms(attempts, 0), wait_ms(attempts, u8::MAX)), (least, most), "{attempts}");
        };
        check(0, 30_000, 37_500);
        check(1, 30_000, 37_500);
        check(2, 60_000, 75_000);
        check(7, 1_920_000, 2_400_000);
        check(8, 3_600_000, 4_500_000);
        check(u32::MAX, 3_600_000, 4_500_000);
    }
}
