//! A hold on its way to the ledger.

use super::open_request::entry_id;
use super::request::InferenceRequest;
use super::state::Gateway;
use crate::keyring::Spender;
use opencredits_ledger::{Held, LedgerError, Replay, Sent};
use opencredits_units::{GenerationId, NanoUsd};
use std::sync::Arc;

/// A hold that was sent. Dropping it before the outcome is known ends the exposure, and the hold once it is placed.
pub(super) struct Placing {
    gateway: Arc<Gateway>,
    spender: Arc<Spender>,
    generation: GenerationId,
    exposure: NanoUsd,
    sent: Option<Sent<Held>>,
    is_placed: bool,
}

impl Placing {
    pub(super) fn new(gateway: &Arc<Gateway>, request: &InferenceRequest, exposure: NanoUsd, sent: Sent<Held>) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            spender: Arc::clone(&request.spender),
            generation: request.generation,
            exposure,
            sent: Some(sent),
            is_placed: false,
        }
    }

    /// The outcome. The exposure goes on only with a hold that this request has placed.
    pub(super) async fn placed(mut self) -> Result<Held, LedgerError> {
        let Some(sent) = self.sent.as_mut() else { return Err(LedgerError::CommitUnknown) };
        let outcome = sent.await;
        self.sent = None;
        if matches!(outcome, Err(LedgerError::CommitUnknown)) {
            // Where it was placed after all, it ends once the ledger answers again, and at its expiry at the latest.
            drop(self.gateway.ledger.void(entry_id(self.generation), self.gateway.ports.clock.now()).send());
        }
        self.is_placed = outcome.as_ref().is_ok_and(|held| held.replay == Replay::First);
        outcome
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        if self.is_placed {
            return;
        }
        self.gateway.exposures.end(self.spender.accounts(), self.exposure);
        // The client has left meanwhile. A hold that is not ended here ends with its expiry.
        let (Some(sent), Ok(runtime)) = (self.sent.take(), tokio::runtime::Handle::try_current()) else { return };
        let (gateway, id) = (Arc::clone(&self.gateway), entry_id(self.generation));
        runtime.spawn(async move {
            if sent.await.is_ok_and(|held| held.replay == Replay::First) {
                let now = gateway.ports.clock.now();
                if let Err(error) = gateway.ledger.void(id, now).accepted().await {
                    tracing::error!(generation = %id.cast::<opencredits_units::Generation>(), %error, "a hold could not be released; it will be when it expires");
                }
            }
        });
    }
}
