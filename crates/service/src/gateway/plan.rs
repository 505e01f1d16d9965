//! What a request asks for: its body scrubbed, its model found, its worst case priced.

use super::Gateway;
use super::admit::{Call, Named};
use super::routing::{Preferences, WAYS_MAX, Way, fallbacks};
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
    named: Option<&'a Named>,
    /// What was fetched from addresses that it names.
    attached: Attached,
    /// A field that goes on in its own dialect without what other vendors sealed.
    unsealed: Option<(String, String)>,
    /// What the client speaks.
    pub(super) dialect: Dialect,
    pub(super) asked: RequestFacts,
    /// Whether a provider must heed all of it.
    requires_all: bool,
    /// The ways to serve it, in their order; at least one.
    pub(super) ways: Vec<Planned>,
    /// Tells the conversation from others, where several ways may serve it.
    pub(super) conversation: Option<Conversation>,
}

/// A keyed hash that stands for a conversation.
pub(super) type Conversation = [u8; 32];

/// One way to serve a request, and the request as it would go there.
pub(super) struct Planned {
    pub(super) way: Way,
    /// The body in the provider's dialect, where that is not the client's.
    pub(super) translated: Option<Translated>,
    pub(super) facts: RequestFacts,
    uses: Vec<(ToolUse, Tokens)>,
}

impl Plan<'_> {
    /// The fields that go upstream on one of its ways.
    pub(super) fn fields<'b>(&'b self, planned: &'b Planned) -> Vec<(&'b str, &'b str)> {
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
        let translated = self.ways.iter().find_map(|planned| planned.translated.as_ref());
        translated.map(|translated| translated.custom_tools.clone()).unwrap_or_default()
    }

    /// Translates again where a cap was put in: how much may be thought depends on it.
    pub(super) fn heed_cap(&mut self, cap: Option<u64>, strictness: Strictness) -> Result<(), Fault> {
        let Some(cap) = cap else { return Ok(()) };
        let strictness = if self.requires_all { Strictness::Strict } else { strictness };
        let mut refused = None;
        for mut planned in std::mem::take(&mut self.ways) {
            if planned.translated.is_some() {
                let to = target(&planned.way, cap.min(planned.way.model.max_output_tokens));
                let said = said(self.named, &self.scrubbed);
                let again = translated(said, self.dialect, &to, &self.attached);
                match again.and_then(|again| refuse_drops(strictness, &again).map(|()| again)) {
                    Ok(again) => planned.translated = Some(again),
                    // Another way may still say all of it.
                    Err(fault) => {
                        refused = refused.or(Some(fault));
                        continue;
                    }
                }
            }
            self.ways.push(planned);
        }
        refused.filter(|_| self.ways.is_empty()).map_or(Ok(()), Err)
    }
}

impl Planned {
    /// The output cap that goes upstream: one that the balance can pay, else the client's, else, where the provider
    /// demands one, all that the model gives.
    pub(super) fn output_cap(&self, put_in: Option<u64>) -> Option<u64> {
        let put_in = put_in.map(|cap| cap.min(self.way.model.max_output_tokens));
        let Some(translated) = &self.translated else {
            return put_in;
        };
        let demanded = self.way.upstream.dialect == Dialect::AnthropicMessages;
        let cap = put_in.or(translated.output_cap).or(demanded.then_some(self.way.model.max_output_tokens));
        cap.map(|cap| cap.max(self.output_cap_min()))
    }
}

