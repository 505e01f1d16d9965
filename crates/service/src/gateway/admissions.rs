//! The requests with an idempotency key that are being admitted.

use hashbrown::HashSet;
use opencredits_units::GenerationId;
use parking_lot::Mutex;

/// What a claim on an idempotency key is found by.
pub(super) type ClaimDigest = [u8; 32];

/// Requests that may have a claim and have no hold yet. One process owns an SQLite store, so its own requests are all
/// there are.
#[derive(Default)]
pub(super) struct AdmissionSet(Mutex<HashSet<GenerationId>>);

/// Keeps a request in the set until it is dropped.
pub(super) struct Admission<'a> {
    admissions: &'a AdmissionSet,
    generation: GenerationId,
}

impl AdmissionSet {
    pub(super) fn enter(&self, generation: GenerationId) -> Admission<'_> {
        self.0.lock().insert(generation);
        Admission { admissions: self, generation }
    }

    pub(super) fn has(&self, generation: GenerationId) -> bool {
        self.0.lock().contains(&generation)
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.admissions.0.lock().remove(&self.generation);
    }
}
