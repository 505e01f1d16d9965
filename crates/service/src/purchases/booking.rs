//! A booking: what it moves in the ledger. Repeating one changes nothing, since the ids of its entries follow from the order and
//! the booking's number.

use super::error::PurchaseError;
use super::terms::NANO_A_MINOR;
use crate::books::{self, Derived, PerCurrency};
use crate::ledger_ids::entry_id;
use opencredits_ledger::{AnyLedger, Collect, Collected, Floor, LedgerError, Most, OpenAccount, Transfer};
use opencredits_store::{Booked, Order};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs, UserId};

/// The account that shows what a person owes after credits were taken back that they had spent.
#[must_use]
pub fn debt_of(user: UserId) -> AccountId {
    Derived::Debt.account(user.bits())
}

/// The account of an order's frozen credits.
pub(super) fn frozen_of(order: &Order) -> AccountId {
    Derived::Frozen.account(order.id.bits())
}

/// Makes the last booking of an order.
pub(super) struct Booking<'a> {
    pub(super) ledger: &'a AnyLedger,
    pub(super) order: &'a Order,
    pub(super) wallet: AccountId,
    pub(super) now: UnixMs,
}

/// What a booking did to a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    /// Credits that were taken back and had been spent: the person owes them.
    pub owed: NanoUsd,
    /// The part of the person's debt that was settled from what came into the wallet.
    pub settled: NanoUsd,
}

