//! The balances that this process has seen last.

use crate::types::Balance;
use hashbrown::HashMap;
use opencredits_units::AccountId;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// Balances that are remembered. Beyond it, all are forgotten.
const SEEN_MAX: usize = 1 << 16;

/// Balances and when they were seen. Another process may have changed them since.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<AccountId, (Balance, Instant)>>);

impl Seen {
    /// Remembers balances that were right at a moment, unless later ones are known.
    pub(crate) fn put(&self, at: Instant, balances: impl Iterator<Item = (AccountId, Balance)>) {
        let mut seen = self.0.lock();
        if seen.len() >= SEEN_MAX {
            seen.clear();
        }
        for (account, balance) in balances {
            let last = seen.entry(account).or_insert((balance, at));
            if last.1 <= at {
                *last = (balance, at);
            }
        }
    }

    /// The balances of all these accounts, where none of them is older.
    pub(crate) fn of(&self, accounts: &[AccountId], age_max: Duration) -> Option<Vec<(AccountId, Balance)>> {
        let seen = self.0.lock();
        let of = |account: &AccountId| {
            let (balance, at) = seen.get(account)?;
            (at.elapsed() <= age_max).then_some((*account, *balance))
        };
        accounts.iter().map(of).collect()
    }

    pub(crate) fn forget(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_units::NanoUsd;

    const SECOND: Duration = Duration::from_secs(1);

    fn balance(available: i64) -> Balance {
        Balance { available: NanoUsd::new(available), ..Balance::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_balance_is_told_until_it_is_too_old_and_only_with_all_others() {
        let (seen, one, other) = (Seen::default(), AccountId::from_bits(1), AccountId::from_bits(2));
        seen.put(Instant::now(), [(one, balance(5))].into_iter());
        assert_eq!(seen.of(&[one], SECOND), Some(vec![(one, balance(5))]));
        assert_eq!(seen.of(&[one, other], SECOND), None);
        tokio::time::advance(SECOND * 2).await;
        assert_eq!(seen.of(&[one], SECOND), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_before_a_later_change_does_not_replace_it() {
        let (seen, one, began) = (Seen::default(), AccountId::from_bits(1), Instant::now());
        tokio::time::advance(SECOND / 2).await;
        seen.put(Instant::now(), [(one, balance(7))].into_iter());
        seen.put(began, [(one, balance(5))].into_iter());
        assert_eq!(seen.of(&[one], SECOND), Some(vec![(one, balance(7))]));
        seen.forget();
        assert_eq!(seen.of(&[one], SECOND), None);
    }
}
