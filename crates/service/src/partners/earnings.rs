//! A partner's earnings: what accrued, what was taken back, what was paid out, and what has matured.

use super::returns::debt_of_partner;
use crate::fault::Fault;
use crate::usage::{UsageReads, day_or_time};
use jiff::civil::Date;
use opencredits_ledger::{AnyLedger, LedgerError};
use opencredits_store::{Days, Partner, UsageFilter, UsageOf, UsageOrder, UsageQuery, UsageSums};
use opencredits_units::{BasisPoints, EntryId, NanoUsd, UnixMs};

/// Payouts that are listed, the newest ones.
const PAYOUTS_MAX: u32 = 1_000;

/// What the operator has settled about partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartnerTerms {
    /// The days after which commission may be paid out.
    pub matures_days: u64,
    /// The largest share of the markup.
    pub share_max: BasisPoints,
    /// The share of partners without one of their own.
    pub share_default: BasisPoints,
    /// The least markup of their own.
    pub markup_min: BasisPoints,
    /// The highest markup of their own.
    pub markup_max: BasisPoints,
}

impl Default for PartnerTerms {
    fn default() -> Self {
        Self {
            matures_days: 120,
            share_max: BasisPoints::new(BasisPoints::WHOLE),
            share_default: BasisPoints::new(BasisPoints::WHOLE.div_euclid(2)),
            markup_min: BasisPoints::new(BasisPoints::WHOLE.div_euclid(4)),
            markup_max: BasisPoints::new(BasisPoints::WHOLE.div_euclid(4)),
        }
    }
}

/// The last day whose commission has matured at this time; none where no day has. Without days to wait it is today.
#[must_use]
pub fn last_matured_day(now: UnixMs, matures_days: u64) -> Option<u64> {
    if matures_days == 0 {
        return Some(now.day());
    }
    // The day must be over, and then so many days.
    now.day().checked_sub(matures_days.checked_add(1)?)
}

/// A payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayoutEntry {
    /// Its entry.
    pub id: EntryId,
    /// Its time.
    pub at: UnixMs,
    /// Its amount.
    pub amount: NanoUsd,
}

/// What a partner has earned until now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Earnings {
    /// Commission on requests, by the usage.
    pub accrued: NanoUsd,
    /// Commission that followed purchases back.
    pub taken_back: NanoUsd,
    /// Commission that was paid out.
    pub paid_out: NanoUsd,
    /// What is in the earnings, less the debt.
    pub balance: NanoUsd,
    /// What may be paid out now.
    pub matured: NanoUsd,
    /// The newest payouts first, a thousand at most.
    pub payouts: Vec<PayoutEntry>,
    /// Whether the latest usage is not counted yet.
    pub is_behind: bool,
}

/// A month of a partner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statement {
    /// The first day.
    pub first_day: u64,
    /// The first day of the next month.
    pub end_day: u64,
    /// Requests through the partner.
    pub requests: u64,
    /// The amount that people were charged for them.
    pub charged: NanoUsd,
    /// The commission on them.
    pub commission: NanoUsd,
    /// Commission that followed purchases back in this month.
    pub taken_back: NanoUsd,
    /// Commission that was paid out in this month.
    pub paid_out: NanoUsd,
    /// The balance at the end of the month.
    pub balance: NanoUsd,
}

/// The sums of what was taken back and paid out.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    taken_back: NanoUsd,
    paid_out: NanoUsd,
}

