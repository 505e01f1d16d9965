//! The usage of a key by period.

use super::UsageReads;
use crate::fault::Fault;
use opencredits_store::{Days, UsageBy, UsageFilter, UsageOf, UsageOrder, UsageQuery};
use opencredits_units::{KeyId, NanoUsd, UnixMs};

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

/// The first day of the epoch was a Thursday.
const THURSDAY: u64 = 3;

impl UsageReads {
    /// The usage of a key, the last request included. A request belongs to the day on which it began.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn usage_of(&self, key: KeyId, now: UnixMs) -> Result<KeyUsage, Fault> {
        self.refresh().await?;
        let today = now.day();
        let monday = today.saturating_sub((today.saturating_add(THURSDAY)) % 7);
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
}

/// The first day of the month of `day`.
fn first_of_month(day: u64) -> u64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = i64::try_from(day).unwrap_or_default();
    let date = epoch.checked_add(jiff::Span::new().days(days)).unwrap_or(epoch);
    let since = u64::try_from(date.day()).unwrap_or(1).saturating_sub(1);
    day.saturating_sub(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_on_its_first() {
        let day = |y, m, d| {
            let since = jiff::civil::date(1970, 1, 1).until(jiff::civil::date(y, m, d)).unwrap();
            u64::try_from(since.get_days()).unwrap()
        };
        assert_eq!(first_of_month(day(2026, 11, 23)), day(2026, 11, 1));
        assert_eq!(first_of_month(day(2028, 2, 29)), day(2028, 2, 1));
        assert_eq!(first_of_month(day(2027, 1, 1)), day(2027, 1, 1));
    }
}
