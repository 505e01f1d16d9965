//! A booking: what it moves in the ledger. Repeating one changes nothing, since the ids of its entries follow from the order and
//! the booking's number.

use super::error::PurchaseError;
use super::terms::NANO_A_MINOR;
use crate::books::{self, Derived, PerCurrency};
use crate::ledger_ids::entry_id;
use opencredits_ledger::{Accepted, Collect, Floor, Ledger, LedgerError, Most, OpenAccount, Transfer};
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
    pub(super) ledger: &'a Ledger,
    pub(super) order: &'a Order,
    pub(super) wallet: AccountId,
    pub(super) now: UnixMs,
}

/// What a booking did to a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    /// Credits that were taken back and had been spent: the person owes them.
    pub owed: NanoUsd,
    /// Credits that had been taken back and came back.
    pub given_back: NanoUsd,
}

impl Booking<'_> {
    /// Makes it, and returns once it is on disk.
    pub(super) async fn make(&self) -> Result<Effect, PurchaseError> {
        let (before, after) = (self.order.bookings.before, self.order.bookings.after);
        self.money(before, after)?;
        self.grant(before, after)?;
        let effect = self.take(before, after)?;
        self.freeze(before, after)?;
        let debt = debt_of(self.order.user);
        self.open(debt, Floor::None)?;
        // Any credits that came into the wallet settle a debt first.
        if self.ledger.balance(debt)?.posted.is_negative() {
            self.collect("debt", (self.wallet, debt), Most::Owed, None)?.accepted();
        }
        // With the last decision all that went before are on disk.
        let again = OpenAccount { id: debt, floor: Floor::None, contra: None };
        self.ledger.open_account(again, self.now)?.durable().await?;
        Ok(effect)
    }

    fn money(&self, before: Booked, after: Booked) -> Result<(), PurchaseError> {
        let [clearing, exchange, disputed, fees] =
            [PerCurrency::Clearing, PerCurrency::Exchange, PerCurrency::Disputed, PerCurrency::PurchaseFees]
                .map(|kind| kind.account(&self.order.currency));
        for account in [clearing, exchange, disputed, fees] {
            self.open(account, Floor::None)?;
        }
        let withdrawn = |booked: Booked| booked.disputed_minor.saturating_add(booked.lost_minor);
        self.shift("paid", (clearing, exchange), difference(before.paid_minor, after.paid_minor)?)?;
        let fee = self.fee_of(after)?.checked_sub(self.fee_of(before)?).ok_or(PurchaseError::Overflow)?;
        self.shift("fee", (exchange, fees), fee)?;
        self.shift("refunded", (exchange, clearing), difference(before.refunded_minor, after.refunded_minor)?)?;
        self.shift("withdrawn", (disputed, clearing), difference(withdrawn(before), withdrawn(after))?)?;
        self.shift("lost", (exchange, disputed), difference(before.lost_minor, after.lost_minor)?)
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

    fn grant(&self, before: Booked, after: Booked) -> Result<(), PurchaseError> {
        // An order is granted whole, once: a payment that is not there any more is taken back by `taken`.
        if before.granted > NanoUsd::ZERO || after.granted == NanoUsd::ZERO {
            return Ok(());
        }
        self.shift("credits", (books::EXCHANGE, self.wallet), self.order.credits)?;
        self.shift("bonus", (books::PROMOTION, self.wallet), self.order.bonus)
    }

    fn take(&self, before: Booked, after: Booked) -> Result<Effect, PurchaseError> {
        let more = after.taken.checked_sub(before.taken).ok_or(PurchaseError::Overflow)?;
        let bonus = self.bonus_of(after)?.checked_sub(self.bonus_of(before)?).ok_or(PurchaseError::Overflow)?;
        if more.is_negative() {
            self.shift("given back", (self.wallet, books::EXCHANGE), more)?;
            self.shift("bonus taken", (books::EXCHANGE, books::PROMOTION), bonus)?;
            return Ok(Effect { given_back: minus(more)?, ..Effect::default() });
        }
        let (frozen, debt) = (frozen_of(self.order), debt_of(self.order.user));
        self.open(frozen, Floor::Zero)?;
        self.open(debt, Floor::None)?;
        if more == NanoUsd::ZERO {
            return Ok(Effect::default());
        }
        let from_frozen = self.collect("taken frozen", (frozen, books::EXCHANGE), Most::Amount(more), None)?;
        let rest = more.checked_sub(from_frozen.accepted().collected).ok_or(PurchaseError::Overflow)?;
        let collected = self.collect("taken", (self.wallet, books::EXCHANGE), Most::Amount(rest), Some(debt))?;
        self.shift("bonus taken", (books::EXCHANGE, books::PROMOTION), bonus)?;
        let owed = rest.checked_sub(collected.accepted().collected).ok_or(PurchaseError::Overflow)?;
        Ok(Effect { owed, ..Effect::default() })
    }

    /// The part of the credits taken back that was a bonus.
    fn bonus_of(&self, booked: Booked) -> Result<NanoUsd, PurchaseError> {
        let whole = super::target::granted(self.order);
        self.order.bonus.scaled_down(booked.taken, whole).ok_or(PurchaseError::Overflow)
    }

    fn freeze(&self, before: Booked, after: Booked) -> Result<(), PurchaseError> {
        let frozen = frozen_of(self.order);
        let more = after.frozen.checked_sub(before.frozen).ok_or(PurchaseError::Overflow)?;
        if more > NanoUsd::ZERO {
            self.open(frozen, Floor::Zero)?;
            self.collect("frozen", (self.wallet, frozen), Most::Amount(more), None)?.accepted();
        } else if more.is_negative() {
            // Less may have been frozen than was disputed, and what was lost is taken already.
            let most = if after.frozen == NanoUsd::ZERO { NanoUsd::MAX } else { minus(more)? };
            self.collect("unfrozen", (frozen, self.wallet), Most::Amount(most), None)?.accepted();
        }
        Ok(())
    }

    /// Moves an amount, and the other way where it is below zero.
    fn shift(&self, role: &str, (from, to): (AccountId, AccountId), amount: NanoUsd) -> Result<(), PurchaseError> {
        let (from, to, amount) = if amount.is_negative() { (to, from, minus(amount)?) } else { (from, to, amount) };
        if amount == NanoUsd::ZERO {
            return Ok(());
        }
        let memo = self.memo(role);
        let transfer = Transfer { id: self.id(role), from, to, amount, memo: memo.as_bytes() };
        match self.ledger.transfer(transfer, self.now).map(Accepted::accepted) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn collect(
        &self,
        role: &str,
        (from, to): (AccountId, AccountId),
        most: Most,
        shortfall: Option<AccountId>,
    ) -> Result<Accepted<opencredits_ledger::Collected>, LedgerError> {
        let memo = self.memo(role);
        let collect = Collect { id: self.id(role), from, to, most, shortfall, memo: memo.as_bytes() };
        self.ledger.collect(collect, self.now)
    }

    fn open(&self, id: AccountId, floor: Floor) -> Result<(), LedgerError> {
        self.ledger.open_account(OpenAccount { id, floor, contra: None }, self.now)?.accepted();
        Ok(())
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