fn target<'a>(way: &'a Way, output_max: u64) -> Target<'a> {
    let supports = |what: &str| way.model.supports.iter().any(|known| known == what);
    let reasons = supports("reasoning");
    // Of a model that does not think, what it supports is often not said.
    let samples = !reasons || supports("temperature");
    let vendor = &way.upstream.vendor;
    let wants_reasoning = reasons && vendor.wants_reasoning;
    Target { dialect: way.upstream.dialect, vendor: &vendor.id, output_max, reasons, samples, wants_reasoning }
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
    named: Option<&'a Named>,
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
        let wishes = Preferences::read(scrubbed.ours("provider"))?;
        let conversation = self.conversation(call, &scrubbed, &models);
        let stays_with = conversation.and_then(|conversation| self.sticky.get(&conversation));
        let stays_with = stays_with.as_deref().map(|vendor| (vendor, is_sealed(&call.body)));
        let ways = self.ways(&models, dialect, &wishes, stays_with)?;
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
            requires_all: wishes.require_parameters,
            ways: Vec::new(),
            conversation,
        };
        plan.ways = plan.fit(ways, call.strictness, wishes.goes_one_way())?;
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
    /// The ways that can carry the request. One that cannot say all of it is left out where another can.
    fn fit(&self, ways: Vec<Way>, strictness: Strictness, one_way: bool) -> Result<Vec<Planned>, Fault> {
        let (mut planned, mut refused) = (Vec::<Planned>::with_capacity(ways.len().min(WAYS_MAX)), None);
        for way in ways {
            let follows = |before: &Planned| Arc::ptr_eq(&before.way.model, &way.model);
            if planned.len() >= WAYS_MAX || (one_way && planned.last().is_some_and(follows)) {
                continue;
            }
            match self.fitted(way, strictness) {
                Ok(fitted) => planned.push(fitted),
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        match (planned.is_empty(), refused) {
            (true, Some(fault)) => Err(fault),
            _ => Ok(planned),
        }
    }

    fn fitted(&self, way: Way, strictness: Strictness) -> Result<Planned, Fault> {
        let (mut facts, mut other) = (self.asked.clone(), None);
        if way.upstream.dialect != self.dialect {
            let to = target(&way, way.model.max_output_tokens);
            let said = said(self.named, &self.scrubbed);
            let translated = translated(said, self.dialect, &to, &self.attached)?;
            let strictness = if self.requires_all { Strictness::Strict } else { strictness };
            refuse_drops(strictness, &translated)?;
            facts = facts_of(&translated, way.upstream.dialect, facts)?;
            other = Some(translated);
        }
        let card = &way.route().card;
        if let Some((tool, _)) = facts.uses.iter().find(|(tool, _)| !card.prices(*tool)) {
            return Err(RequestFault::ToolWithoutPrice { tool: tool.name(), model: way.model.id.to_string() }.into());
        }
        let uses = facts.uses.iter().map(|(tool, count)| (*tool, Tokens::new(*count))).collect();
        Ok(Planned { way, translated: other, facts, uses })
    }
}

/// Prices the worst case of one request for one output cap or another, on the dearest of its ways.
pub(super) struct Quote<'a> {
    ways: &'a [Planned],
    terms: Terms,
}

impl<'a> Quote<'a> {
    pub(super) fn new(ways: &'a [Planned], terms: Terms) -> Self {
        Self { ways, terms }
    }

    pub(super) fn charge(&self, cap: u64) -> Result<NanoUsd, Fault> {
        let charges = self.ways.iter().map(|planned| planned.charge(cap, self.terms));
        charges.into_iter().try_fold(NanoUsd::ZERO, |most, charge| Ok(most.max(charge?)))
    }

    /// The largest cap that `amount` covers on every way; `None` when it does not cover the input.
    pub(super) fn affordable(&self, amount: NanoUsd) -> Result<Option<u64>, Fault> {
        let mut least = Some(u64::MAX);
        for planned in self.ways {
            let cap = planned.affordable(amount, self.terms)?;
            least = least.and_then(|least| Some(least.min(cap?)));
        }
        Ok(least)
    }

    /// Tokens that any of the models gives at most.
    pub(super) fn output_max(&self) -> u64 {
        self.ways.iter().map(|planned| planned.way.model.max_output_tokens).max().unwrap_or_default()
    }
}

impl Planned {
    fn ask(&self) -> Ask<'_> {
        // A provider refuses what exceeds the context window.
        let window = self.way.model.context_window;
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
        if self.translated.is_some() { self.way.upstream.dialect.output_cap_min() } else { 0 }
    }

    pub(super) fn charge(&self, cap: u64, terms: Terms) -> Result<NanoUsd, Fault> {
        let cap = cap.max(self.output_cap_min()).min(self.way.model.max_output_tokens);
        let output = Tokens::new(cap.saturating_mul(self.facts.choices));
        let cost = self.way.route().card.quote(&Ask { output, ..self.ask() }).map_err(overflow)?;
        terms.charge(cost).map(|charge| charge.total).ok_or(Fault::Overflow)
    }

    fn affordable(&self, amount: NanoUsd, terms: Terms) -> Result<Option<u64>, Fault> {
        let budget: PicoUsd = terms.cost_within(amount);
        let output = self.way.route().card.output_within(&self.ask(), budget).map_err(overflow)?;
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
    facts.usage_chunk_asked = asked.usage_chunk_asked;
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
