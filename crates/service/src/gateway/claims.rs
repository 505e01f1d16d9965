//! Idempotency keys: of all requests with the same key, one is charged.

use super::admissions::Admission;
use super::open_request::entry_id;
use super::request::InferenceRequest;
use super::state::Gateway;
use crate::fault::{Fault, RequestFault};
use crate::record::{GenerationRecord, UsageSource};
use opencredits_ledger::EntryKind;
use opencredits_store::Claim;
use opencredits_units::GenerationId;

/// The longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

impl Gateway {
    /// Claims an idempotency key. Refuses it where an earlier request with it was charged or still runs.
    pub(super) async fn claim(&self, key: &str, request: &InferenceRequest) -> Result<Admission<'_>, Fault> {
        if key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            return Err(RequestFault::IdempotencyKey { max: IDEMPOTENCY_KEY_BYTES_MAX }.into());
        }
        let digest = self.hash_key.hash(&[&request.spender.key.bits().to_be_bytes(), key.as_bytes()]);
        let now = self.ports.clock.now();
        // The admission is visible before the claim is: a request that finds the claim sees that this one runs.
        let admission = self.admissions.enter(request.generation);
        let Claim::Before(first) = self.ports.claims.claim(&digest, request.generation, now).await? else {
            return Ok(admission);
        };
        if self.is_running_or_charged(first)? {
            return Err(Fault::Duplicate { first });
        }
        // A failed request frees its key. Of several that follow, one takes it over.
        if self.ports.claims.take_over(&digest, first, request.generation, now).await? {
            Ok(admission)
        } else {
            Err(Fault::Duplicate { first })
        }
    }

    /// Checks the states in the order in which a request passes them: in admission, held, captured. A request that moves
    /// on between two checks is found by the later one.
    fn is_running_or_charged(&self, generation: GenerationId) -> Result<bool, Fault> {
        let id = entry_id(generation);
        if self.admissions.has(generation) || self.ledger.hold(id).is_some() {
            return Ok(true);
        }
        let Some(entry) = self.ledger.entry(id)?.filter(|entry| entry.kind == EntryKind::Capture) else {
            return Ok(false);
        };
        Ok(GenerationRecord::from_memo(&entry.memo)?.source != UsageSource::NothingProduced)
    }
}
