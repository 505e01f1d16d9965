//! The state of a request from its hold to its settlement.

use super::admissions::ClaimDigest;
use super::health::HealthTracker;
use super::meters::{Measured, ModelLabels, ModelMeters};
use super::plan::PlannedRoute;
use super::plausible::UsageBounds;
use super::prepared_upstream::PreparedUpstream;
use super::quote::Basis;
use super::reaper::Abandoned;
use super::served::Served;
use super::state::Gateway;
use crate::access::RequestTrace;
use crate::keyring::Spender;
use crate::rates::RatePermit;
use crate::record::AttemptRecord;
use bytes::Bytes;
use opencredits_catalog::Model;
use opencredits_ledger::{LedgerError, Voided};
use opencredits_providers::{
    Dialect, EmbeddingForm, End, Origin, Outcome, StopBilling, StreamAdapter, StreamTap, ToolNames, UsageChunk,
    body_of_events, is_event_stream, read_body, translate_body, without_mark,
};
use opencredits_units::{EntryId, GenerationId, NanoUsd, Tokens, UnixMs, Usage};
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::runtime::Handle;

/// How the client gets the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Streamed,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// No attempt was sent, or all have failed.
    Unsent,
    /// An attempt was sent that has not failed: its provider may bill it.
    InFlight,
    Settled,
}

/// The parts of a request that its price depends on.
#[derive(Clone)]
pub(super) struct RequestTerms {
    /// The input, for where the provider does not report it.
    pub(super) input_estimate: Tokens,
    pub(super) tier: Option<String>,
    /// Whether the model may reason.
    thinks: bool,
    /// Whether cache writes are to live for an hour.
    pub(super) caches_for_hour: bool,
    /// The input that its hold counts with.
    pub(super) likely_input: Tokens,
    /// The usage that can be believed.
    pub(super) bounds: UsageBounds,
    /// What became of the names of its tools, where that is anything.
    tool_names: Option<Arc<ToolNames>>,
    embeddings: Option<EmbeddingForm>,
}

impl RequestTerms {
    /// The terms on one route, where `cap` is the output cap that the gateway sets.
    pub(super) fn of(planned: &PlannedRoute, cap: Option<u64>) -> Self {
        let facts = &planned.facts;
        Self {
            input_estimate: planned.estimate.tokens(),
            tier: facts.tier.clone(),
            thinks: facts.thinks,
            caches_for_hour: facts.caches_for_hour(),
            likely_input: Tokens::new(planned.input(Basis::Likely(100))),
            bounds: UsageBounds::of(planned, cap),
            embeddings: planned.embeddings,
            tool_names: planned
                .translated
                .as_ref()
                .map(|translated| &translated.tool_names)
                .filter(|names| !names.is_plain())
                .map(|names| Arc::new(names.clone())),
        }
    }
}

/// A request with a hold, and everything that its settlement needs. Dropping it unsettled voids the hold.
pub(super) struct OpenRequest {
    pub(super) gateway: Arc<Gateway>,
    /// What was on sale when it was admitted.
    pub(super) served: Arc<Served>,
    pub(super) spender: Arc<Spender>,
    /// The model that was asked for first.
    pub(super) asked: Arc<Model>,
    /// The model that serves it.
    pub(super) model: Arc<Model>,
    /// The index of the route among those of the model.
    pub(super) route_index: usize,
    pub(super) upstream: Arc<PreparedUpstream>,
    pub(super) health: Arc<HealthTracker>,
    pub(super) generation: GenerationId,
    pub(super) held: NanoUsd,
    /// The amount by which the charge may exceed the hold.
    pub(super) exposure: NanoUsd,
    /// Its place among the requests of its key, until it is settled.
    pub(super) permit: Option<RatePermit>,
    pub(super) started: UnixMs,
    /// When the current attempt was sent.
    pub(super) sent: UnixMs,
    pub(super) first_byte: Option<UnixMs>,
    pub(super) request_terms: RequestTerms,
    pub(super) delivery: Delivery,
    /// The client's dialect.
    pub(super) dialect: Dialect,
    pub(super) cancelled: bool,
    /// Set when the client has disconnected before an answer began.
    pub(super) abandoned: Abandoned,
    pub(super) progress: Progress,
    /// Whether it was sent again after a pooled connection had closed under it.
    pub(super) is_resent: bool,
    /// The attempts that failed.
    pub(super) failed_attempts: Vec<AttemptRecord>,
    pub(super) trace: Arc<RequestTrace>,
    /// Its claim on an idempotency key, where it has one.
    pub(super) claim: Option<ClaimDigest>,
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

