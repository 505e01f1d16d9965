//! Where the books of the credits must stand, given what the processor says.

use crate::error::{MismatchKind, PaymentError};
use crate::money::{Currency, Money};
use crate::state::{DisputeEffect, MoneyMovement, PaymentState, Progress};

/// What an order gives once it is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Credits, bonus included, in the smallest unit of the ledger.
    pub units: u64,
    /// What must be paid for them.
    pub price: Money,
}

/// Where the books must stand: absolute figures, not changes.
///
/// Of `granted`, the units `taken` belong to nobody any more and the units `frozen` cannot be spent until a dispute is
/// decided; together they never exceed `granted`. A caller books the difference between these figures and those that
/// it has booked for this payment, and each movement under its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The order's units once it was paid, else zero. Refunds do not change it.
    pub granted: u64,
    /// Units to take back, for refunds and for disputes that were lost.
    pub taken: u64,
    /// Units to freeze, for disputes that are open.
    pub frozen: u64,
    /// Every movement of money that belongs into the books, each id once, in the order of ids.
    pub movements: Vec<MoneyMovement>,
}

impl Position {
    /// Computes it. The order of refunds, disputes and movements in `state` is without effect, and so are duplicates.
    ///
    /// # Errors
    /// [`PaymentError::Mismatch`] when something was paid that is not the order's price: another currency, or less.
    /// More is fine, as a tax may be added to the price; the credits are the order's in any case.
    pub fn of(state: &PaymentState, grant: &Grant) -> Result<Self, PaymentError> {
        let movements = movements_of(state);
        let Some(paid) = paid(state) else {
            return Ok(Self { granted: 0, taken: 0, frozen: 0, movements });
        };
        check_paid(paid, grant.price)?;
        let share = Share { units: grant.units, paid };
        let gone = gone(state, paid);
        let open = disputed(state, paid.currency(), DisputeEffect::Freeze);
        let taken = share.of(gone);
        let with_open = share.of(gone.saturating_add(open));
        Ok(Self { granted: grant.units, taken, frozen: with_open.saturating_sub(taken), movements })
    }

    /// The units that remain the buyer's to spend.
    #[must_use]
    pub const fn spendable(&self) -> u64 {
        self.granted.saturating_sub(self.taken).saturating_sub(self.frozen)
    }
}

fn paid(state: &PaymentState) -> Option<Money> {
    match state.progress {
        Progress::Paid | Progress::Reversed => state.paid,
        Progress::Open | Progress::Waiting | Progress::Failed | Progress::Expired => None,
    }
}

fn check_paid(paid: Money, price: Money) -> Result<(), PaymentError> {
    let kind = if paid.currency() != price.currency() {
        MismatchKind::Currency
    } else if paid.minor() < price.minor() || paid.minor() <= 0 {
        MismatchKind::Underpaid
    } else {
        return Ok(());
    };
    Err(PaymentError::Mismatch { paid, price, kind })
}

/// The money that has left, or is leaving: refunds, lost disputes, and what the bank took back.
fn gone(state: &PaymentState, paid: Money) -> u64 {
    if state.progress == Progress::Reversed {
        return u64::MAX;
    }
    let mut refunds: Vec<_> = state.refunds.iter().collect();
    refunds.sort_by(|a, b| a.id.cmp(&b.id));
    refunds.dedup_by(|a, b| a.id == b.id);
    let refunds = refunds.into_iter().filter(|refund| refund.status.counts());
    let refunded = refunds.fold(0, |sum: u64, refund| sum.saturating_add(minor_in(refund.amount, paid.currency())));
    refunded.saturating_add(disputed(state, paid.currency(), DisputeEffect::Take))
}

fn disputed(state: &PaymentState, currency: Currency, effect: DisputeEffect) -> u64 {
    let mut disputes: Vec<_> = state.disputes.iter().collect();
    disputes.sort_by(|a, b| a.id.cmp(&b.id));
    disputes.dedup_by(|a, b| a.id == b.id);
    let disputes = disputes.into_iter().filter(|dispute| dispute.effect() == effect);
    disputes.fold(0, |sum: u64, dispute| sum.saturating_add(minor_in(dispute.amount, currency)))
}

/// An amount that cannot be compared counts as all there is: too little taken back cannot be corrected later.
fn minor_in(amount: Money, currency: Currency) -> u64 {
    if amount.currency() == currency { u64::try_from(amount.minor()).unwrap_or_default() } else { u64::MAX }
}

/// The units that belong to a part of what was paid.
struct Share {
    units: u64,
    paid: Money,
}

impl Share {
    /// `min(units, ceil(units × part / paid))`, from the original grant and the sum of all parts: so a number of
    /// refunds take what one refund of their sum takes, and a full refund takes everything.
    fn of(&self, part: u64) -> u64 {
        let paid = u128::try_from(self.paid.minor()).unwrap_or_default();
        let product = u128::from(self.units).checked_mul(u128::from(part));
        let share = product.and_then(|product| product.checked_add(paid)?.checked_sub(1)?.checked_div(paid));
        share.and_then(|share| u64::try_from(share).ok()).map_or(self.units, |share| share.min(self.units))
    }
}

fn movements_of(state: &PaymentState) -> Vec<MoneyMovement> {
    let of_disputes = state.disputes.iter().flat_map(|dispute| &dispute.movements);
    let mut movements: Vec<MoneyMovement> = state.movements.iter().chain(of_disputes).cloned().collect();
    movements.sort_by(|a, b| a.id.cmp(&b.id));
    movements.dedup_by(|a, b| a.id == b.id);
    movements
}
