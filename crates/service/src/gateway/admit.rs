//! Admission: what the request asks for, what it could cost, and the hold that covers it.

use super::Gateway;
use super::exchange::{self, AttemptPlan, UpstreamAttempt};
use super::plan::{Plan, PlannedRoute, Quote};
use super::reaper::{Abandoned, Pending};
use super::settle::{Delivery, OpenRequest, RequestTerms, entry_id};
use crate::fault::{Fault, PaymentNeeded, Short};
use crate::keyring::Spender;
use bytes::Bytes;
use http::HeaderMap;
use opencredits_catalog::Terms;
use opencredits_ledger::{LedgerError, PlaceHold, Replay};
use opencredits_providers::{Rewrite, UsageChunk, upstream_body};
use opencredits_sanitizer::{Api, Strictness};
use opencredits_units::{BasisPoints, GenerationId, NanoUsd};
use std::sync::Arc;

/// A request without a cap may hold this part of what is available: one must not lock a person out of the next.
const UNCAPPED_PART: i64 = 4;
/// But this many output tokens, where there is that much.
const UNCAPPED_TOKENS_MIN: u64 = 4_096;
/// A cap below this is no answer: the request is refused instead.
const CAP_TOKENS_MIN: u64 = 16;

/// A request as it came in. It holds content, so it cannot be printed.
pub struct Call {
    /// The API it came through.
    pub api: Api,
    /// Who pays.
    pub spender: Arc<Spender>,
    /// Its body.
    pub body: Bytes,
    /// Its headers that may go upstream, made anew.
    pub headers: HeaderMap,
    /// Its id.
    pub generation: GenerationId,
    /// The client's word for the conversation that it belongs to.
    pub session: Option<String>,
    /// Its idempotency key.
    pub idempotency_key: Option<String>,
    /// What becomes of fields that are not passed on.
    pub strictness: Strictness,
    /// What the path says, in APIs whose path says it.
    pub named: Option<PathParameters>,
}

/// What a path says in place of a body.
pub struct PathParameters {
    /// The model, as raw JSON.
    pub model: String,
    /// Whether the answer is to be streamed, as raw JSON.
    pub stream: &'static str,
}

/// A request that was admitted.
pub struct Admitted {
    /// What it will come to.
    pub pending: Pending,
    /// Fields that were dropped wherever it goes.
    pub dropped: Vec<String>,
    /// Fields that are dropped besides on the candidate that is tried first.
    pub dropped_first: Vec<String>,
    /// Whether the answer is to be streamed.
    pub is_streamed: bool,
}

/// The body that goes upstream on one candidate.
fn body(plan: &Plan<'_>, planned: &PlannedRoute, cap: Option<u64>) -> Bytes {
    let rewrite = Rewrite {
        vendor: &planned.candidate.upstream.vendor,
        dialect: planned.candidate.upstream.dialect,
        model: &planned.candidate.route().upstream_model,
        output_cap: planned.output_cap(cap),
        stream: plan.asked.stream,
    };
    upstream_body(&plan.fields(planned), &rewrite).into()
}

impl PlannedRoute {
    fn goes_out(self, body: Bytes, call: &Call) -> UpstreamAttempt {
        UpstreamAttempt {
            body,
            // A client's headers belong to the API that it speaks.
            headers: if self.translated.is_none() { call.headers.clone() } else { HeaderMap::new() },
            request_terms: RequestTerms::of(&self.facts),
            dropped: self.translated.map(|translated| translated.dropped).unwrap_or_default(),
            candidate: self.candidate,
        }
    }
}

/// What was held, and which cap was put in for it.
struct HeldAmount {
    amount: NanoUsd,
    cap: Option<u64>,
}

impl Gateway {
    /// Admits a request: everything that can be refused is refused here, before a byte goes upstream.
    ///
    /// # Errors
    /// When the request is wrong, names an unknown model, is not covered, or was made before.
    pub async fn admit(self: &Arc<Self>, call: Call) -> Result<Admitted, Fault> {
        let hash = |value: &str| self.pseudonym(&call.spender, value);
        let mut plan = self.plan_with_bytes(&call, &hash).await?;
        let claimed = match &call.idempotency_key {
            Some(key) => Some(self.claim(key, &call).await?),
            None => None,
        };
        let cover = self.hold(&call, &mut plan)?;
        // From here on the hold stands for the request, and then its entry.
        drop(claimed);
        let open = self.open(&call, cover.amount, &plan)?;
        plan.apply_cap(cover.cap, call.strictness)?;
        let bodies: Vec<Bytes> = plan.candidates.iter().map(|planned| body(&plan, planned, cover.cap)).collect();
        let dropped = plan.scrubbed_out().to_vec();
        let (asked, is_streamed, conversation) =
            (plan.asked.usage_chunk_requested, plan.asked.stream, plan.conversation);
        let first = plan.candidates.first().and_then(|planned| planned.translated.as_ref());
        let dropped_first = first.map(|translated| translated.dropped.clone()).unwrap_or_default();
        let candidates =
            plan.candidates.into_iter().zip(bodies).map(|(planned, body)| planned.goes_out(body, &call)).collect();
        let usage_chunk = if asked { UsageChunk::Requested } else { UsageChunk::NotRequested };
        let abandoned = Abandoned::default();
        let stream = AttemptPlan { candidates, usage_chunk, conversation, abandoned: abandoned.clone() };
        let pending = Pending::new(Box::pin(exchange::run(open, stream)), self.detached.clone(), abandoned);
        Ok(Admitted { pending, dropped, dropped_first, is_streamed })
    }

