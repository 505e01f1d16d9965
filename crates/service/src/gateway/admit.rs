//! Admission: reads a request, prices its worst case and places the hold that covers it.

use super::attempts::{AttemptPlan, UpstreamAttempt};
use super::exchange;
use super::open_request::{Delivery, OpenRequest, RequestTerms, entry_id};
use super::pending::Pending;
use super::plan::{Plan, PlannedRoute};
use super::quote::Quote;
use super::reaper::Abandoned;
use super::request::InferenceRequest;
use super::state::Gateway;
use crate::fault::{Fault, PaymentNeeded, Short};
use crate::keyring::Spender;
use bytes::Bytes;
use http::HeaderMap;
use opencredits_catalog::Terms;
use opencredits_ledger::{LedgerError, PlaceHold, Replay};
use opencredits_providers::{Rewrite, UsageChunk, upstream_body};
use opencredits_units::{BasisPoints, NanoUsd};
use std::sync::Arc;

/// A request without an output cap may hold one part in so many of the available balance, so that the next request is
/// not refused.
const UNCAPPED_PART: i64 = 4;
/// But at least the price of so many output tokens, where the balance covers it.
const UNCAPPED_TOKENS_MIN: u64 = 4_096;
/// An answer with a smaller cap would be useless: the request is refused instead.
const CAP_TOKENS_MIN: u64 = 16;

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
}

/// The body that goes upstream on one route.
fn body(plan: &Plan<'_>, planned: &PlannedRoute, cap: Option<u64>) -> Bytes {
    let rewrite = Rewrite {
        vendor: &planned.candidate.upstream.vendor,
        dialect: planned.candidate.upstream.dialect,
        model: &planned.candidate.route().upstream_model,
        output_cap: planned.output_cap(cap),
        stream: plan.facts.stream,
    };
    upstream_body(&plan.fields(planned), &rewrite).into()
}

impl PlannedRoute {
    fn into_attempt(self, body: Bytes, request: &InferenceRequest) -> UpstreamAttempt {
        UpstreamAttempt {
            body,
            // The client's headers belong to the client's dialect.
            headers: if self.translated.is_none() { request.headers.clone() } else { HeaderMap::new() },
            request_terms: RequestTerms::of(&self.facts),
            dropped: self.translated.map(|translated| translated.dropped).unwrap_or_default(),
            candidate: self.candidate,
        }
    }
}

/// The amount of a hold.
struct HeldAmount {
    amount: NanoUsd,
    /// The output cap that it covers, where the client set none and the balance does not cover the longest output.
    cap: Option<u64>,
}

impl Gateway {
    /// Admits a request. Every refusal of ours happens here, before a byte goes upstream.
    ///
    /// # Errors
    /// When the request is invalid, names an unknown model, is not covered, or repeats an idempotency key.
    pub async fn admit(self: &Arc<Self>, request: InferenceRequest) -> Result<Admitted, Fault> {
        let hash = |value: &str| self.pseudonym(&request.spender, value);
        let mut plan = self.plan_with_attachments(&request, &hash).await?;
        let claimed = match &request.idempotency_key {
            Some(key) => Some(self.claim(key, &request).await?),
            None => None,
        };
        let held = self.hold(&request, &mut plan)?;
        // From here on the hold marks the request as running, and later its ledger entry.
        drop(claimed);
        let open = self.open(&request, held.amount, &plan)?;
        plan.apply_cap(held.cap, request.strictness)?;
        let bodies: Vec<Bytes> = plan.routes.iter().map(|planned| body(&plan, planned, held.cap)).collect();
        let dropped = plan.scrubbed_out().to_vec();
        let (chunk_requested, is_streamed, conversation) =
            (plan.facts.usage_chunk_requested, plan.facts.stream, plan.conversation);
        let first = plan.routes.first().and_then(|planned| planned.translated.as_ref());
        let dropped_first = first.map(|translated| translated.dropped.clone()).unwrap_or_default();
        let attempts =
            plan.routes.into_iter().zip(bodies).map(|(planned, body)| planned.into_attempt(body, &request)).collect();
        let usage_chunk = if chunk_requested { UsageChunk::Requested } else { UsageChunk::NotRequested };
        let abandoned = Abandoned::default();
        let attempts = AttemptPlan { attempts, usage_chunk, conversation, abandoned: abandoned.clone() };
        let pending = Pending::new(Box::pin(exchange::run(open, attempts)), self.detached.clone(), abandoned);
        Ok(Admitted { pending, dropped, dropped_first, is_streamed })
    }