impl UsageReads {
    /// What a partner has earned until `now`.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn earnings(&self, partner: &Partner, terms: PartnerTerms, now: UnixMs) -> Result<Earnings, Fault> {
        // The balance is read first: what is booked meanwhile counts neither as matured nor as there.
        let (earnings, debt) = balances(self.ledger(), partner).await?;
        let is_behind = self.refresh().await? > 0;
        let accrued = self.commission(partner, Days::ALL).await?.commission;
        let matured = match last_matured_day(now, terms.matures_days) {
            Some(to) => self.commission(partner, Days { from: 0, to }).await?.commission,
            None => NanoUsd::ZERO,
        };
        let moved = self.moved(partner, (UnixMs::default(), UnixMs::new(u64::MAX))).await?;
        let paid = self.payouts_of(partner.earnings, PAYOUTS_MAX).await?;
        let payouts = paid.iter().map(|paid| PayoutEntry { id: paid.entry, at: paid.at, amount: paid.paid_out });
        let gone = moved.taken_back.checked_add(moved.paid_out).ok_or(Fault::Overflow)?;
        let matured = matured.checked_sub(gone).ok_or(Fault::Overflow)?;
        // The earnings settle the debt before anything is paid out.
        let balance = earnings.checked_add(debt).ok_or(Fault::Overflow)?;
        Ok(Earnings {
            accrued,
            taken_back: moved.taken_back,
            paid_out: moved.paid_out,
            balance,
            matured: matured.min(balance).max(NanoUsd::ZERO),
            payouts: payouts.collect(),
            is_behind,
        })
    }

    /// A month of a partner; `first_day` and `end_day` are those of [`month_of_text`].
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn statement(&self, partner: &Partner, (first_day, end_day): (u64, u64)) -> Result<Statement, Fault> {
        self.refresh().await?;
        let last = end_day.saturating_sub(1);
        let at = |day: u64| UnixMs::new(day.saturating_mul(UnixMs::DAY_MS));
        let sums = self.commission(partner, Days { from: first_day, to: last }).await?;
        let until_then = self.commission(partner, Days { from: 0, to: last }).await?.commission;
        let moved = self.moved(partner, (at(first_day), at(end_day))).await?;
        let all = self.moved(partner, (UnixMs::default(), at(end_day))).await?;
        let balance = until_then.checked_sub(all.taken_back).and_then(|rest| rest.checked_sub(all.paid_out));
        Ok(Statement {
            first_day,
            end_day,
            requests: sums.requests,
            charged: sums.charged,
            commission: sums.commission,
            taken_back: moved.taken_back,
            paid_out: moved.paid_out,
            balance: balance.ok_or(Fault::Overflow)?,
        })
    }

    async fn commission(&self, partner: &Partner, days: Days) -> Result<UsageSums, Fault> {
        let filter = UsageFilter { partner: Some(partner.id), ..UsageFilter::of(UsageOf::All) };
        let query = UsageQuery { filter, days, by: Vec::new(), order: UsageOrder::Newest, max: 1 };
        Ok(self.sums(query).await?.first().map(|group| group.sums).unwrap_or_default())
    }

    /// What was taken back and paid out at `from` or later and before `until`. What was taken back while the earnings had
    /// nothing is a transfer of the debt alone.
    async fn moved(&self, partner: &Partner, times: (UnixMs, UnixMs)) -> Result<Moved, Fault> {
        let (of_earnings, paid_out) = self.moved_of(partner.earnings, times).await?;
        let (of_debt, _) = self.moved_of(debt_of_partner(partner.id), times).await?;
        let taken_back = of_earnings.checked_add(of_debt).ok_or(Fault::Overflow)?;
        Ok(Moved { taken_back, paid_out })
    }
}

/// The posted amounts of a partner's earnings and debt.
async fn balances(ledger: &AnyLedger, partner: &Partner) -> Result<(NanoUsd, NanoUsd), Fault> {
    let debt = match ledger.balance(debt_of_partner(partner.id)).await {
        Ok(balance) => balance.posted,
        // Nothing was ever taken back.
        Err(LedgerError::UnknownAccount { .. }) => NanoUsd::ZERO,
        Err(error) => return Err(error.into()),
    };
    Ok((ledger.balance(partner.earnings).await?.posted, debt))
}

/// The first day of a month such as `2026-11`, and that of the next one; days count from the epoch.
#[must_use]
pub fn month_of_text(text: &str) -> Option<(u64, u64)> {
    let (first, _) = day_or_time(&format!("{text}-01"))?;
    let date: Date = format!("{text}-01").parse().ok()?;
    let days = u64::try_from(date.days_in_month()).ok()?;
    Some((first.day(), first.day().saturating_add(days)))
}

/// The month that a day is in, as `2026-11`.
#[must_use]
pub fn month_text(day: u64) -> String {
    let text = crate::usage::day_text(day);
    text.rsplit_once('-').map_or_else(String::new, |(month, _)| month.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_matures_when_it_is_over_and_the_days_have_passed() {
        let check = |day: u64, matures_days: u64, expect: Option<u64>| {
            let now = UnixMs::new(day * UnixMs::DAY_MS + 1);
            assert_eq!(last_matured_day(now, matures_days), expect, "day {day}, {matures_days} days");
        };
        check(200, 120, Some(79));
        check(121, 120, Some(0));
        check(120, 120, None);
        check(1, 0, Some(1));
        check(0, 0, Some(0));
        check(5, u64::MAX, None);
    }

    #[test]
    fn a_month_has_its_days() {
        let check = |text: &str, days: Option<u64>| {
            assert_eq!(month_of_text(text).map(|(first, end)| end - first), days, "{text}");
        };
        check("2026-11", Some(30));
        check("2028-02", Some(29));
        check("2026-13", None);
        check("2026", None);
        check("2026-11-01", None);
        let (first, _) = month_of_text("2026-11").unwrap();
        assert_eq!((month_text(first).as_str(), month_text(first - 1).as_str()), ("2026-11", "2026-10"));
    }
}
