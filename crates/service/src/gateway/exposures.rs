//! The exposure of open requests: the amount by which each may be charged above its hold.
//!
//! A hold covers the likely charge. The difference to the highest possible charge is the request's exposure. For every
//! account, the exposures of its open requests exceed its available balance by the limit at most. So the operator loses
//! no more than this limit on one account, even if every open request turns out to have one token for each byte.
//!
//! Where several gateways share a ledger, each has an equal share of the limit, and counts on nothing that is available:
//! another one may spend it. What exceeds its share is in the hold.
//!
//! The rule survives every step. A hold lowers the available balance by what it takes, and admission checks the sum
//! again. A charge lowers the balance by its hold and its exposure at most, and the exposure ends with it.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use opencredits_units::{AccountId, NanoUsd};
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicU32, Ordering};

/// The exposures of open requests, by account.
pub(super) struct Exposures {
    open: Mutex<Open>,
    /// The gateways that share the limit.
    gateways: AtomicU32,
}

impl Default for Exposures {
    fn default() -> Self {
        Self { open: Mutex::default(), gateways: AtomicU32::new(1) }
    }
}

#[derive(Default)]
struct Open {
    of: HashMap<AccountId, NanoUsd>,
    /// The sum over requests, each once.
    total: NanoUsd,
}

/// Keeps others from admitting requests between the check and the hold.
pub(super) struct Admitting<'a>(MutexGuard<'a, Open>);

impl Exposures {
    pub(super) fn lock(&self) -> Admitting<'_> {
        Admitting(self.open.lock())
    }

    /// So many gateways share the limit from now on.
    pub(super) fn share_with(&self, gateways: u32) {
        self.gateways.store(gateways.max(1), Ordering::Relaxed);
    }

    /// The part of a limit that this gateway may use.
    pub(super) fn share_of(&self, limit: NanoUsd) -> NanoUsd {
        let gateways = i64::from(self.gateways.load(Ordering::Relaxed));
        NanoUsd::new(limit.get().checked_div(gateways).unwrap_or_default())
    }

    /// The sum of the exposures of all open requests.
    pub(super) fn total(&self) -> NanoUsd {
        self.open.lock().total
    }

    /// Ends the exposure of a request.
    pub(super) fn end(&self, accounts: impl Iterator<Item = AccountId>, exposure: NanoUsd) {
        if exposure == NanoUsd::ZERO {
            return;
        }
        let mut open = self.open.lock();
        open.total = open.total.checked_sub(exposure).unwrap_or_default();
        for account in accounts {
            if let Entry::Occupied(mut sum) = open.of.entry(account) {
                match sum.get().checked_sub(exposure).filter(|left| *left > NanoUsd::ZERO) {
                    Some(left) => *sum.get_mut() = left,
                    None => drop(sum.remove()),
                }
            }
        }
    }
}

impl Admitting<'_> {
    /// The sum of an account's exposures.
    pub(super) fn of(&self, account: AccountId) -> NanoUsd {
        self.0.of.get(&account).copied().unwrap_or_default()
    }

    /// Adds the exposure of a request that was admitted.
    pub(super) fn add(&mut self, accounts: impl Iterator<Item = AccountId>, exposure: NanoUsd) {
        if exposure == NanoUsd::ZERO {
            return;
        }
        self.0.total = self.0.total.checked_add(exposure).unwrap_or(NanoUsd::MAX);
        for account in accounts {
            let sum = self.0.of.entry(account).or_default();
            *sum = sum.checked_add(exposure).unwrap_or(NanoUsd::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exposures_add_up_by_account_and_end_with_their_requests() {
        let exposures = Exposures::default();
        let [wallet, limit] = [1, 2].map(AccountId::from_bits);
        exposures.lock().add([wallet, limit].into_iter(), NanoUsd::new(30));
        exposures.lock().add([wallet].into_iter(), NanoUsd::new(12));
        let sums = |exposures: &Exposures| {
            let open = exposures.lock();
            (open.of(wallet).get(), open.of(limit).get())
        };
        assert_eq!(sums(&exposures), (42, 30));
        assert_eq!(exposures.total().get(), 42, "a request counts once, whatever it has of limits");
        exposures.end([wallet, limit].into_iter(), NanoUsd::new(30));
        assert_eq!((sums(&exposures), exposures.total().get()), ((12, 0), 12));
        exposures.end([wallet].into_iter(), NanoUsd::new(12));
        assert!(exposures.lock().0.of.is_empty(), "nothing is kept of an account without open requests");
    }

    #[test]
    fn gateways_share_the_limit_in_equal_parts() {
        let exposures = Exposures::default();
        let shares = [1, 4, 3, 0].map(|gateways| {
            exposures.share_with(gateways);
            exposures.share_of(NanoUsd::new(500)).get()
        });
        assert_eq!(shares, [500, 125, 166, 500]);
    }
}
