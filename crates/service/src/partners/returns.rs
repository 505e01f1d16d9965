//! Commission that follows purchases back.

use super::earned::{Commissions, EarnedOn};
use crate::books;
use crate::fault::Fault;
use crate::ledger_ids::{derived, entry_id};
use crate::ports::{Entropy, fresh_id};
use opencredits_ledger::{AnyLedger, Collect, Floor, LedgerError, Most, OpenAccount, Transfer};
use opencredits_store::{CommissionReturn, CommissionReturns, Partner, Partners, Store};
use opencredits_units::{AccountId, EntryId, NanoUsd, OrderId, PartnerId, UnixMs, UserId};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Partners that are read at once.
const PAGE: u32 = 1_000;

/// The account that shows what a partner owes after commission was taken back that had been paid out.
#[must_use]
pub fn debt_of_partner(partner: PartnerId) -> AccountId {
    AccountId::from_bits(derived("partner debt", &[&partner.bits().to_be_bytes()]))
}

/// What became of credits that a person had spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpentCredits {
    /// So many were taken back and are owed: their purchase was refunded, or its dispute lost.
    Taken(NanoUsd),
    /// So much of what was owed was settled: by another purchase, or by credits that came back. It is collected now.
    Settled(NanoUsd),
}

/// A booking of an order, as far as commission is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpendingChange {
    /// The order.
    pub order: OrderId,
    /// The number of its booking.
    pub booking: u32,
    /// When it was decided.
    pub at: UnixMs,
    /// The person.
    pub user: UserId,
    /// What became of the credits.
    pub spent: SpentCredits,
}

/// Takes commission back, and gives it back.
///
/// The amounts are decided once, from the usage at that time, and stored before they are booked. Their entries have ids
/// that follow from order, booking and partner. So a repetition after a crash books the same, once.
pub struct CommissionBooks {
    ledger: AnyLedger,
    partners: Arc<dyn Partners>,
    returns: Arc<dyn CommissionReturns>,
    commissions: Arc<dyn Commissions>,
    /// One decision at a time: two orders of one person must not take the same commission.
    deciding: Mutex<()>,
}

impl CommissionBooks {
    /// On this ledger and these tables.
    #[must_use]
    pub fn new(ledger: impl Into<AnyLedger>, store: Arc<dyn Store>, commissions: Arc<dyn Commissions>) -> Self {
        let ledger = ledger.into();
        Self { ledger, partners: store.clone(), returns: store, commissions, deciding: Mutex::default() }
    }

    /// Lets the commission of every partner follow a booking, and returns once that is on disk.
    ///
    /// # Errors
    /// When ledger or store fail. It may be repeated after any error.
    pub async fn follow(&self, change: SpendingChange, now: UnixMs) -> Result<CommissionReturn, Fault> {
        let decided = self.decide(change).await?;
        for (partner, amount) in &decided.parts {
            let partner = self.partners.partner(*partner).await?;
            if let Some(partner) = partner {
                self.book(&change, (&partner, *amount), now).await?;
            }
        }
        if !decided.parts.is_empty() {
            // With the last decision all that went before are on disk.
            let again = OpenAccount { id: books::REVENUE, floor: Floor::None, contra: None };
            self.ledger.open_account(again, now).durable().await?;
        }
        Ok(decided)
    }

    /// The amounts of a change: those that are stored, else new ones.
    pub(crate) async fn decide(&self, change: SpendingChange) -> Result<CommissionReturn, Fault> {
        let _one = self.deciding.lock().await;
        if let Some(decided) = self.returns.commission_return(change.order, change.booking).await? {
            return Ok(decided);
        }
        let outstanding = self.returns.commission_owed_by(change.user).await?;
        let (owed, parts) = match change.spent {
            SpentCredits::Taken(owed) => {
                (owed, self.taken(change.user, unsettled(owed, outstanding).ok_or(Fault::Overflow)?).await?)
            }
            SpentCredits::Settled(amount) => {
                let parts = self.restored(change.user, (amount, outstanding)).await?;
                (amount.checked_neg().ok_or(Fault::Overflow)?, parts)
            }
        };
        let SpendingChange { order, booking, user, .. } = change;
        Ok(self.returns.keep_commission_return(&CommissionReturn { order, booking, user, owed, parts }).await?)
    }

