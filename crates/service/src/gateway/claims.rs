//! Idempotency keys: of all requests with one key, one is charged.

use super::Gateway;
use super::admit::Call;
use super::settle::entry_id;
use crate::fault::{Fault, RequestFault};
use crate::record::{GenerationRecord, UsageSource};
use hashbrown::HashSet;
use opencredits_ledger::EntryKind;
use opencredits_store::Claim;
use opencredits_units::GenerationId;
use parking_lot::Mutex;

/// The longest idempotency key.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

impl Gateway {
    /// Claims an idempotency key, unless a request has it that came to something or still may.
    pub(super) async fn claim(&self, key: &str, call: &Call) -> Result<Admission<'_>, Fault> {
        if key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            return Err(RequestFault::IdempotencyKey { max: IDEMPOTENCY_KEY_BYTES_MAX }.into());
        }
        let digest = self.hash_key.hash(&[&call.spender.key.bits().to_be_bytes(), key.as_bytes()]);
        let now = self.ports.clock.now();
        // Known before it can be found by its claim: whoever finds it waits for nothing, and takes nothing over.
        let admission = self.admitting.enter(call.generation);
        let Claim::Before(first) = self.ports.claims.claim(&digest, call.generation, now).await? else {
            return Ok(admission);
        };
        if self.came_to_something(first)? {
            return Err(Fault::Duplicate { first });
        }
        // A request that failed frees its key; of several that follow, one takes it.
        if self.ports.claims.take_over(&digest, first, call.generation, now).await? {
            Ok(admission)
        } else {
            Err(Fault::Duplicate { first })
        }
    }

    /// InferenceRoute in the order in which a request goes: in admission, held, captured. One that moves on between two
    /// questions is found by the next.
    fn came_to_something(&self, generation: GenerationId) -> Result<bool, Fault> {
        let id = entry_id(generation);
        if self.admitting.has(generation) || self.ledger.hold(id).is_some() {
            return Ok(true);
        }
        let Some(entry) = self.ledger.entry(id)?.filter(|entry| entry.kind == EntryKind::Capture) else {
            return Ok(false);
        };
        Ok(GenerationRecord::from_memo(&entry.memo)?.source != UsageSource::NothingProduced)
    }
}

/// Requests with an idempotency key that are being admitted: they have a claim, and no hold yet. One process owns an
/// SQLite store, so that its own requests are all there are.
#[derive(Default)]
pub(super) struct Admitting(Mutex<HashSet<GenerationId>>);

/// A request in admission, until this is dropped.
pub(super) struct Admission<'a> {
    admitting: &'a Admitting,
    generation: GenerationId,
}

impl Admitting {
    fn enter(&self, generation: GenerationId) -> Admission<'_> {
        self.0.lock().insert(generation);
        Admission { admitting: self, generation }
    }

    fn has(&self, generation: GenerationId) -> bool {
        self.0.lock().contains(&generation)
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.admitting.0.lock().remove(&self.generation);
    }
}
