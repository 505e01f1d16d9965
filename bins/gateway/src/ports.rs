//! The real ports: the system's clock, randomness and environment.

use opencredits_service::{Clock, Entropy};
use opencredits_units::UnixMs;
use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    fn now(&self) -> UnixMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMs::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The operating system's randomness, read for some fifty ids at once: each call of it costs a microsecond.
pub(crate) struct SystemEntropy;

/// The number of bytes that are read at once.
const STOCK_BYTES: usize = 512;

/// Unused random bytes of a thread; used ones are overwritten.
struct Stock {
    bytes: [u8; STOCK_BYTES],
    left: usize,
}

thread_local! {
    static STOCK: RefCell<Stock> = const { RefCell::new(Stock { bytes: [0; STOCK_BYTES], left: 0 }) };
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        STOCK.with_borrow_mut(|stock| stock.take(bytes));
    }
}

impl Stock {
    fn take(&mut self, wanted: &mut [u8]) {
        if wanted.len() > STOCK_BYTES {
            return fetch(wanted);
        }
        if wanted.len() > self.left {
            fetch(&mut self.bytes);
            self.left = STOCK_BYTES;
        }
        let kept = self.left.saturating_sub(wanted.len());
        if let Some(taken) = self.bytes.get_mut(kept..self.left) {
            wanted.copy_from_slice(taken);
            taken.fill(0);
        }
        self.left = kept;
    }
}

fn fetch(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        // Without randomness, keys could be guessed: the process ends.
        std::process::abort();
    }
}

/// The environment variables that are valid text.
pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_randomness_is_given_out_twice() {
        let mut seen = HashSet::new();
        for round in 0..1_000_usize {
            let mut bytes = vec![0; 10 + round % 50];
            SystemEntropy.fill(&mut bytes);
            assert!(seen.insert(bytes[..10].to_vec()));
        }
        let mut large = vec![0; 3 * STOCK_BYTES];
        SystemEntropy.fill(&mut large);
        assert!(large.chunks(16).all(|part| part.iter().any(|byte| *byte != 0)));
    }
}