    /// The commission that is taken from each partner for credits that a person had spent.
    async fn taken(&self, user: UserId, owed: NanoUsd) -> Result<Vec<(PartnerId, NanoUsd)>, Fault> {
        if owed == NanoUsd::ZERO {
            return Ok(Vec::new());
        }
        let earned = self.commissions.earned_on(user).await?;
        let before = self.returns.commission_returned_for(user).await?;
        shares(&earned, &before, owed).ok_or(Fault::Overflow)
    }

    /// The commission that comes back, below zero, when so much of what a person owed is settled: the same part of what was
    /// taken for that person.
    async fn restored(
        &self,
        user: UserId,
        (settled, outstanding): (NanoUsd, NanoUsd),
    ) -> Result<Vec<(PartnerId, NanoUsd)>, Fault> {
        let back = settled.min(outstanding);
        if back <= NanoUsd::ZERO {
            return Ok(Vec::new());
        }
        let taken = self.returns.commission_returned_for(user).await?;
        let part =
            |(partner, sum): (PartnerId, NanoUsd)| Some((partner, sum.scaled_down(back, outstanding)?.checked_neg()?));
        let parts: Option<Vec<_>> = taken.into_iter().map(part).collect();
        Ok(parts.ok_or(Fault::Overflow)?.into_iter().filter(|(_, amount)| *amount != NanoUsd::ZERO).collect())
    }

    async fn book(&self, change: &SpendingChange, part: (&Partner, NanoUsd), now: UnixMs) -> Result<(), Fault> {
        let (partner, amount) = part;
        let memo = format!("commission of {} booking {}", change.order, change.booking);
        let debt = self.open_debt(partner, now).await?;
        if amount > NanoUsd::ZERO {
            let id = change.id("taken", partner.id);
            let (most, shortfall) = (Most::Amount(amount), Some(debt));
            let (from, to, memo) = (partner.earnings, books::REVENUE, memo.as_bytes());
            self.ledger.collect(Collect { id, from, to, most, shortfall, memo }, now).accepted().await?;
            return Ok(());
        }
        let amount = amount.checked_neg().ok_or(Fault::Overflow)?;
        let id = change.id("given back", partner.id);
        let (from, to) = (books::REVENUE, partner.earnings);
        self.ledger.transfer(Transfer { id, from, to, amount, memo: memo.as_bytes() }, now).accepted().await?;
        self.settle(partner, change.id("debt", partner.id), now).await
    }

    async fn open_debt(&self, partner: &Partner, now: UnixMs) -> Result<AccountId, Fault> {
        let id = debt_of_partner(partner.id);
        self.ledger.open_account(OpenAccount { id, floor: Floor::None, contra: None }, now).accepted().await?;
        Ok(id)
    }

    /// Settles a partner's debt from its earnings, where there is one and there are some.
    async fn settle(&self, partner: &Partner, id: EntryId, now: UnixMs) -> Result<(), Fault> {
        settle_debt(&self.ledger, partner, id, now).await
    }

    /// Settles the debts of all partners from what they have earned since.
    ///
    /// # Errors
    /// When ledger or store fail; debts that were settled before stay so.
    pub async fn settle_debts(&self, now: UnixMs, entropy: &dyn Entropy) -> Result<(), Fault> {
        let mut after = PartnerId::default();
        loop {
            let page = self.partners.partners(after, PAGE).await?;
            for partner in &page {
                self.settle(partner, fresh_id(now, entropy), now).await?;
            }
            match page.last() {
                Some(last) => after = last.id,
                None => return Ok(()),
            }
        }
    }
}

