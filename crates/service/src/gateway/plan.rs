//! What a request asks for: its body scrubbed, its model found, its worst case priced.

use super::Gateway;
use super::admit::{Call, PathParameters};
use super::routing::{CANDIDATES_MAX, Preferences, RouteCandidate, fallbacks};
use crate::fault::{Fault, RequestFault};
use crate::keyring::Spender;
use opencredits_catalog::{Ask, Catalog, CatalogError, Model, Terms};
use opencredits_providers::{Attached, Dialect, RequestFacts, Target, Translated, translate_with, unsealed};
use opencredits_sanitizer::{Api, SanitizeError, Scrub, Scrubbed, Strictness};
use opencredits_units::{NanoUsd, PicoUsd, Tokens, ToolUse};
use std::sync::Arc;

/// A request that was read, its body still borrowed.
pub(super) struct Plan<'a> {
    scrubbed: Scrubbed<'a>,
    /// What the path says.
    named: Option<&'a PathParameters>,
    /// What was fetched from addresses that it names.
    attached: Attached,
    /// A field that goes on in its own dialect without what other vendors sealed.
    unsealed: Option<(String, String)>,
    /// What the client speaks.
    pub(super) dialect: Dialect,
    pub(super) asked: RequestFacts,
    /// Whether a provider must heed all of it.
    requires_all: bool,
    /// The candidates to serve it, in their order; at least one.
    pub(super) candidates: Vec<PlannedRoute>,
    /// Tells the conversation from others, where several candidates may serve it.
    pub(super) conversation: Option<Conversation>,
}

/// A keyed hash that stands for a conversation.
pub(super) type Conversation = [u8; 32];

/// One candidate to serve a request, and the request as it would go there.
pub(super) struct PlannedRoute {
    pub(super) candidate: RouteCandidate,
    /// The body in the provider's dialect, where that is not the client's.
    pub(super) translated: Option<Translated>,
    pub(super) facts: RequestFacts,
    uses: Vec<(ToolUse, Tokens)>,
}

impl Plan<'_> {
    /// The fields that go upstream on one of its candidates.
    pub(super) fn fields<'b>(&'b self, planned: &'b PlannedRoute) -> Vec<(&'b str, &'b str)> {
        match &planned.translated {
            Some(translated) => translated.fields.iter().map(|(name, value)| (*name, value.as_str())).collect(),
            None => self.scrubbed.fields().map(|(name, raw)| (name, self.instead_of(name).unwrap_or(raw))).collect(),
        }
    }

    fn instead_of(&self, name: &str) -> Option<&str> {
        self.unsealed.as_ref().filter(|(field, _)| *field == name).map(|(_, raw)| raw.as_str())
    }

    /// The fields that go nowhere, by the client's names.
    pub(super) fn scrubbed_out(&self) -> &[String] {
        self.scrubbed.dropped()
    }

    /// Tools that the client wants called with free text, as every translation of the request has them.
    pub(super) fn custom_tools(&self) -> Vec<String> {
        let translated = self.candidates.iter().find_map(|planned| planned.translated.as_ref());
        translated.map(|translated| translated.custom_tools.clone()).unwrap_or_default()
    }

    /// Translates again where a cap was put in: how much may be thought depends on it.
    pub(super) fn apply_cap(&mut self, cap: Option<u64>, strictness: Strictness) -> Result<(), Fault> {
        let Some(cap) = cap else { return Ok(()) };
        let strictness = if self.requires_all { Strictness::Strict } else { strictness };
        let mut refused = None;
        for mut planned in std::mem::take(&mut self.candidates) {
            if planned.translated.is_some() {
                let to = target(&planned.candidate, cap.min(planned.candidate.model.max_output_tokens));
                let said = said(self.named, &self.scrubbed);
                let again = translated(said, self.dialect, &to, &self.attached);
                match again.and_then(|again| refuse_drops(strictness, &again).map(|()| again)) {
                    Ok(again) => planned.translated = Some(again),
                    // Another candidate may still say all of it.
                    Err(fault) => {
                        refused = refused.or(Some(fault));
                        continue;
                    }
                }
            }
            self.candidates.push(planned);
        }
        refused.filter(|_| self.candidates.is_empty()).map_or(Ok(()), Err)
    }
}

