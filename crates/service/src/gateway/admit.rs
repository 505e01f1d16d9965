//! Admission: reads a request, prices its worst case and places the hold that covers it.

use super::admissions::ClaimDigest;
use super::attempts::{AttemptPlan, UpstreamAttempt};
use super::claims::Claimed;
use super::exchange;
use super::hold::HeldAmount;
use super::large::{LargeBodies, LargePlace, elsewhere};
use super::open_request::{Delivery, OpenRequest, Progress, RequestTerms, entry_id};
use super::pending::Pending;
use super::plan::{Plan, PlannedRoute};
use super::reaper::Abandoned;
use super::request::InferenceRequest;
use super::state::Gateway;
use crate::fault::Fault;
use crate::rates::RatePermit;
use bytes::Bytes;
use http::HeaderMap;
use opencredits_ledger::LedgerError;
use opencredits_providers::{Rewrite, UsageChunk, upstream_body};
use opencredits_units::{EntryId, UnixMs};
use std::sync::Arc;
use tokio::runtime::Handle;

/// An admitted request.
pub struct Admitted {
    /// Resolves to its reply.
    pub pending: Pending,
    /// Fields that are dropped on every route.
    pub dropped: Vec<String>,
    /// Further fields that are dropped on the first route.
    pub dropped_first: Vec<String>,
    /// Whether the client asked for a stream.
    pub is_streamed: bool,
    /// The output cap that the gateway has set: the client set none, or one that the balance does not cover.
    pub output_cap: Option<u64>,
}

/// The body that goes upstream on one route.
fn body(plan: &Plan<'_>, planned: &PlannedRoute, cap: Option<u64>) -> Bytes {
    let rewrite = Rewrite {
        vendor: &planned.candidate.upstream.vendor,
        dialect: planned.candidate.upstream.dialect,
        model: &planned.candidate.route().upstream_model,
        output_cap: planned.output_cap(cap),
        tool_uses_max: planned.tool_uses_max,
        stream: plan.facts.stream,
    };
    upstream_body(&plan.fields(planned), &rewrite).into()
}

impl PlannedRoute {
    fn into_attempt(self, body: Bytes, cap: Option<u64>, request: &InferenceRequest) -> UpstreamAttempt {
        UpstreamAttempt {
            body,
            // The client's headers belong to the client's dialect.
            headers: if self.translated.is_none() { request.headers.clone() } else { HeaderMap::new() },
            request_terms: RequestTerms::of(&self, cap),
            dropped: self.translated.map(|translated| translated.dropped).unwrap_or_default(),
            candidate: self.candidate,
        }
    }
}

impl Gateway {
    /// Admits a request. Every refusal of ours happens here, before a byte goes upstream.
    ///
    /// # Errors
    /// When the request is invalid, names an unknown model, is not covered, repeats an idempotency key, or needs more
    /// memory than is left.
    pub async fn admit(self: &Arc<Self>, request: Box<InferenceRequest>) -> Result<Admitted, Fault> {
        if !LargeBodies::is_large(request.body.len()) {
            return self.admit_here(request, None).await;
        }
        let (gateway, place, runtime) = (Arc::clone(self), self.large.place().await?, Handle::current());
        elsewhere(move || runtime.block_on(gateway.admit_here(request, Some(place)))).await?
    }

