//! What a request asks for: its body scrubbed, its model found, its worst case priced.

use super::admit::{Call, Named};
use super::{Gateway, Ready};
use crate::fault::{Fault, RequestFault};
use crate::keyring::Spender;
use opencredits_catalog::{Ask, CatalogError, Model, ModelKind, Terms};
use opencredits_providers::{Dialect, RequestFacts, Target, Translated, translate, unsealed};
use opencredits_sanitizer::{Api, SanitizeError, Scrub, Scrubbed, Strictness};
use opencredits_units::{NanoUsd, PicoUsd, Tokens, ToolUse};
use std::sync::Arc;

/// A request that was read, its body still borrowed.
pub(super) struct Plan<'a> {
    pub(super) scrubbed: Scrubbed<'a>,
    /// What the path says.
    pub(super) named: Option<&'a Named>,
    /// A field that goes on in its own dialect without what other vendors sealed.
    pub(super) unsealed: Option<(String, String)>,
    /// The body in the provider's dialect, where that is not the client's.
    pub(super) translated: Option<Translated>,
    pub(super) facts: RequestFacts,
    pub(super) model: Arc<Model>,
    pub(super) upstream: Arc<Ready>,
    pub(super) uses: Vec<(ToolUse, Tokens)>,
    /// What the client speaks.
    pub(super) dialect: Dialect,
}

impl Plan<'_> {
    /// The fields that go upstream.
    pub(super) fn fields(&self) -> Vec<(&str, &str)> {
        match &self.translated {
            Some(translated) => translated.fields.iter().map(|(name, value)| (*name, value.as_str())).collect(),
            None => self.scrubbed.fields().map(|(name, raw)| (name, self.instead_of(name).unwrap_or(raw))).collect(),
        }
    }

    fn instead_of(&self, name: &str) -> Option<&str> {
        self.unsealed.as_ref().filter(|(field, _)| *field == name).map(|(_, raw)| raw.as_str())
    }

    /// The fields that were dropped, by the client's names.
    pub(super) fn dropped(&self) -> Vec<String> {
        let translated = self.translated.iter().flat_map(|translated| &translated.dropped);
        self.scrubbed.dropped().iter().chain(translated).cloned().collect()
    }

    /// The output cap that goes upstream: one that the balance can pay, else the client's, else, where the provider
    /// demands one, all that the model gives.
    pub(super) fn output_cap(&self, put_in: Option<u64>) -> Option<u64> {
        let Some(translated) = &self.translated else {
            return put_in;
        };
        let demanded = self.upstream.dialect == Dialect::AnthropicMessages;
        put_in.or(translated.output_cap).or(demanded.then_some(self.model.max_output_tokens))
    }

    /// Translates again where a cap was put in: how much may be thought depends on it.
    pub(super) fn heed_cap(&mut self, cap: Option<u64>) -> Result<(), Fault> {
        if let (Some(cap), true) = (cap, self.translated.is_some()) {
            let fields = said(self.named, &self.scrubbed);
            self.translated = Some(translated(fields, self.dialect, &target(&self.upstream, &self.model, cap))?);
        }
        Ok(())
    }
}

fn target<'a>(upstream: &'a Ready, model: &Model, output_max: u64) -> Target<'a> {
    let vendor = &upstream.vendor;
    let reasons = model.supports.iter().any(|what| what == "reasoning");
    Target { dialect: upstream.dialect, vendor: &vendor.id, output_max, reasons }
}

fn translated<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    from: Dialect,
    to: &Target<'_>,
) -> Result<Translated, Fault> {
    Ok(translate(from, to, fields).map_err(RequestFault::from)?)
}

/// What path and body say.
fn said<'a>(named: Option<&'a Named>, scrubbed: &'a Scrubbed<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let named = named.map(|named| [("model", named.model.as_str()), ("stream", named.stream)]);
    named.into_iter().flatten().chain(scrubbed.fields())
}