impl Booking<'_> {
    /// Makes it, and returns once it is on disk.
    pub(super) async fn make(&self) -> Result<Effect, PurchaseError> {
        let (before, after) = (self.order.bookings.before, self.order.bookings.after);
        self.money(before, after).await?;
        self.grant(before, after).await?;
        let owed = self.take(before, after).await?;
        self.freeze(before, after).await?;
        let settled = self.settle_debt().await?;
        // With the last decision all that went before are on disk.
        let again = OpenAccount { id: debt_of(self.order.user), floor: Floor::None, contra: None };
        self.ledger.open_account(again, self.now).durable().await?;
        Ok(Effect { owed, settled })
    }

    /// Any credits that came into the wallet settle a debt first. A repetition says what the first time settled.
    async fn settle_debt(&self) -> Result<NanoUsd, PurchaseError> {
        let (role, debt) = ("debt", debt_of(self.order.user));
        self.open(debt, Floor::None).await?;
        if !self.ledger.balance(debt).await?.posted.is_negative() && !self.is_made(role).await? {
            return Ok(NanoUsd::ZERO);
        }
        Ok(self.collect(role, (self.wallet, debt), Most::Owed, None).await?.collected)
    }

    async fn money(&self, before: Booked, after: Booked) -> Result<(), PurchaseError> {
        let [clearing, exchange, disputed, fees] =
            [PerCurrency::Clearing, PerCurrency::Exchange, PerCurrency::Disputed, PerCurrency::PurchaseFees]
                .map(|kind| kind.account(&self.order.currency));
        for account in [clearing, exchange, disputed, fees] {
            self.open(account, Floor::None).await?;
        }
        let withdrawn = |booked: Booked| booked.disputed_minor.saturating_add(booked.lost_minor);
        self.shift("paid", (clearing, exchange), difference(before.paid_minor, after.paid_minor)?).await?;
        let fee = self.fee_of(after)?.checked_sub(self.fee_of(before)?).ok_or(PurchaseError::Overflow)?;
        self.shift("fee", (exchange, fees), fee).await?;
        self.shift("refunded", (exchange, clearing), difference(before.refunded_minor, after.refunded_minor)?).await?;
        self.shift("withdrawn", (disputed, clearing), difference(withdrawn(before), withdrawn(after))?).await?;
        self.shift("lost", (exchange, disputed), difference(before.lost_minor, after.lost_minor)?).await
    }

    /// The operator's fee on what was paid and has not gone back.
    fn fee_of(&self, booked: Booked) -> Result<NanoUsd, PurchaseError> {
        if booked.granted == NanoUsd::ZERO || booked.paid_minor <= 0 {
            return Ok(NanoUsd::ZERO);
        }
        let gone = booked.refunded_minor.saturating_add(booked.lost_minor).clamp(0, booked.paid_minor);
        let kept = booked.paid_minor.saturating_sub(gone);
        let share = NanoUsd::new(self.order.fee_minor).scaled_down(NanoUsd::new(kept), NanoUsd::new(booked.paid_minor));
        minor(share.ok_or(PurchaseError::Overflow)?.get())
    }

    async fn grant(&self, before: Booked, after: Booked) -> Result<(), PurchaseError> {
        // An order is granted whole, once: a payment that is not there any more is taken back by `taken`.
        if before.granted > NanoUsd::ZERO || after.granted == NanoUsd::ZERO {
            return Ok(());
        }
        self.shift("credits", (books::EXCHANGE, self.wallet), self.order.credits).await?;
        self.shift("bonus", (books::PROMOTION, self.wallet), self.order.bonus).await
    }

    /// Takes credits back, or gives them back; the part that had been spent is owed.
    async fn take(&self, before: Booked, after: Booked) -> Result<NanoUsd, PurchaseError> {
        let more = after.taken.checked_sub(before.taken).ok_or(PurchaseError::Overflow)?;
        let bonus = self.bonus_of(after)?.checked_sub(self.bonus_of(before)?).ok_or(PurchaseError::Overflow)?;
        if more.is_negative() {
            self.shift("given back", (self.wallet, books::EXCHANGE), more).await?;
            self.shift("bonus taken", (books::EXCHANGE, books::PROMOTION), bonus).await?;
            return Ok(NanoUsd::ZERO);
        }
        let (frozen, debt) = (frozen_of(self.order), debt_of(self.order.user));
        self.open(frozen, Floor::Zero).await?;
        self.open(debt, Floor::None).await?;
        if more == NanoUsd::ZERO {
            return Ok(NanoUsd::ZERO);
        }
        let from_frozen = self.collect("taken frozen", (frozen, books::EXCHANGE), Most::Amount(more), None).await?;
        let rest = more.checked_sub(from_frozen.collected).ok_or(PurchaseError::Overflow)?;
        let collected = self.collect("taken", (self.wallet, books::EXCHANGE), Most::Amount(rest), Some(debt)).await?;
        self.shift("bonus taken", (books::EXCHANGE, books::PROMOTION), bonus).await?;
        rest.checked_sub(collected.collected).ok_or(PurchaseError::Overflow)
    }

    /// The part of the credits taken back that was a bonus.
    fn bonus_of(&self, booked: Booked) -> Result<NanoUsd, PurchaseError> {
        let whole = super::target::granted(self.order);
        self.order.bonus.scaled_down(booked.taken, whole).ok_or(PurchaseError::Overflow)
    }

    /// Brings the frozen credits to where they must be. Credits that were taken came out of the frozen ones first, and fewer
    /// may be frozen than are disputed, as the others were spent: so what is released is what is there beyond the aim, and
    /// never what another open dispute of the order needs.
    async fn freeze(&self, before: Booked, after: Booked) -> Result<(), PurchaseError> {
        let frozen = frozen_of(self.order);
        let taken = after.taken.checked_sub(before.taken).ok_or(PurchaseError::Overflow)?.max(NanoUsd::ZERO);
        let left = before.frozen.checked_sub(taken).ok_or(PurchaseError::Overflow)?.max(NanoUsd::ZERO);
        let more = after.frozen.checked_sub(left).ok_or(PurchaseError::Overflow)?;
        if more > NanoUsd::ZERO {
            self.open(frozen, Floor::Zero).await?;
            self.collect("frozen", (self.wallet, frozen), Most::Amount(more), None).await?;
            return Ok(());
        }
        // The amount follows from the balance, which a repetition would find changed.
        if self.is_made("unfrozen").await? {
            return Ok(());
        }
        self.open(frozen, Floor::Zero).await?;
        let there = self.ledger.balance(frozen).await?.posted;
        let surplus = there.checked_sub(after.frozen).ok_or(PurchaseError::Overflow)?;
        if surplus > NanoUsd::ZERO {
            self.collect("unfrozen", (frozen, self.wallet), Most::Amount(surplus), None).await?;
        }
        Ok(())
    }

    /// Whether an earlier run of this booking, which a crash ended, made this entry.
    async fn is_made(&self, role: &str) -> Result<bool, PurchaseError> {
        Ok(self.ledger.entry(self.id(role)).await?.is_some())
    }

    /// Moves an amount, and the other way where it is below zero.
    async fn shift(
        &self,
        role: &str,
        (from, to): (AccountId, AccountId),
        amount: NanoUsd,
    ) -> Result<(), PurchaseError> {
        let (from, to, amount) = if amount.is_negative() { (to, from, minus(amount)?) } else { (from, to, amount) };
        if amount == NanoUsd::ZERO {
            return Ok(());
        }
        let memo = self.memo(role);
        let transfer = Transfer { id: self.id(role), from, to, amount, memo: memo.as_bytes() };
        self.ledger.transfer(transfer, self.now).accepted().await?;
        Ok(())
    }

    async fn collect(
        &self,
        role: &str,
        (from, to): (AccountId, AccountId),
        most: Most,
        shortfall: Option<AccountId>,
    ) -> Result<Collected, LedgerError> {
        let memo = self.memo(role);
        let collect = Collect { id: self.id(role), from, to, most, shortfall, memo: memo.as_bytes() };
        self.ledger.collect(collect, self.now).accepted().await
    }

    async fn open(&self, id: AccountId, floor: Floor) -> Result<(), LedgerError> {
        self.ledger.open_account(OpenAccount { id, floor, contra: None }, self.now).accepted().await
    }

    fn id(&self, role: &str) -> EntryId {
        let number = self.order.bookings.number.to_be_bytes();
        entry_id(self.order.bookings.at, &["order", role], &[&self.order.id.bits().to_be_bytes(), &number])
    }

    fn memo(&self, role: &str) -> String {
        let payment = self.order.payment.as_deref().unwrap_or("no payment");
        format!("{role} {} {payment}", self.order.id)
    }
}

/// An amount of a currency's minor unit in its billionths.
pub(super) fn minor(minor: i64) -> Result<NanoUsd, PurchaseError> {
    minor.checked_mul(NANO_A_MINOR).map(NanoUsd::new).ok_or(PurchaseError::Overflow)
}

fn difference(before: i64, after: i64) -> Result<NanoUsd, PurchaseError> {
    minor(after.checked_sub(before).ok_or(PurchaseError::Overflow)?)
}

fn minus(amount: NanoUsd) -> Result<NanoUsd, PurchaseError> {
    amount.checked_neg().ok_or(PurchaseError::Overflow)
}