    /// Opens a request whose hold is placed: from here on the hold ends with the [`OpenRequest`].
    fn open(
        self: &Arc<Self>,
        request: &InferenceRequest,
        held: NanoUsd,
        plan: &Plan<'_>,
    ) -> Result<OpenRequest, Fault> {
        let Some(PlannedRoute { candidate, facts, .. }) = plan.routes.first() else { return Err(Fault::Overflow) };
        let now = self.ports.clock.now();
        self.open.lock().insert(request.generation);
        let open = OpenRequest {
            gateway: Arc::clone(self),
            spender: Arc::clone(&request.spender),
            model: Arc::clone(&candidate.model),
            route_index: candidate.route_index,
            upstream: Arc::clone(&candidate.upstream),
            health: Arc::clone(&candidate.health),
            generation: request.generation,
            held,
            started: now,
            sent: now,
            first_byte: None,
            request_terms: RequestTerms::of(facts),
            delivery: if plan.facts.stream { Delivery::Streamed } else { Delivery::Whole },
            dialect: plan.dialect,
            custom_tools: plan.custom_tools(),
            cancelled: false,
            is_settled: false,
            failed_attempts: Vec::new(),
        };
        self.ledger.mark_in_flight(entry_id(request.generation), now)?.accepted();
        Ok(open)
    }

    /// Holds the worst case of the most expensive route on the balance and the limits. Where that is not covered, drops
    /// that route and tries again; the last refusal says what would be needed.
    fn hold(&self, request: &InferenceRequest, plan: &mut Plan<'_>) -> Result<HeldAmount, Fault> {
        let terms = Terms { markup: self.settings.markup, partner_share: BasisPoints::ZERO };
        loop {
            match self.hold_for(request, plan, terms) {
                Err(Fault::Payment(needed)) => {
                    let charge =
                        |planned: &PlannedRoute| planned.charge(plan.facts.output_cap.unwrap_or(u64::MAX), terms);
                    let priciest =
                        (0..).zip(&plan.routes).max_by_key(|(_, planned)| charge(planned).unwrap_or(NanoUsd::MAX));
                    match priciest.map(|(at, _)| at).filter(|_| plan.routes.len() > 1) {
                        Some(at) => drop(plan.routes.remove(at)),
                        None => return Err(Fault::Payment(needed)),
                    }
                }
                done => return done,
            }
        }
    }

    fn hold_for(&self, request: &InferenceRequest, plan: &Plan<'_>, terms: Terms) -> Result<HeldAmount, Fault> {
        let spender = &request.spender;
        let quote = Quote::new(&plan.routes, terms);
        let (cap, amount) = match plan.facts.output_cap {
            Some(cap) => (None, quote.charge(cap)?),
            None => self.uncapped(spender, &quote)?,
        };
        let now = self.ports.clock.now();
        let hold = PlaceHold {
            id: entry_id(request.generation),
            payer: spender.wallet,
            limits: &spender.limits,
            amount,
            expires_at: now.saturating_add_ms(self.settings.hold_expiry_ms),
        };
        match self.ledger.place_hold(hold, now).map(opencredits_ledger::Accepted::accepted) {
            Ok(held) if held.replay == Replay::First => {}
            Ok(_) => {
                return Err(Fault::Duplicate { first: request.generation });
            }
            Err(LedgerError::InsufficientFunds { account, available, .. }) => {
                let short = if account == spender.wallet { Short::Balance } else { Short::KeyLimit };
                let affordable_max_tokens = quote.affordable(available)?;
                let needed = PaymentNeeded { required: amount, available, affordable_max_tokens, short };
                return Err(Fault::Payment(Box::new(needed)));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(HeldAmount { amount, cap })
    }

    /// The cap and the charge where the client set no cap: none where the model's longest output costs a fair part of the
    /// available balance, else the cap that this part covers.
    fn uncapped(&self, spender: &Spender, quote: &Quote<'_>) -> Result<(Option<u64>, NanoUsd), Fault> {
        let output_max = quote.output_max();
        let all = quote.charge(output_max)?;
        let accounts = spender.limits.iter().copied().chain([spender.wallet]);
        let mut available = NanoUsd::MAX;
        for account in accounts {
            available = available.min(self.ledger.balance(account)?.available);
        }
        let part = NanoUsd::new(available.get().div_euclid(UNCAPPED_PART));
        if all <= part {
            return Ok((None, all));
        }
        let fair = quote.affordable(part)?.unwrap_or(0).max(UNCAPPED_TOKENS_MIN);
        let cap = fair.min(quote.affordable(available)?.unwrap_or(0)).min(output_max);
        if cap < CAP_TOKENS_MIN {
            return Ok((None, all));
        }
        Ok((Some(cap), quote.charge(cap)?))
    }
}