impl PlannedRoute {
    /// The output cap that goes upstream: one that the balance can pay, else the client's, else, where the provider
    /// demands one, all that the model gives.
    pub(super) fn output_cap(&self, put_in: Option<u64>) -> Option<u64> {
        let put_in = put_in.map(|cap| cap.min(self.candidate.model.max_output_tokens));
        let Some(translated) = &self.translated else {
            return put_in;
        };
        let demanded = self.candidate.upstream.dialect == Dialect::AnthropicMessages;
        let cap = put_in.or(translated.output_cap).or(demanded.then_some(self.candidate.model.max_output_tokens));
        cap.map(|cap| cap.max(self.output_cap_min()))
    }
}

fn target<'a>(candidate: &'a RouteCandidate, output_max: u64) -> Target<'a> {
    let supports = |what: &str| candidate.model.supports.iter().any(|known| known == what);
    let reasons = supports("reasoning");
    // Of a model that does not think, what it supports is often not said.
    let samples = !reasons || supports("temperature");
    let vendor = &candidate.upstream.vendor;
    let wants_reasoning = reasons && vendor.wants_reasoning;
    Target { dialect: candidate.upstream.dialect, vendor: &vendor.id, output_max, reasons, samples, wants_reasoning }
}

fn translated<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    from: Dialect,
    to: &Target<'_>,
    attached: &Attached,
) -> Result<Translated, Fault> {
    Ok(translate_with(from, to, fields, attached).map_err(RequestFault::from)?)
}

/// What path and body say.
pub(super) fn said<'a>(
    named: Option<&'a PathParameters>,
    scrubbed: &'a Scrubbed<'_>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let named = named.map(|named| [("model", named.model.as_str()), ("stream", named.stream)]);
    named.into_iter().flatten().chain(scrubbed.fields())
}

impl Gateway {
    /// Reads a request, with what was fetched from addresses that it names.
    pub(super) fn plan<'a>(
        &self,
        call: &'a Call,
        hash: &dyn Fn(&str) -> String,
        attached: Attached,
    ) -> Result<Plan<'a>, Fault> {
        let how = Scrub { strictness: call.strictness, hash };
        let scrubbed = self.policies.of(call.api).scrub(&call.body, &how).map_err(RequestFault::from)?;
        let dialect = dialect_of(call.api);
        let named = call.named.as_ref();
        let mut asked = RequestFacts::read(dialect, said(named, &scrubbed)).map_err(RequestFault::from)?;
        if dialect == Dialect::OpenaiEmbeddings {
            // Nothing is put out that is billed.
            asked.output_cap = Some(0);
        }
        let models = self.models(&asked.model, scrubbed.ours("models"), &call.spender)?;
        let preferences = Preferences::read(scrubbed.ours("provider"))?;
        let conversation = self.conversation(call, &scrubbed, &models);
        let stays_with = conversation.and_then(|conversation| self.sticky.get(&conversation));
        let stays_with = stays_with.as_deref().map(|vendor| (vendor, is_sealed(&call.body)));
        let candidates = self.candidates(&models, dialect, &preferences, stays_with)?;
        let is_vendor = |name: &str| self.upstreams.contains_key(name);
        let without = |(name, raw): (&str, &str)| Some((name.to_owned(), unsealed(dialect, name, raw, &is_vendor)?));
        let unsealed = scrubbed.fields().find_map(without);
        let mut plan = Plan {
            scrubbed,
            named,
            attached,
            unsealed,
            dialect,
            asked,
            requires_all: preferences.require_parameters,
            candidates: Vec::new(),
            conversation,
        };
        plan.candidates = plan.fit(candidates, call.strictness, preferences.is_limited_to_first())?;
        Ok(plan)
    }

    /// The models that may serve a request, in their order.
    fn models(&self, first: &str, others: Option<&str>, spender: &Spender) -> Result<Vec<Arc<Model>>, Fault> {
        let mut models: Vec<Arc<Model>> = Vec::new();
        for name in std::iter::once(first.to_owned()).chain(fallbacks(others)?) {
            let model = self.catalog.resolve(&name).map_err(RequestFault::from)?;
            allowed(spender, &self.catalog, model)?;
            if !models.iter().any(|known| known.id == model.id) {
                models.push(Arc::clone(model));
            }
        }
        Ok(models)
    }

    /// What tells a conversation from others: the client's word for it, or how it begins. A provider's cache and what it
    /// sealed are there where the conversation was before.
    fn conversation(&self, call: &Call, scrubbed: &Scrubbed<'_>, models: &[Arc<Model>]) -> Option<Conversation> {
        let [Model { others, .. }] = models.iter().map(|model| &**model).collect::<Vec<_>>()[..] else {
            return Some(self.conversation_of(call, scrubbed));
        };
        (!others.is_empty()).then(|| self.conversation_of(call, scrubbed))
    }

    fn conversation_of(&self, call: &Call, scrubbed: &Scrubbed<'_>) -> Conversation {
        let named = scrubbed.ours("session_id").or(call.session.as_deref());
        let begin = |name: &str| {
            let raw = scrubbed.get(name).unwrap_or_default().as_bytes();
            raw.get(..BEGINNING_BYTES).unwrap_or(raw)
        };
        let parts: Vec<&[u8]> = match named {
            Some(named) => vec![named.as_bytes()],
            None => ["prompt_cache_key", "system", "instructions", "messages", "input", "contents"].map(begin).to_vec(),
        };
        let user = call.spender.user.bits().to_be_bytes();
        self.hash_key.hash(&[&[&user[..]], parts.as_slice()].concat())
    }
}