    /// The request as it stands once its hold is placed: whatever happens to it from now on, its hold ends with it.
    fn open(self: &Arc<Self>, call: &Call, held: NanoUsd, plan: &Plan<'_>) -> Result<OpenRequest, Fault> {
        let Some(PlannedRoute { candidate, facts, .. }) = plan.candidates.first() else { return Err(Fault::Overflow) };
        let now = self.ports.clock.now();
        self.open.lock().insert(call.generation);
        let open = OpenRequest {
            gateway: Arc::clone(self),
            spender: Arc::clone(&call.spender),
            model: Arc::clone(&candidate.model),
            place: candidate.place,
            upstream: Arc::clone(&candidate.upstream),
            health: Arc::clone(&candidate.health),
            generation: call.generation,
            held,
            started: now,
            sent: now,
            first_byte: None,
            request_terms: RequestTerms::of(facts),
            delivery: if plan.asked.stream { Delivery::Streamed } else { Delivery::Whole },
            dialect: plan.dialect,
            custom_tools: plan.custom_tools(),
            cancelled: false,
            is_settled: false,
            failed_attempts: Vec::new(),
        };
        self.ledger.mark_in_flight(entry_id(call.generation), now)?.accepted();
        Ok(open)
    }

    /// Holds the worst case of the dearest candidate on balance and limits, or says what would be needed. Where that is not
    /// covered, the request does without its dearest candidate.
    fn hold(&self, call: &Call, plan: &mut Plan<'_>) -> Result<HeldAmount, Fault> {
        let terms = Terms { markup: self.settings.markup, partner_share: BasisPoints::ZERO };
        loop {
            match self.hold_for(call, plan, terms) {
                Err(Fault::Payment(needed)) => {
                    let charge =
                        |planned: &PlannedRoute| planned.charge(plan.asked.output_cap.unwrap_or(u64::MAX), terms);
                    let dearest =
                        (0..).zip(&plan.candidates).max_by_key(|(_, planned)| charge(planned).unwrap_or(NanoUsd::MAX));
                    match dearest.map(|(place, _)| place).filter(|_| plan.candidates.len() > 1) {
                        Some(place) => drop(plan.candidates.remove(place)),
                        None => return Err(Fault::Payment(needed)),
                    }
                }
                done => return done,
            }
        }
    }

    fn hold_for(&self, call: &Call, plan: &Plan<'_>, terms: Terms) -> Result<HeldAmount, Fault> {
        let spender = &call.spender;
        let quote = Quote::new(&plan.candidates, terms);
        let (cap, request_terms) = match plan.asked.output_cap {
            Some(cap) => (None, quote.charge(cap)?),
            None => self.uncapped(spender, &quote)?,
        };
        let now = self.ports.clock.now();
        let hold = PlaceHold {
            id: entry_id(call.generation),
            payer: spender.wallet,
            limits: &spender.limits,
            amount: request_terms,
            expires_at: now.saturating_add_ms(self.settings.hold_expiry_ms),
        };
        match self.ledger.place_hold(hold, now).map(opencredits_ledger::Accepted::accepted) {
            Ok(held) if held.replay == Replay::First => {}
            Ok(_) => {
                return Err(Fault::Duplicate { first: call.generation });
            }
            Err(LedgerError::InsufficientFunds { account, available, .. }) => {
                let short = if account == spender.wallet { Short::Balance } else { Short::KeyLimit };
                let affordable_max_tokens = quote.affordable(available)?;
                let needed = PaymentNeeded { required: request_terms, available, affordable_max_tokens, short };
                return Err(Fault::Payment(Box::new(needed)));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(HeldAmount { amount: request_terms, cap })
    }

    /// The client gave no cap: all that the model can say where that is a fair part of what is available, otherwise a
    /// cap that is put in.
    fn uncapped(&self, spender: &Spender, quote: &Quote<'_>) -> Result<(Option<u64>, NanoUsd), Fault> {
        let most = quote.output_max();
        let all = quote.charge(most)?;
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
        let cap = fair.min(quote.affordable(available)?.unwrap_or(0)).min(most);
        if cap < CAP_TOKENS_MIN {
            return Ok((None, all));
        }
        Ok((Some(cap), quote.charge(cap)?))
    }

    /// A stand-in for a client's value that no two people share and nobody can turn back.
    pub(super) fn pseudonym(&self, spender: &Spender, value: &str) -> String {
        let hash = self.hash_key.hash(&[&spender.user.bits().to_be_bytes(), value.as_bytes()]);
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}