    /// Records its end, by model and vendor.
    pub(super) fn measure(&self, (usage, error): (Usage, Option<&'static str>), ended: UnixMs) {
        if !self.gateway.meters.tells_models() {
            return;
        }
        let first_byte = self.first_byte.filter(|_| self.delivery == Delivery::Streamed);
        if let Some(first_byte) = first_byte {
            self.gateway.meters.tally.stream(first_byte.ms_since(self.started));
        }
        let measured = Measured { started: self.started, ended, first_byte, usage, error };
        let labels = || {
            let upstream_model = &self.model.route_at(self.route_index).upstream_model;
            let models = [&*self.asked.id, &*self.model.id, upstream_model];
            ModelLabels::new(self.dialect, &self.upstream.vendor, models)
        };
        if self.asked.id != self.model.id {
            // A fallback is rare, and any pair of models may be one.
            ModelMeters::new(labels()).record(&measured);
        } else if let Some(meters) = self.served.meters(&self.model, self.route_index) {
            meters.of(self.dialect, labels).into_iter().for_each(|meters| meters.record(&measured));
        }
    }

    /// The adapter that a streamed answer passes through.
    pub(super) fn stream_adapter(&self, usage_chunk: UsageChunk) -> StreamAdapter {
        StreamAdapter::new(self.upstream.dialect, self.dialect, self.origin(), usage_chunk)
    }

    fn origin(&self) -> Origin {
        let (vendor, created) = (Arc::clone(&self.upstream.vendor.id), self.started.get().div_euclid(1_000));
        let input = self.request_terms.input_estimate.get();
        let tool_names = self.request_terms.tool_names.clone();
        Origin { vendor, created, input, tool_names }
    }

    /// Reads a whole answer.
    pub(super) fn answer_reader(&self) -> AnswerReader {
        // What becomes a stream is translated after it was charged.
        let to = if self.delivery == Delivery::Streamed { self.upstream.dialect } else { self.dialect };
        AnswerReader {
            from: self.upstream.dialect,
            to,
            embeddings: self.request_terms.embeddings,
            origin: self.origin(),
        }
    }

    /// The stream of a whole answer: its events, and an adapter for its end.
    pub(super) fn stream_of(
        &self,
        body: &[u8],
        usage: &Usage,
        usage_chunk: UsageChunk,
    ) -> Option<(StreamAdapter, Bytes)> {
        StreamAdapter::of_whole((self.upstream.dialect, self.dialect), self.origin(), usage_chunk, (body, usage))
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

/// Reads a whole answer, and translates it where the client's dialect is another.
pub(super) struct AnswerReader {
    from: Dialect,
    to: Dialect,
    embeddings: Option<EmbeddingForm>,
    origin: Origin,
}

impl AnswerReader {
    /// What the provider says of the answer, and the answer in the client's dialect.
    pub(super) fn read(&self, body: Bytes) -> (Box<Outcome>, Bytes) {
        let Self { from, to, embeddings, origin } = self;
        let body = body.slice(body.len().saturating_sub(without_mark(&body).len())..);
        if is_event_stream(&body) == Some(true) {
            let mut tap = StreamTap::new(*from, UsageChunk::Requested);
            let end = if tap.feed(&body).is_ok() { End::Clean } else { End::Cut };
            let outcome = Box::new(tap.outcome(end));
            let whole = body_of_events(*from, *to, &body, &outcome.usage.unwrap_or_default(), origin);
            return (outcome, whole.map_or(body, Bytes::from));
        }
        let outcome = Box::new(read_body(*from, &body));
        let renames = origin.tool_names.as_ref().is_some_and(|names| !names.fitted.is_empty());
        // A stream without the framing of events is a list of its chunks.
        let passes = from == to && !renames && !body.trim_ascii_start().starts_with(b"[");
        if passes || outcome.error.is_some() {
            let formed = embeddings.and_then(|form| form.applied(&body));
            return (outcome, formed.map_or(body, Bytes::from));
        }
        let translated = translate_body(*from, *to, &body, &outcome.usage.unwrap_or_default(), origin);
        (outcome, translated.map_or(body, Bytes::from))
    }
}

/// Voids the hold, since nothing was used. Where the client has left a request in flight, its provider bills the input at
/// least: then its estimate is charged.
impl Drop for OpenRequest {
    fn drop(&mut self) {
        if self.progress == Progress::InFlight && self.abandoned.is_set() {
            self.cancelled = true;
            if let Err(fault) = self.charge(&Outcome::default()) {
                tracing::error!(generation = %self.generation, %fault, "an abandoned request could not be charged");
            }
        }
        if self.progress != Progress::Settled {
            self.void();
        }
        self.gateway.exposures.end(self.spender.accounts(), self.exposure);
        self.gateway.open.lock().remove(&self.generation);
    }
}

impl OpenRequest {
    fn void(&self) {
        let (generation, now) = (self.generation, self.gateway.ports.clock.now());
        let mut sent = self.gateway.ledger.void(entry_id(generation), now).send();
        let log = move |outcome: Result<Voided, LedgerError>| {
            if let Err(error) = outcome {
                tracing::error!(%generation, %error, "a hold could not be released; it will be, once the ledger is sound");
            }
        };
        match Pin::new(&mut sent).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => log(outcome),
            // It is done whether anybody waits or not.
            Poll::Pending => {
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn(async move { log(sent.await) });
                }
            }
        }
    }
}

/// The id of the hold and of the ledger entry of a generation.
pub(super) fn entry_id(generation: GenerationId) -> EntryId {
    generation.cast()
}
