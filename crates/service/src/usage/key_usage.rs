//! The usage of a key by period.

use super::UsageReads;
use crate::fault::Fault;
use crate::period::{first_of_month, monday_of};
use opencredits_store::{Days, UsageBy, UsageFilter, UsageOf, UsageOrder, UsageQuery};
use opencredits_units::{KeyId, NanoUsd, UnixMs, UserId};

/// The days of a key that are read: more than it can have.
const DAYS_MAX: u32 = 100_000;

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

impl UsageReads {
    /// The usage of a key, the last request included. A request belongs to the day on which it began.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn usage_of(&self, key: KeyId, now: UnixMs) -> Result<KeyUsage, Fault> {
        self.refresh().await?;
        let today = now.day();
        let monday = monday_of(today);
        let first = first_of_month(today);
        let filter = UsageFilter::of(UsageOf::Key(key));
        let (by, order) = (vec![UsageBy::Day], UsageOrder::Newest);
        let mut usage = KeyUsage::default();
        for group in self.sums(UsageQuery { filter, days: Days::ALL, by, order, max: DAYS_MAX }).await? {
            let day = group.day.unwrap_or_default();
            let periods = [
                (&mut usage.total, 0),
                (&mut usage.daily, today),
                (&mut usage.weekly, monday),
                (&mut usage.monthly, first),
            ];
            for (sum, since) in periods {
                if day >= since {
                    *sum = sum.checked_add(group.sums.charged).unwrap_or(*sum);
                }
            }
        }
        Ok(usage)
    }

    /// What was charged to a person in total, over all of their keys.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn charged_to(&self, user: UserId) -> Result<NanoUsd, Fault> {
        self.refresh().await?;
        let filter = UsageFilter::of(UsageOf::User(user));
        let query = UsageQuery { filter, days: Days::ALL, by: Vec::new(), order: UsageOrder::Newest, max: 1 };
        Ok(self.sums(query).await?.first().map_or(NanoUsd::ZERO, |group| group.sums.charged))
    }
}
