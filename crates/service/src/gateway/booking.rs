//! A charge after it was sent to the ledger: what is told of it once it is booked.

use super::admissions::ClaimDigest;
use super::open_request::entry_id;
use super::state::Gateway;
use crate::access::RequestTrace;
use crate::keyring::Spender;
use crate::record::GenerationRecord;
use opencredits_ledger::{Captured, Leg};
use opencredits_units::{GenerationId, NanoUsd, UnixMs};
use std::sync::Arc;

/// The charge of a request, for its answer.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The generation.
    pub generation: GenerationId,
    /// Its usage record.
    pub record: GenerationRecord,
    /// The amount collected.
    pub charged: NanoUsd,
    /// The balance available afterwards.
    pub remaining: NanoUsd,
}

/// What a charge needs after it was sent.
pub(super) struct Booking {
    pub(super) gateway: Arc<Gateway>,
    pub(super) spender: Arc<Spender>,
    pub(super) generation: GenerationId,
    /// Given out with the receipt.
    pub(super) record: Option<GenerationRecord>,
    pub(super) legs: Vec<Leg>,
    pub(super) trace: Arc<RequestTrace>,
    pub(super) cancelled: bool,
    /// From the sending of the last attempt to the first byte of its answer.
    pub(super) first_byte_ms: Option<u64>,
    pub(super) ended: UnixMs,
    /// Its claim on an idempotency key.
    pub(super) claim: Option<ClaimDigest>,
    /// Ends with the charge.
    pub(super) exposure: NanoUsd,
}

impl Booking {
    pub(super) fn booked(&mut self, captured: Captured) -> Option<Receipt> {
        let record = self.record.take()?;
        self.trace.charged(&record, captured.collected, (self.first_byte_ms, self.ended));
        self.gateway.meters.settled(record.source, self.cancelled);
        let (charged, remaining) = (captured.collected, captured.available);
        Some(Receipt { generation: self.generation, record, charged, remaining })
    }

    /// Releases the hold of a charge that the ledger refuses.
    pub(super) fn refused(&self) {
        drop(self.gateway.ledger.void(entry_id(self.generation), self.ended).send());
    }
}

impl Drop for Booking {
    fn drop(&mut self) {
        self.gateway.exposures.end(self.spender.accounts(), self.exposure);
    }
}
