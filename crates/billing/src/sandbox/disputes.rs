//! Disputes of the sandbox.

use super::{Kept, Sandbox, negative, not_found, on, paid};
use crate::error::PaymentError;
use crate::ids::{DisputeId, SessionId};
use crate::money::Money;
use crate::state::{DisputeState, DisputeStatus, MovementKind};
use opencredits_units::UnixMs;

/// What an opened dispute costs.
const DISPUTE_FEE_MINOR: i64 = 1_500;
const EVENT: &str = "charge.dispute.updated";

impl Sandbox {
    /// The buyer's bank disputes an amount, or the last dispute takes another status. A chargeback withdraws the money when it
    /// opens, and returns it when it is won.
    ///
    /// # Errors
    /// When there is no such page, or it is not paid.
    pub fn dispute(
        &self,
        session: &SessionId,
        minor: i64,
        status: DisputeStatus,
        now: UnixMs,
    ) -> Result<(), PaymentError> {
        let last = self.page(session)?.state.disputes.last().map(|dispute| dispute.id.clone());
        match last {
            Some(last) => self.dispute_becomes(session, &last, status, now),
            None => self.open_dispute(session, minor, status, now).map(|_| ()),
        }
    }

    /// The buyer's bank opens a dispute of an amount, beside those that there are.
    ///
    /// # Errors
    /// When there is no such page, or it is not paid.
    pub fn open_dispute(
        &self,
        session: &SessionId,
        minor: i64,
        status: DisputeStatus,
        now: UnixMs,
    ) -> Result<DisputeId, PaymentError> {
        let id: DisputeId = self.kept().fresh("dp");
        let opened = id.clone();
        self.change(&on(session), EVENT, |kept, payment| {
            paid(payment)?;
            let reason = "fraudulent".to_owned();
            let (amount, movements) = (Money::new(minor, payment.state.asked.currency()), Vec::new());
            let mut fresh = DisputeState { id, amount, status, reason, is_charge_refundable: false, movements };
            kept.move_disputed(&mut fresh, now);
            payment.state.disputes.push(fresh);
            // It is too late to forestall it.
            payment.state.warnings.iter_mut().for_each(|warning| warning.actionable = false);
            Ok(())
        })?;
        Ok(opened)
    }

    /// A dispute takes another status.
    ///
    /// # Errors
    /// When there is no such page, or no such dispute of it.
    pub fn dispute_becomes(
        &self,
        session: &SessionId,
        dispute: &DisputeId,
        status: DisputeStatus,
        now: UnixMs,
    ) -> Result<(), PaymentError> {
        self.change(&on(session), EVENT, |kept, payment| {
            let found = payment.state.disputes.iter_mut().find(|one| one.id == *dispute);
            let found = found.ok_or_else(|| not_found(dispute.as_str()))?;
            found.status = status;
            kept.move_disputed(found, now);
            Ok(())
        })
    }
}

impl Kept {
    /// Withdraws the money of a dispute, or returns it, as its status says.
    fn move_disputed(&mut self, dispute: &mut DisputeState, now: UnixMs) {
        let moved: i64 = dispute.movements.iter().map(|movement| movement.amount.minor()).sum();
        let source = dispute.id.to_string();
        let is_chargeback = matches!(
            dispute.status,
            DisputeStatus::NeedsResponse | DisputeStatus::UnderReview | DisputeStatus::Lost | DisputeStatus::Appealed
        );
        let movement = match (is_chargeback, moved) {
            (true, 0) => self.line((MovementKind::Dispute, negative(dispute.amount), DISPUTE_FEE_MINOR), source, now),
            (false, ..0) => self.line((MovementKind::DisputeReversal, dispute.amount, 0), source, now),
            _ => return,
        };
        dispute.movements.push(movement);
    }
}
