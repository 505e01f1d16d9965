//! Admission: what the request asks for, what it could cost, and the hold that covers it.

use super::drain::Pending;
use super::exchange::{self, Outgoing};
use super::settle::{Delivery, Tab, entry_id};
use super::{Gateway, Ready};
use crate::fault::{Fault, PaymentNeeded, RequestFault, Short};
use crate::keyring::Spender;
use crate::record::{GenerationRecord, UsageSource};
use bytes::Bytes;
use hashbrown::HashSet;
use http::HeaderMap;
use opencredits_catalog::{Ask, CatalogError, Model, Terms};
use opencredits_ledger::{EntryKind, LedgerError, PlaceHold, Replay};
use opencredits_providers::{Dialect, RequestFacts, Rewrite, upstream_body};
use opencredits_sanitizer::{Api, Scrub, Scrubbed, Strictness};
use opencredits_store::Claim;
use opencredits_units::{BasisPoints, GenerationId, NanoUsd, PicoUsd, Tokens, ToolUse};
use parking_lot::Mutex;
use std::sync::Arc;

/// The longest idempotency key.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
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
}

/// A request that was admitted.
pub struct Admitted {
    /// What it will come to.
    pub pending: Pending,
    /// Fields that were dropped.
    pub dropped: Vec<String>,
}

/// A request that was read, its body still borrowed.
struct Plan<'a> {
    scrubbed: Scrubbed<'a>,
    facts: RequestFacts,
    model: Arc<Model>,
    upstream: Arc<Ready>,
    uses: Vec<(ToolUse, Tokens)>,
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
        let plan = self.plan(&call, &hash)?;
        let claimed = match &call.idempotency_key {
            Some(key) => Some(self.claim(key, &call).await?),
            None => None,
        };
        let cover = self.hold(&call, &plan)?;
        // From here on the hold stands for the request, and then its entry.
        drop(claimed);
        let dropped = plan.scrubbed.dropped().to_vec();
        let delivery = if plan.facts.stream { Delivery::Streamed } else { Delivery::Whole };
        let rewrite = Rewrite {
            vendor: &plan.upstream.vendor,
            model: &plan.model.route.upstream_model,
            output_cap: cover.cap,
            stream: plan.facts.stream,
        };
        let outgoing = Outgoing {
            body: upstream_body(&plan.scrubbed.fields().collect::<Vec<_>>(), &rewrite).into(),
            headers: call.headers.clone(),
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
            cancelled: false,
        };
        let pending = Pending::new(Box::pin(exchange::run(tab, outgoing)), self.orphanage.clone());
        Ok(Admitted { pending, dropped })
    }

    fn plan<'a>(&self, call: &'a Call, hash: &dyn Fn(&str) -> String) -> Result<Plan<'a>, Fault> {
        let how = Scrub { strictness: call.strictness, hash };
        let scrubbed = self.policies.of(call.api).scrub(&call.body, &how).map_err(RequestFault::from)?;
        let dialect = dialect_of(call.api);
        let facts = RequestFacts::read(dialect, scrubbed.fields()).map_err(RequestFault::from)?;
        let model = Arc::clone(self.catalog.resolve(&facts.model).map_err(RequestFault::from)?);
        allowed(&call.spender, &model)?;
        let upstream = self.upstreams.get(&model.route.vendor).ok_or_else(|| unserved(&facts.model))?;
        if upstream.vendor.dialect != dialect {
            let speaks = path_of(upstream.vendor.dialect);
            return Err(RequestFault::OtherApi { model: model.id.to_string(), speaks }.into());
        }
        let uses = facts.uses.iter().map(|(tool, count)| (*tool, Tokens::new(*count))).collect();
        Ok(Plan { scrubbed, facts, upstream: Arc::clone(upstream), model, uses })
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

    /// Claims an idempotency key, unless a request has it that came to something or still may.
    async fn claim(&self, key: &str, call: &Call) -> Result<Admission<'_>, Fault> {
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

    /// Asked in the order in which a request goes: in admission, held, captured. One that moves on between two
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
struct Admission<'a> {
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

/// Prices the worst case of one request for one output cap or another.
struct Quote<'a> {
    model: &'a Model,
    ask: Ask<'a>,
    choices: u64,
    terms: Terms,
}

impl<'a> Quote<'a> {
    fn new(plan: &'a Plan<'_>, terms: Terms) -> Self {
        // A provider refuses what exceeds the context window.
        let window = plan.model.context_window;
        let input = plan.facts.input_max.map_or(window, |bound| bound.min(window));
        let ask = Ask {
            input: Tokens::new(input),
            output: Tokens::ZERO,
            extra: &plan.facts.extra,
            tier: plan.facts.tier.as_deref(),
            uses: &plan.uses,
        };
        Self { model: &plan.model, ask, choices: plan.facts.choices, terms }
    }

    fn charge(&self, cap: u64) -> Result<NanoUsd, Fault> {
        let output = Tokens::new(cap.saturating_mul(self.choices));
        let cost = self.model.card.quote(&Ask { output, ..self.ask }).map_err(overflow)?;
        self.terms.charge(cost).map(|charge| charge.total).ok_or(Fault::Overflow)
    }

    /// The largest cap that `amount` covers; `None` when it does not cover the input.
    fn affordable(&self, amount: NanoUsd) -> Result<Option<u64>, Fault> {
        let budget: PicoUsd = self.terms.cost_within(amount);
        let output = self.model.card.output_within(&self.ask, budget).map_err(overflow)?;
        Ok(output.map(|output| output.get().checked_div(self.choices).unwrap_or_default()))
    }
}

fn overflow(_: CatalogError) -> Fault {
    Fault::Overflow
}

fn unserved(name: &str) -> Fault {
    RequestFault::Model(CatalogError::UnknownModel { name: name.to_owned(), similar: vec![] }).into()
}

fn allowed(spender: &Spender, model: &Model) -> Result<(), Fault> {
    match &spender.allowed_models {
        Some(models) if !models.iter().any(|allowed| **allowed == *model.id) => {
            Err(RequestFault::ModelNotAllowed { model: model.id.to_string() }.into())
        }
        _ => Ok(()),
    }
}

const fn dialect_of(api: Api) -> Dialect {
    match api {
        Api::OpenaiChat => Dialect::OpenaiChat,
        Api::AnthropicMessages => Dialect::AnthropicMessages,
    }
}

const fn path_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiChat => "/v1/chat/completions",
        Dialect::AnthropicMessages => "/v1/messages",
    }
}
