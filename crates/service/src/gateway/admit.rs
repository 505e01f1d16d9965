//! Admission: what the request asks for, what it could cost, and the hold that covers it.

use super::Gateway;
use super::drain::Pending;
use super::exchange::{self, Outgoing};
use super::plan::{Plan, Quote};
use super::settle::{Delivery, Tab, entry_id};
use crate::fault::{Fault, PaymentNeeded, Short};
use crate::keyring::Spender;
use bytes::Bytes;
use http::HeaderMap;
use opencredits_catalog::Terms;
use opencredits_ledger::{LedgerError, PlaceHold, Replay};
use opencredits_providers::{Rewrite, upstream_body};
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
    /// Its idempotency key.
    pub idempotency_key: Option<String>,
    /// What becomes of fields that are not passed on.
    pub strictness: Strictness,
    /// What the path says, in APIs whose path says it.
    pub named: Option<Named>,
}

/// What a path says in place of a body.
pub struct Named {
    /// The model, as raw JSON.
    pub model: String,
    /// Whether the answer is to be streamed, as raw JSON.
    pub stream: &'static str,
}

/// A request that was admitted.
pub struct Admitted {
    /// What it will come to.
    pub pending: Pending,
    /// Fields that were dropped.
    pub dropped: Vec<String>,
}

/// What was held, and which cap was put in for it.
struct Cover {
    amount: NanoUsd,
    cap: Option<u64>,
}

impl Gateway {
    /// Admits a request: everything that can be refused is refused here, before a byte goes upstream.
    ///
    /// # Errors
    /// When the request is wrong, names an unknown model, is not covered, or was made before.
    pub async fn admit(self: &Arc<Self>, call: Call) -> Result<Admitted, Fault> {
        let hash = |value: &str| self.stand_in(&call.spender, value);
        let mut plan = self.plan(&call, &hash)?;
        let claimed = match &call.idempotency_key {
            Some(key) => Some(self.claim(key, &call).await?),
            None => None,
        };
        let cover = self.hold(&call, &plan)?;
        // From here on the hold stands for the request, and then its entry.
        drop(claimed);
        plan.heed_cap(cover.cap)?;
        let dropped = plan.dropped();
        let delivery = if plan.facts.stream { Delivery::Streamed } else { Delivery::Whole };
        let rewrite = Rewrite {
            vendor: &plan.upstream.vendor,
            dialect: plan.upstream.dialect,
            model: &plan.model.route.upstream_model,
            output_cap: plan.output_cap(cover.cap),
            stream: plan.facts.stream,
        };
        let outgoing = Outgoing {
            body: upstream_body(&plan.fields(), &rewrite).into(),
            // A client's headers belong to the API that it speaks.
            headers: if plan.translated.is_none() { call.headers.clone() } else { HeaderMap::new() },
            usage_chunk_asked: plan.facts.usage_chunk_asked,
        };
        let tab = Tab {
            gateway: Arc::clone(self),
            spender: Arc::clone(&call.spender),
            model: Arc::clone(&plan.model),
            upstream: Arc::clone(&plan.upstream),
            generation: call.generation,
            held: cover.amount,
            started: self.ports.clock.now(),
            first_byte: None,
            input_bytes: u64::try_from(call.body.len()).unwrap_or(u64::MAX),
            requested_tier: plan.facts.tier.clone(),
            delivery,
            dialect: plan.dialect,
            cancelled: false,
        };
        let pending = Pending::new(Box::pin(exchange::run(tab, outgoing)), self.orphanage.clone());
        Ok(Admitted { pending, dropped })
    }

    /// Holds the worst case on balance and limits, or says what would be needed.
    fn hold(&self, call: &Call, plan: &Plan<'_>) -> Result<Cover, Fault> {
        let spender = &call.spender;
        let terms = Terms { markup: self.settings.markup, partner_share: BasisPoints::ZERO };
        let quote = Quote::new(plan, terms);
        let (cap, wanted) = match plan.facts.output_cap {
            Some(cap) => (None, quote.charge(cap.min(plan.model.max_output_tokens))?),
            None => self.uncapped(spender, plan, &quote)?,
        };
        let now = self.ports.clock.now();
        let hold = PlaceHold {
            id: entry_id(call.generation),
            payer: spender.wallet,
            limits: &spender.limits,
            amount: wanted,
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
                let needed = PaymentNeeded { required: wanted, available, affordable_max_tokens, short };
                return Err(Fault::Payment(Box::new(needed)));
            }
            Err(error) => return Err(error.into()),
        }
        self.ledger.mark_in_flight(entry_id(call.generation), now)?.accepted();
        Ok(Cover { amount: wanted, cap })
    }

    /// The client gave no cap: all that the model can say where that is a fair part of what is available, otherwise a
    /// cap that is put in.
    fn uncapped(&self, spender: &Spender, plan: &Plan<'_>, quote: &Quote<'_>) -> Result<(Option<u64>, NanoUsd), Fault> {
        let most = plan.model.max_output_tokens;
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
    fn stand_in(&self, spender: &Spender, value: &str) -> String {
        let hash = self.hash_key.hash(&[&spender.user.bits().to_be_bytes(), value.as_bytes()]);
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}
