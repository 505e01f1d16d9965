//! The usage of keys by day: counted in memory, and written to the store periodically.
//!
//! It is shown to people only; the ledger decides. After a crash the last seconds may be missing here, but never in the
//! ledger.

use crate::fault::Fault;
use crate::period::{first_of_month, monday_of};
use hashbrown::HashMap;
use opencredits_store::{UsageDay, UsageDays};
use opencredits_units::{KeyId, NanoUsd, UnixMs, UserId};
use parking_lot::Mutex;
use std::sync::Arc;

/// Counts that are not in the store yet.
pub struct UsageTally {
    store: Arc<dyn UsageDays>,
    counted: Mutex<HashMap<(KeyId, u64), (u64, NanoUsd)>>,
}

/// The usage of a key by period. Weeks begin on Monday, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyUsage {
    /// In total.
    pub total: NanoUsd,
    /// Today.
    pub daily: NanoUsd,
    /// Since Monday.
    pub weekly: NanoUsd,
    /// Since the first of the month.
    pub monthly: NanoUsd,
}

impl UsageTally {
    /// A tally on top of the counts in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn UsageDays>) -> Self {
        Self { store, counted: Mutex::new(HashMap::new()) }
    }

    /// Counts one request.
    pub fn add(&self, key: KeyId, now: UnixMs, charged: NanoUsd) {
        let mut counted = self.counted.lock();
        let (requests, sum) = counted.entry((key, now.day())).or_default();
        *requests = requests.saturating_add(1);
        *sum = sum.checked_add(charged).unwrap_or(*sum);
    }

    /// Writes the counts to the store.
    ///
    /// # Errors
    /// When the store fails; the counts are kept then.
    pub async fn flush(&self) -> Result<(), Fault> {
        let taken = std::mem::take(&mut *self.counted.lock());
        if taken.is_empty() {
            return Ok(());
        }
        let day = |((key, day), (requests, charged)): (&(KeyId, u64), &(u64, NanoUsd))| UsageDay {
            key: *key,
            day: *day,
            requests: *requests,
            charged: *charged,
        };
        let days: Vec<UsageDay> = taken.iter().map(day).collect();
        if let Err(error) = self.store.add_usage(&days).await {
            self.put_back(&days);
            return Err(error.into());
        }
        Ok(())
    }

    fn put_back(&self, days: &[UsageDay]) {
        let mut counted = self.counted.lock();
        for day in days {
            let (requests, sum) = counted.entry((day.key, day.day)).or_default();
            *requests = requests.saturating_add(day.requests);
            *sum = sum.checked_add(day.charged).unwrap_or(*sum);
        }
    }

    /// What was charged to a person in total, the last request included.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn charged_to(&self, user: UserId) -> Result<NanoUsd, Fault> {
        self.flush().await?;
        Ok(self.store.charged_to(user).await?)
    }

    /// The usage of a key, the last request included.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn usage_of(&self, key: KeyId, now: UnixMs) -> Result<KeyUsage, Fault> {
        self.flush().await?;
        let today = now.day();
        let monday = monday_of(today);
        let first = first_of_month(today);
        let mut usage = KeyUsage::default();
        for day in self.store.usage_of(key).await? {
            let periods = [
                (&mut usage.total, 0),
                (&mut usage.daily, today),
                (&mut usage.weekly, monday),
                (&mut usage.monthly, first),
            ];
            for (sum, since) in periods {
                if day.day >= since {
                    *sum = sum.checked_add(day.charged).unwrap_or(*sum);
                }
            }
        }
        Ok(usage)
    }
}
