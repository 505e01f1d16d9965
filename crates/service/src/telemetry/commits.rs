//! How long the commits of a ledger take.

use super::families::{LEDGER_COMMIT, LEDGER_COMMIT_RUNNING};
use super::sample::Samples;
use super::tally::Part;
use metrics::Histogram;
use opencredits_ledger::CommitWatch;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A commit that takes longer is slow.
const SLOW: Duration = Duration::from_secs(1);

/// Measures the commits of a ledger.
pub(crate) struct CommitTimes {
    mode: &'static str,
    durations: Histogram,
    began: Mutex<Option<Instant>>,
    all: AtomicU64,
    slow: AtomicU64,
}

impl CommitTimes {
    pub(crate) fn of(mode: &'static str) -> Self {
        let durations = LEDGER_COMMIT.histogram_of(&[mode]);
        Self { mode, durations, began: Mutex::default(), all: AtomicU64::new(0), slow: AtomicU64::new(0) }
    }

    /// How long the commit takes that is being written; zero while none is.
    fn running(&self) -> Duration {
        self.began.lock().map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// The commits since the start; one that is being written counts once it is slow.
    pub(crate) fn counted(&self) -> Part {
        let running = u64::from(self.running() > SLOW);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed).saturating_add(running);
        Part { all: count(&self.all), bad: count(&self.slow) }
    }

    /// Adds how long the present one takes.
    pub(crate) fn sample(&self, samples: &mut Samples) {
        let ms = u64::try_from(self.running().as_millis()).unwrap_or(u64::MAX);
        samples.ms(&LEDGER_COMMIT_RUNNING, &[self.mode], ms);
    }
}

impl CommitWatch for CommitTimes {
    fn begins(&self) {
        *self.began.lock() = Some(Instant::now());
    }

    fn ended(&self) {
        let Some(began) = self.began.lock().take() else { return };
        let took = began.elapsed();
        self.durations.record(took.as_secs_f64());
        self.all.fetch_add(1, Ordering::Relaxed);
        if took > SLOW {
            self.slow.fetch_add(1, Ordering::Relaxed);
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(mode = self.mode, ms, "a commit of the ledger took long; look at the disk");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_commit_is_slow_after_a_second_also_while_it_is_being_written() {
        let times = CommitTimes::of("live");
        let check = |all, bad| assert_eq!(times.counted(), Part { all, bad });
        times.begins();
        tokio::time::advance(SLOW).await;
        check(0, 0);
        times.ended();
        check(1, 0);
        times.begins();
        tokio::time::advance(SLOW + Duration::from_millis(1)).await;
        check(2, 1);
        let mut samples = Samples::default();
        times.sample(&mut samples);
        assert_eq!(samples.value(&LEDGER_COMMIT_RUNNING, &["live"]), Some(1.001));
        times.ended();
        check(2, 1);
        assert_eq!(times.running(), Duration::ZERO);
    }
}
