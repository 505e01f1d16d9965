//! Idempotency keys: of all requests with the same key, one is charged.

use super::admissions::{Admission, ClaimDigest};
use super::late::{charge_of, late_id};
use super::open_request::entry_id;
use super::request::InferenceRequest;
use super::state::Gateway;
use crate::fault::{Fault, RequestFault};
use crate::record::{GenerationRecord, UsageSource};
use opencredits_ledger::EntryKind;
use opencredits_store::Claim;
use opencredits_units::{GenerationId, UnixMs};
use std::sync::Arc;
use tokio::runtime::Handle;

/// The longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// Longer than any admission takes, and than the clocks of gateways are apart.
const ADMISSION_MS_MAX: u64 = 600_000;

/// A claim on an idempotency key, until the request is held. Where other gateways could not see that it has failed, it is given
/// back.
pub(super) struct Claimed<'a> {
    _admission: Admission<'a>,
    shared: Option<Arc<Gateway>>,
    digest: ClaimDigest,
    generation: GenerationId,
}

impl Claimed<'_> {
    /// Leaves the claim as it is: the request is held, or the claim is another one's.
    pub(super) fn keep(mut self) -> ClaimDigest {
        self.shared = None;
        self.digest
    }

    /// Gives the key back.
    pub(super) async fn failed(mut self) {
        if let Some(gateway) = self.shared.take() {
            release(&gateway, &self.digest, self.generation).await;
        }
    }
}

/// The client has left meanwhile.
impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        let (Some(gateway), Ok(runtime)) = (self.shared.take(), Handle::try_current()) else { return };
        let (digest, generation) = (self.digest, self.generation);
        runtime.spawn(async move { release(&gateway, &digest, generation).await });
    }
}

async fn release(gateway: &Gateway, digest: &[u8; 32], generation: GenerationId) {
    if let Err(error) = gateway.ports.claims.release_claim(digest, generation).await {
        tracing::warn!(%generation, %error, "an idempotency key could not be given back; it is free again in ten minutes");
    }
}

impl Gateway {
    /// Claims an idempotency key. Refuses it where an earlier request with it was charged or still runs.
    pub(super) async fn claim(self: &Arc<Self>, key: &str, request: &InferenceRequest) -> Result<Claimed<'_>, Fault> {
        if key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            return Err(RequestFault::IdempotencyKey { max: IDEMPOTENCY_KEY_BYTES_MAX }.into());
        }
        let digest = self.hash_key.hash(&[&request.spender.key.bits().to_be_bytes(), key.as_bytes()]);
        let now = self.ports.clock.now();
        // The admission is visible before the claim is: a request that finds the claim sees that this one runs.
        let admission = self.admissions.enter(request.generation);
        // From here on, so that a client that leaves in between does not keep the key.
        let claimed = self.claimed(admission, digest, request.generation);
        let Claim::Before(first) = self.ports.claims.claim(&digest, request.generation, now).await? else {
            return Ok(claimed);
        };
        // A failed request frees its key. Of several that follow, one takes it over. A late charge of the first one places its hold
        // before it looks at the claim, so it is looked for again afterwards.
        if self.may_take_over(first, now).await?
            && self.ports.claims.take_over(&digest, first, request.generation, now).await?
        {
            if self.may_take_over(first, now).await? {
                return Ok(claimed);
            }
            self.ports.claims.take_over(&digest, request.generation, first, now).await?;
        }
        // The claim is the other request's.
        claimed.keep();
        Err(Fault::Duplicate { first })
    }

    fn claimed<'a>(
        self: &'a Arc<Self>,
        admission: Admission<'a>,
        digest: [u8; 32],
        generation: GenerationId,
    ) -> Claimed<'a> {
        let shared = self.ledger.shared().map(|_| Arc::clone(self));
        Claimed { _admission: admission, shared, digest, generation }
    }

    /// Whether a request neither runs nor was charged. Checks the states in the order in which it passes them: in admission, held,
    /// captured. A request that moves on between two checks is found by the later one.
    async fn may_take_over(&self, generation: GenerationId, now: UnixMs) -> Result<bool, Fault> {
        let id = entry_id(generation);
        if self.admissions.has(generation) || self.ledger.hold(id).await?.is_some() {
            return Ok(false);
        }
        if self.ledger.shared().is_some() && self.ledger.hold(late_id(generation)).await?.is_some() {
            return Ok(false);
        }
        let Some(entry) = charge_of(&self.ledger, generation).await? else {
            // Another gateway may be admitting it. One that fails to gives the key back, unless its process dies.
            let is_recent = now.ms_since(id.made_at()) < ADMISSION_MS_MAX;
            return Ok(self.ledger.shared().is_none() || !is_recent);
        };
        if entry.kind != EntryKind::Capture {
            return Ok(true);
        }
        Ok(GenerationRecord::from_memo(&entry.memo)?.source == UsageSource::NothingProduced)
    }
}