impl Gateway {
    /// Where a model is served: in the client's own dialect, where its vendor speaks that.
    fn upstream(&self, model: &Model, dialect: Dialect) -> Result<Arc<Ready>, Fault> {
        let embeds = dialect == Dialect::OpenaiEmbeddings;
        let all = self.upstreams.get(&model.route.vendor).map(Vec::as_slice).unwrap_or_default();
        if embeds != (model.kind == ModelKind::Embedding) {
            let does = if embeds { "answers conversations; it makes no embeddings" } else { "makes embeddings alone" };
            return Err(RequestFault::OtherKind { model: model.id.to_string(), does }.into());
        }
        let own = all.iter().find(|ready| ready.dialect == dialect);
        let spoken = own.or_else(|| all.iter().find(|ready| ready.dialect != Dialect::OpenaiEmbeddings));
        spoken.cloned().ok_or_else(|| unserved(&model.id))
    }

    /// Reads a request.
    pub(super) fn plan<'a>(&self, call: &'a Call, hash: &dyn Fn(&str) -> String) -> Result<Plan<'a>, Fault> {
        let how = Scrub { strictness: call.strictness, hash };
        let scrubbed = self.policies.of(call.api).scrub(&call.body, &how).map_err(RequestFault::from)?;
        let dialect = dialect_of(call.api);
        let named = call.named.as_ref();
        let mut facts = RequestFacts::read(dialect, said(named, &scrubbed)).map_err(RequestFault::from)?;
        if dialect == Dialect::OpenaiEmbeddings {
            // Nothing is put out that is billed.
            facts.output_cap = Some(0);
        }
        let model = Arc::clone(self.catalog.resolve(&facts.model).map_err(RequestFault::from)?);
        allowed(&call.spender, &model)?;
        let upstream = self.upstream(&model, dialect)?;
        let mut other = None;
        if upstream.dialect != dialect {
            let to = target(&upstream, &model, model.max_output_tokens);
            let translated = translated(said(named, &scrubbed), dialect, &to)?;
            refuse_drops(call.strictness, &translated)?;
            facts = facts_of(&translated, upstream.dialect, facts)?;
            other = Some(translated);
        }
        let uses = facts.uses.iter().map(|(tool, count)| (*tool, Tokens::new(*count))).collect();
        let unsealed = scrubbed.fields().find_map(|(name, raw)| Some((name.to_owned(), unsealed(dialect, name, raw)?)));
        Ok(Plan { scrubbed, named, unsealed, translated: other, facts, upstream, model, uses, dialect })
    }
}

/// Prices the worst case of one request for one output cap or another.
pub(super) struct Quote<'a> {
    model: &'a Model,
    ask: Ask<'a>,
    choices: u64,
    terms: Terms,
}

impl<'a> Quote<'a> {
    pub(super) fn new(plan: &'a Plan<'_>, terms: Terms) -> Self {
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

    pub(super) fn charge(&self, cap: u64) -> Result<NanoUsd, Fault> {
        let output = Tokens::new(cap.saturating_mul(self.choices));
        let cost = self.model.card.quote(&Ask { output, ..self.ask }).map_err(overflow)?;
        self.terms.charge(cost).map(|charge| charge.total).ok_or(Fault::Overflow)
    }

    /// The largest cap that `amount` covers; `None` when it does not cover the input.
    pub(super) fn affordable(&self, amount: NanoUsd) -> Result<Option<u64>, Fault> {
        let budget: PicoUsd = self.terms.cost_within(amount);
        let output = self.model.card.output_within(&self.ask, budget).map_err(overflow)?;
        Ok(output.map(|output| output.get().checked_div(self.choices).unwrap_or_default()))
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
        Api::OpenaiResponses => Dialect::OpenaiResponses,
        Api::OpenaiEmbeddings => Dialect::OpenaiEmbeddings,
        Api::GeminiGenerate => Dialect::GeminiGenerate,
    }
}