/// What stands where a provider has sealed something: it alone can read that again.
const SEALS: [&str; 4] = ["\"signature\"", "\"encrypted_content\"", "houghtSignature\"", "\"reasoning_details\""];

fn is_sealed(body: &[u8]) -> bool {
    SEALS.iter().any(|seal| memchr::memmem::find(body, seal.as_bytes()).is_some())
}

/// So much of a conversation tells it from others.
const BEGINNING_BYTES: usize = 512;

impl Plan<'_> {
    /// The candidates that can carry the request. One that cannot say all of it is left out where another can.
    fn fit(
        &self,
        candidates: Vec<RouteCandidate>,
        strictness: Strictness,
        first_only: bool,
    ) -> Result<Vec<PlannedRoute>, Fault> {
        let (mut planned, mut refused) =
            (Vec::<PlannedRoute>::with_capacity(candidates.len().min(CANDIDATES_MAX)), None);
        for candidate in candidates {
            let follows = |before: &PlannedRoute| Arc::ptr_eq(&before.candidate.model, &candidate.model);
            if planned.len() >= CANDIDATES_MAX || (first_only && planned.last().is_some_and(follows)) {
                continue;
            }
            match self.fitted(candidate, strictness) {
                Ok(fitted) => planned.push(fitted),
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        match (planned.is_empty(), refused) {
            (true, Some(fault)) => Err(fault),
            _ => Ok(planned),
        }
    }

    fn fitted(&self, candidate: RouteCandidate, strictness: Strictness) -> Result<PlannedRoute, Fault> {
        let (mut facts, mut other) = (self.asked.clone(), None);
        if candidate.upstream.dialect != self.dialect {
            let to = target(&candidate, candidate.model.max_output_tokens);
            let said = said(self.named, &self.scrubbed);
            let translated = translated(said, self.dialect, &to, &self.attached)?;
            let strictness = if self.requires_all { Strictness::Strict } else { strictness };
            refuse_drops(strictness, &translated)?;
            facts = facts_of(&translated, candidate.upstream.dialect, facts)?;
            other = Some(translated);
        }
        let card = &candidate.route().card;
        if let Some((tool, _)) = facts.uses.iter().find(|(tool, _)| !card.prices(*tool)) {
            return Err(
                RequestFault::ToolWithoutPrice { tool: tool.name(), model: candidate.model.id.to_string() }.into()
            );
        }
        let uses = facts.uses.iter().map(|(tool, count)| (*tool, Tokens::new(*count))).collect();
        Ok(PlannedRoute { candidate, translated: other, facts, uses })
    }
}

/// Prices the worst case of one request for one output cap or another, on the dearest of its candidates.
pub(super) struct Quote<'a> {
    candidates: &'a [PlannedRoute],
    terms: Terms,
}

impl<'a> Quote<'a> {
    pub(super) fn new(candidates: &'a [PlannedRoute], terms: Terms) -> Self {
        Self { candidates, terms }
    }

    pub(super) fn charge(&self, cap: u64) -> Result<NanoUsd, Fault> {
        let charges = self.candidates.iter().map(|planned| planned.charge(cap, self.terms));
        charges.into_iter().try_fold(NanoUsd::ZERO, |most, charge| Ok(most.max(charge?)))
    }

