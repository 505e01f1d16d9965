//! Whether two things take the same time, on a machine that does other things as well.
//!
//! Samples of both are taken in turn, so that what slows the machine slows both. Each batch counts by its smallest sample: noise
//! only adds to a time. The batches are compared by their ranks (Mann and Whitney), which a few outliers do not change.

/// Samples of a batch, of which the smallest counts.
const BATCH: usize = 4;
/// How many standard deviations the sum of ranks may be off: beyond that by chance once in 300,000 comparisons.
const DEVIATIONS_MAX: f64 = 4.5;

/// How long one thing took longer than another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// By how many standard deviations the ranks of the first are higher.
    pub deviations: f64,
    /// The difference of the medians, in nanoseconds.
    pub median_ns: i64,
}

impl Comparison {
    /// Compares samples, in nanoseconds, that were taken in turn.
    #[must_use]
    pub fn of(first: &[u64], second: &[u64]) -> Self {
        let (first, second) = (smallest(first), smallest(second));
        let median = |values: &[u64]| values.get(values.len() / 2).copied().unwrap_or_default();
        let median_ns =
            i64::try_from(median(&first)).unwrap_or(i64::MAX) - i64::try_from(median(&second)).unwrap_or(i64::MAX);
        Self { deviations: deviations(&first, &second), median_ns }
    }

    /// Whether the two take different times, beyond chance.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.deviations.abs() > DEVIATIONS_MAX
    }
}

/// The smallest sample of each batch, in order.
fn smallest(samples: &[u64]) -> Vec<u64> {
    let mut batches: Vec<u64> = samples.chunks(BATCH).filter_map(|batch| batch.iter().min().copied()).collect();
    batches.sort_unstable();
    batches
}

/// The statistic of Mann and Whitney, as standard deviations from its mean where both are alike.
fn deviations(first: &[u64], second: &[u64]) -> f64 {
    let wins: f64 = first
        .iter()
        .map(|mine| {
            let below = second.partition_point(|other| other < mine);
            let equal = second.partition_point(|other| other <= mine) - below;
            below as f64 + equal as f64 / 2.0
        })
        .sum();
    let (n, m) = (first.len() as f64, second.len() as f64);
    let spread = (n * m * (n + m + 1.0) / 12.0).sqrt();
    if spread > 0.0 { (wins - n * m / 2.0) / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times of a request of about 2 ms, on a machine that makes some of them take several times as long.
    struct Machine(u64);

    impl Machine {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn request_ns(&mut self) -> u64 {
            let usual = 2_000_000 + self.next() % 400_000;
            match self.next() % 10 {
                0 => usual + self.next() % 20_000_000,
                1 | 2 => usual + self.next() % 3_000_000,
                _ => usual,
            }
        }

        /// A comparison of so many samples, of which the first have a leak.
        fn compared(&mut self, samples: usize, leak_ns: u64) -> Comparison {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            for _ in 0..samples {
                first.push(self.request_ns() + leak_ns);
                second.push(self.request_ns());
            }
            Comparison::of(&first, &second)
        }
    }

    #[test]
    fn a_leak_of_200_microseconds_is_found_under_noise_of_milliseconds() {
        for seed in 1..200 {
            let mut machine = Machine(seed * 7_919);
            let found = machine.compared(400, 200_000);
            assert!(found.differs() && found.median_ns > 100_000, "{seed}: {found:?}");
        }
    }

    #[test]
    fn what_is_alike_is_not_taken_for_different() {
        for seed in 1..1_000 {
            let found = Machine(seed * 104_729).compared(400, 0);
            assert!(!found.differs(), "{seed}: {found:?}");
        }
        assert!(!Comparison::of(&[], &[]).differs() && !Comparison::of(&[5; 40], &[5; 40]).differs());
    }

    #[test]
    fn the_statistic_is_the_one_of_the_textbook() {
        let check = |first: &[u64], second: &[u64], expect: f64| {
            let found = deviations(first, second);
            assert!((found - expect).abs() < 0.001, "{found}");
        };
        check(&[4, 5, 6], &[1, 2, 3], 1.964);
        check(&[1, 2, 3], &[4, 5, 6], -1.964);
        check(&[1, 2], &[1, 2], 0.0);
    }
}
