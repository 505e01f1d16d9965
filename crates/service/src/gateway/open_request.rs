//! The state of a request from its hold to its settlement.

use super::health::HealthTracker;
use super::prepared_upstream::PreparedUpstream;
use super::state::Gateway;
use crate::keyring::Spender;
use crate::record::AttemptRecord;
use opencredits_catalog::Model;
use opencredits_providers::{
    Dialect, InputAmount, Origin, Outcome, RequestFacts, StopBilling, StreamAdapter, UsageChunk, translate_body,
};
use opencredits_units::{EntryId, GenerationId, NanoUsd, UnixMs};
use std::sync::Arc;

/// How the client gets the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Streamed,
}

/// The parts of a request that its price depends on.
#[derive(Clone)]
pub(super) struct RequestTerms {
    pub(super) input_amount: InputAmount,
    pub(super) tier: Option<String>,
    /// Whether the model may reason.
    thinks: bool,
    /// Whether cache writes are to live for an hour.
    pub(super) caches_for_hour: bool,
}

impl RequestTerms {
    pub(super) fn of(facts: &RequestFacts) -> Self {
        let caches_for_hour = facts.caches_for_hour();
        Self { input_amount: facts.input_amount, tier: facts.tier.clone(), thinks: facts.thinks, caches_for_hour }
    }
}

/// A request with a hold, and everything that its settlement needs. Dropping it unsettled voids the hold.
pub(super) struct OpenRequest {
    pub(super) gateway: Arc<Gateway>,
    pub(super) spender: Arc<Spender>,
    pub(super) model: Arc<Model>,
    /// The index of the route among those of the model.
    pub(super) route_index: usize,
    pub(super) upstream: Arc<PreparedUpstream>,
    pub(super) health: Arc<HealthTracker>,
    pub(super) generation: GenerationId,
    pub(super) held: NanoUsd,
    pub(super) started: UnixMs,
    /// When the current attempt was sent.
    pub(super) sent: UnixMs,
    pub(super) first_byte: Option<UnixMs>,
    pub(super) request_terms: RequestTerms,
    pub(super) delivery: Delivery,
    /// The client's dialect.
    pub(super) dialect: Dialect,
    /// Tools with free-text input.
    pub(super) custom_tools: Vec<String>,
    pub(super) cancelled: bool,
    pub(super) is_settled: bool,
    /// The attempts that failed.
    pub(super) failed_attempts: Vec<AttemptRecord>,
}

impl OpenRequest {
    /// Records the time of the answer's first byte.
    pub(super) fn first_byte(&mut self) {
        if self.first_byte.is_none() {
            self.first_byte = Some(self.gateway.ports.clock.now());
        }
    }

    /// Records that the client has disconnected.
    pub(super) fn client_gone(&mut self) {
        self.cancelled = true;
    }

    /// The adapter that a streamed answer passes through.
    pub(super) fn stream_adapter(&self, usage_chunk: UsageChunk) -> StreamAdapter {
        StreamAdapter::new(self.upstream.dialect, self.dialect, self.origin(), usage_chunk)
    }

    fn origin(&self) -> Origin {
        let (vendor, created) = (self.upstream.vendor.id.to_string(), self.started.get().div_euclid(1_000));
        Origin { vendor, created, custom_tools: self.custom_tools.clone() }
    }

    /// A whole answer in the client's dialect; `None` where the provider has the same dialect.
    pub(super) fn translated(&self, body: &[u8], outcome: &Outcome) -> Option<Vec<u8>> {
        let from = self.upstream.dialect;
        let usage = outcome.usage.unwrap_or_default();
        if from == self.dialect {
            return None;
        }
        translate_body(from, self.dialect, body, &usage, &self.origin())
    }

    /// Whether the provider bills nothing more once its stream is closed.
    pub(super) fn stop_ends_billing(&self) -> bool {
        self.upstream.vendor.stop_billing == StopBilling::Ends
    }

    /// Whether the model may have produced hidden reasoning.
    pub(super) fn may_reason(&self) -> bool {
        self.request_terms.thinks && self.model.supports.iter().any(|what| what == "reasoning")
    }
}

/// Nothing was used, or its usage is unknown: voids the hold.
impl Drop for OpenRequest {
    fn drop(&mut self) {
        if !self.is_settled {
            let (id, now) = (self.generation.cast(), self.gateway.ports.clock.now());
            if let Err(error) = self.gateway.ledger.void(id, now).map(opencredits_ledger::Accepted::accepted) {
                tracing::error!(generation = %self.generation, %error, "a hold could not be released; it will be, once the ledger is sound");
            }
        }
        self.gateway.open.lock().remove(&self.generation);
    }
}

/// The id of the hold and of the ledger entry of a generation.
pub(super) fn entry_id(generation: GenerationId) -> EntryId {
    generation.cast()
}