/// Settles a partner's debt from its earnings. Without a debt or without earnings it books nothing.
pub(crate) async fn settle_debt(ledger: &AnyLedger, partner: &Partner, id: EntryId, now: UnixMs) -> Result<(), Fault> {
    let debt = debt_of_partner(partner.id);
    let owes = match ledger.balance(debt).await {
        Ok(balance) => balance.posted.is_negative(),
        // An account that was never opened has no debt.
        Err(LedgerError::UnknownAccount { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    if !owes || ledger.balance(partner.earnings).await?.available <= NanoUsd::ZERO {
        return Ok(());
    }
    let (from, most) = (partner.earnings, Most::Owed);
    let collect = Collect { id, from, to: debt, most, shortfall: None, memo: b"a partner's debt" };
    ledger.collect(collect, now).accepted().await?;
    Ok(())
}

impl SpendingChange {
    fn id(&self, role: &str, partner: PartnerId) -> EntryId {
        let order = self.order.bits().to_be_bytes();
        entry_id(self.at, &["commission", role], &[&order, &self.booking.to_be_bytes(), &partner.bits().to_be_bytes()])
    }
}

/// The part of `owed` that is owed still. Of two orders of a person the settling one may be decided first: then less is
/// outstanding than nothing, and that much is settled already.
fn unsettled(owed: NanoUsd, outstanding: NanoUsd) -> Option<NanoUsd> {
    Some(outstanding.min(NanoUsd::ZERO).checked_add(owed)?.max(NanoUsd::ZERO))
}

/// Each partner's commission on the part `owed` of what was charged, rounded down; never more than is left of it.
fn shares(earned: &EarnedOn, before: &[(PartnerId, NanoUsd)], owed: NanoUsd) -> Option<Vec<(PartnerId, NanoUsd)>> {
    let mut parts = Vec::new();
    if earned.charged <= NanoUsd::ZERO {
        return Some(parts);
    }
    let owed = owed.min(earned.charged);
    for (partner, commission) in &earned.commissions {
        let taken = before.iter().find(|(other, _)| other == partner).map_or(NanoUsd::ZERO, |(_, taken)| *taken);
        let left = commission.checked_sub(taken)?;
        let part = commission.scaled_down(owed, earned.charged)?.min(left);
        if part > NanoUsd::ZERO {
            parts.push((*partner, part));
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commission_is_taken_in_proportion_rounded_down_and_never_twice() {
        let check = |charged: i64, commissions: &[i64], before: &[i64], owed: i64, expect: &[i64]| {
            let partners = |amounts: &[i64]| -> Vec<(PartnerId, NanoUsd)> {
                let numbered = (1_u128..).zip(amounts);
                numbered.map(|(n, amount)| (PartnerId::from_bits(n), NanoUsd::new(*amount))).collect()
            };
            let earned = EarnedOn { charged: NanoUsd::new(charged), commissions: partners(commissions) };
            let found = shares(&earned, &partners(before), NanoUsd::new(owed)).unwrap();
            let found: Vec<i64> = found.iter().map(|(_, amount)| amount.get()).collect();
            assert_eq!(found, expect, "{charged} {commissions:?} {before:?} {owed}");
        };
        check(1_000, &[100], &[], 500, &[50]);
        check(1_000, &[100, 30], &[], 333, &[33, 9]);
        // Most of it was taken before.
        check(1_000, &[100], &[80], 500, &[20]);
        check(1_000, &[100], &[100], 500, &[]);
        // More is owed than was charged: the rest was moved by hand.
        check(1_000, &[100], &[], 5_000, &[100]);
        // Own spending earns nothing, and nothing comes back for it.
        check(1_000, &[0], &[], 1_000, &[]);
        check(0, &[], &[], 1_000, &[]);
        check(1_000, &[1], &[], 999, &[]);
    }
}