    async fn admit_here(
        self: &Arc<Self>,
        mut request: Box<InferenceRequest>,
        place: Option<LargePlace>,
    ) -> Result<Admitted, Fault> {
        let (mut memory, mut work) = (request.memory.another(), request.memory.another());
        if LargeBodies::is_large(request.body.len()) {
            work.grow_to(LargeBodies::work_bytes(&request.body))?;
        }
        let mut permit = request.permit.take();
        let hash = |value: &str| self.pseudonym(&request.spender, value);
        let (mut plan, _place) = self.plan_with_attachments(&request, &hash, place).await?;
        drop(work);
        // What goes upstream is written anew for each route.
        memory.grow_to(request.body.len().saturating_mul(plan.routes.len()))?;
        if let (Some(permit), Some(first)) = (&mut permit, plan.routes.first()) {
            permit.reserve(first.estimate.tokens().get()).await?;
        }
        let claimed = match &request.idempotency_key {
            // In a box, since every request would otherwise have room for it.
            Some(key) => Some(Box::pin(self.claim(key, &request)).await?),
            None => None,
        };
        let held = match self.hold(&request, &mut plan).await {
            Ok(held) => held,
            Err(fault) => {
                if let Some(claimed) = claimed {
                    claimed.failed().await;
                }
                return Err(fault);
            }
        };
        // From here on the hold marks the request as running, and later its ledger entry.
        let claim = claimed.map(Claimed::keep);
        let abandoned = Abandoned::default();
        let open = self.open((&request, permit, claim), &held, &plan, abandoned.clone())?;
        plan.apply_cap(held.cap, request.strictness)?;
        let bodies: Vec<Bytes> = plan.routes.iter().map(|planned| body(&plan, planned, held.cap)).collect();
        let dropped = plan.scrubbed_out().to_vec();
        let (chunk_requested, is_streamed, conversation) =
            (plan.facts.usage_chunk_requested, plan.facts.stream, plan.conversation);
        let first = plan.routes.first().and_then(|planned| planned.translated.as_ref());
        let dropped_first = first.map(|translated| translated.dropped.clone()).unwrap_or_default();
        let attempts = plan
            .routes
            .into_iter()
            .zip(bodies)
            .map(|(planned, body)| planned.into_attempt(body, held.cap, &request))
            .collect();
        let usage_chunk = if chunk_requested { UsageChunk::Requested } else { UsageChunk::NotRequested };
        let attempts = AttemptPlan { attempts, usage_chunk, conversation, abandoned: abandoned.clone(), memory };
        let pending = Pending::new(Box::pin(exchange::run(open, attempts)), self.detached.clone(), abandoned);
        Ok(Admitted { pending, dropped, dropped_first, is_streamed, output_cap: held.cap })
    }

    /// Opens a request whose hold is placed: from here on the hold ends with the [`OpenRequest`]. In a box, since each of the
    /// futures that it passes through would otherwise have room for it twice.
    fn open(
        self: &Arc<Self>,
        (request, permit, claim): (&InferenceRequest, Option<RatePermit>, Option<ClaimDigest>),
        held: &HeldAmount,
        plan: &Plan<'_>,
        abandoned: Abandoned,
    ) -> Result<Box<OpenRequest>, Fault> {
        let Some(first) = plan.routes.first() else { return Err(Fault::Overflow) };
        let candidate = &first.candidate;
        let now = self.ports.clock.now();
        self.open.lock().insert(request.generation);
        let open = Box::new(OpenRequest {
            gateway: Arc::clone(self),
            served: Arc::clone(&plan.served),
            spender: Arc::clone(&request.spender),
            asked: Arc::clone(&plan.asked),
            model: Arc::clone(&candidate.model),
            route_index: candidate.route_index,
            upstream: Arc::clone(&candidate.upstream),
            health: Arc::clone(&candidate.health),
            generation: request.generation,
            held: held.amount,
            exposure: held.exposure,
            permit,
            started: now,
            sent: now,
            first_byte: None,
            request_terms: RequestTerms::of(first, held.cap),
            delivery: if plan.facts.stream { Delivery::Streamed } else { Delivery::Whole },
            dialect: plan.dialect,
            cancelled: false,
            abandoned,
            progress: Progress::Unsent,
            is_resent: false,
            failed_attempts: Vec::new(),
            trace: Arc::clone(&request.trace),
            claim,
        });
        open.trace.admitted(plan.facts.stream);
        self.mark_in_flight(entry_id(request.generation), now)?;
        Ok(open)
    }

    /// The request of this hold is about to be sent. Nobody waits for a database here: in its queue this is before the charge.
    fn mark_in_flight(&self, id: EntryId, now: UnixMs) -> Result<(), LedgerError> {
        match self.ledger.embedded() {
            Some(ledger) => ledger.mark_in_flight(id, now)?.accepted(),
            None => drop(self.ledger.mark_in_flight(id, now).send()),
        }
        Ok(())
    }
}