    /// The largest cap that `amount` covers on every candidate; `None` when it does not cover the input.
    pub(super) fn affordable(&self, amount: NanoUsd) -> Result<Option<u64>, Fault> {
        let mut least = Some(u64::MAX);
        for planned in self.candidates {
            let cap = planned.affordable(amount, self.terms)?;
            least = least.and_then(|least| Some(least.min(cap?)));
        }
        Ok(least)
    }

    /// Tokens that any of the models gives at most.
    pub(super) fn output_max(&self) -> u64 {
        self.candidates.iter().map(|planned| planned.candidate.model.max_output_tokens).max().unwrap_or_default()
    }
}

impl PlannedRoute {
    fn ask(&self) -> Ask<'_> {
        // A provider refuses what exceeds the context window.
        let window = self.candidate.model.context_window;
        let input = self.facts.input_max.map_or(window, |bound| bound.min(window));
        Ask {
            input: Tokens::new(input),
            output: Tokens::ZERO,
            extra: &self.facts.extra,
            tier: self.facts.tier.as_deref(),
            uses: &self.uses,
        }
    }

    /// A client that speaks the provider's dialect knows its least cap; another one is given it.
    fn output_cap_min(&self) -> u64 {
        if self.translated.is_some() { self.candidate.upstream.dialect.output_cap_min() } else { 0 }
    }

    pub(super) fn charge(&self, cap: u64, terms: Terms) -> Result<NanoUsd, Fault> {
        let cap = cap.max(self.output_cap_min()).min(self.candidate.model.max_output_tokens);
        let output = Tokens::new(cap.saturating_mul(self.facts.choices));
        let cost = self.candidate.route().card.quote(&Ask { output, ..self.ask() }).map_err(overflow)?;
        terms.charge(cost).map(|charge| charge.total).ok_or(Fault::Overflow)
    }

    fn affordable(&self, amount: NanoUsd, terms: Terms) -> Result<Option<u64>, Fault> {
        let budget: PicoUsd = terms.cost_within(amount);
        let output = self.candidate.route().card.output_within(&self.ask(), budget).map_err(overflow)?;
        Ok(output.map(|output| output.get().checked_div(self.facts.choices).unwrap_or_default()))
    }
}

fn overflow(_: CatalogError) -> Fault {
    Fault::Overflow
}

/// What is sent decides what it can cost; how it is asked for is the client's.
fn facts_of(translated: &Translated, dialect: Dialect, asked: RequestFacts) -> Result<RequestFacts, Fault> {
    let fields = translated.fields.iter().map(|(name, value)| (*name, value.as_str()));
    let mut facts = RequestFacts::read(dialect, fields).map_err(RequestFault::from)?;
    facts.output_cap = translated.output_cap;
    facts.model = asked.model;
    facts.stream = asked.stream;
    facts.usage_chunk_requested = asked.usage_chunk_requested;
    Ok(facts)
}

/// Strict mode refuses exactly where lax mode drops.
fn refuse_drops(strictness: Strictness, translated: &Translated) -> Result<(), Fault> {
    match (strictness, translated.dropped.first()) {
        (Strictness::Strict, Some(field)) => {
            Err(RequestFault::from(SanitizeError::NotPassedOn { field: field.clone() }).into())
        }
        _ => Ok(()),
    }
}

/// A key's list may name a model by any of its names, as a request may.
fn allowed(spender: &Spender, catalog: &Catalog, model: &Model) -> Result<(), Fault> {
    let is_model = |name: &String| catalog.get(name).is_some_and(|named| named.id == model.id);
    match &spender.allowed_models {
        Some(models) if !models.iter().any(is_model) => {
            Err(RequestFault::ModelNotAllowed { model: model.id.to_string() }.into())
        }
        _ => Ok(()),
    }
}

pub(super) const fn dialect_of(api: Api) -> Dialect {
    match api {
        Api::OpenaiChat => Dialect::OpenaiChat,
        Api::AnthropicMessages => Dialect::AnthropicMessages,
        Api::OpenaiResponses => Dialect::OpenaiResponses,
        Api::OpenaiEmbeddings => Dialect::OpenaiEmbeddings,
        Api::GeminiGenerate => Dialect::GeminiGenerate,
    }
}
