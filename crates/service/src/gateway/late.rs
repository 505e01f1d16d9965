//! Charges of requests whose hold was released before they ended: their gateway was paused, or cut off from the database, for so
//! long that others took it for gone.
//!
//! The entry of the hold says that it was released, and stays. The charge has a hold of its own, whose id follows from the
//! generation, so that it is booked once however often it is tried.

use super::admissions::ClaimDigest;
use super::booking::Booking;
use super::open_request::entry_id;
use super::state::Gateway;
use crate::books;
use crate::keyring::Spender;
use crate::record::GenerationRecord;
use opencredits_ledger::{AnyLedger, Capture, Captured, EntryKind, EntryRow, LedgerError, PlaceHold};
use opencredits_store::Claim;
use opencredits_units::{AccountId, EntryId, GenerationId, NanoUsd};
use std::future::Future;
use std::time::Duration;
use tokio::time::sleep;

/// What the ids of late charges differ by from those of their holds: their last byte is another one.
const LATE_BITS: u128 = 0xff;
/// How often a late charge is tried while the database does not answer, and the pauses between: ten minutes in all.
const TRIES_MAX: u32 = 600;
const PAUSE: Duration = Duration::from_secs(1);

/// The id of the late charge of a generation.
pub(super) fn late_id(generation: GenerationId) -> EntryId {
    EntryId::from_bits(entry_id(generation).bits() ^ LATE_BITS)
}

/// The entry that charges a generation, however late it was; where there is none, the one that ended its hold.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn charge_of(ledger: &AnyLedger, generation: GenerationId) -> Result<Option<EntryRow>, LedgerError> {
    let entry = ledger.entry(entry_id(generation)).await?;
    match &entry {
        Some(row) if row.kind == EntryKind::Void => Ok(ledger.entry(late_id(generation)).await?.or(entry)),
        _ => Ok(entry),
    }
}

/// Books a charge without its hold: what the person has pays, and the rest is bad debt.
pub(super) fn charge(booking: &Booking) -> impl Future<Output = Result<Captured, LedgerError>> + Send + 'static {
    let (gateway, spender) = (std::sync::Arc::clone(&booking.gateway), std::sync::Arc::clone(&booking.spender));
    let (generation, now, legs) = (booking.generation, booking.ended, booking.legs.clone());
    let claim = booking.claim;
    let memo = booking.record.as_ref().map(GenerationRecord::to_memo).transpose();
    async move {
        let memo = memo.ok().flatten().ok_or(LedgerError::Amount)?;
        let (id, ledger) = (late_id(generation), &gateway.ledger);
        tracing::warn!(%generation, "its hold was released while it ran; it is charged late");
        place(&gateway, &spender, id).await?;
        // Only now: whoever takes the key over from here on sees the hold.
        if let Some(digest) = claim
            && is_taken_over(&gateway, &digest, generation).await
        {
            tracing::error!(%generation, "another request with its idempotency key ran meanwhile and is charged; what the provider bills for this one is lost");
            ledger.void(id, now).accepted().await?;
            return Err(LedgerError::HoldFinished { id: entry_id(generation), how: "voided" });
        }
        let capture = Capture { hold: id, legs: &legs, bad_debt: books::BAD_DEBT, memo: &memo };
        ledger.capture(capture, now).durable().await
    }
}

/// Places a hold on nothing, to be captured at once. The same hold again is a replay, so what passes is waited for.
async fn place(gateway: &Gateway, spender: &Spender, id: EntryId) -> Result<(), LedgerError> {
    let (payer, amount) = (spender.wallet, NanoUsd::ZERO);
    let expires_at = gateway.ports.clock.now().saturating_add_ms(gateway.settings().hold_expiry_ms);
    let mut limits: &[AccountId] = &spender.limits;
    let mut tries = 0_u32;
    loop {
        let now = gateway.ports.clock.now();
        match gateway.ledger.place_hold(PlaceHold { id, payer, limits, amount, expires_at }, now).accepted().await {
            Ok(_) => return Ok(()),
            // A limit that was lowered below what is held of it refuses everything: the wallet pays all the same.
            Err(LedgerError::InsufficientFunds { .. }) if !limits.is_empty() => limits = &[],
            Err(LedgerError::Away | LedgerError::CommitUnknown | LedgerError::Limit { .. }) if tries < TRIES_MAX => {
                tries = tries.saturating_add(1);
                sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether another request has the idempotency key. Where the store does not tell, the charge is booked: of one request it is.
async fn is_taken_over(gateway: &Gateway, digest: &ClaimDigest, generation: GenerationId) -> bool {
    let claim = gateway.ports.claims.claim(digest, generation, gateway.ports.clock.now()).await;
    matches!(claim, Ok(Claim::Before(first)) if first != generation)
}
