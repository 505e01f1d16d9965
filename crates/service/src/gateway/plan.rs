//! The plan of a request: its body sanitized, its facts read, its routes found and the body for each translated.

use super::estimate::InputEstimate;
use super::request::{InferenceRequest, PathParameters, request_fields};
use super::routing::{CANDIDATES_MAX, Preferences, RouteCandidate, StickyVendor, fallbacks};
use super::served::Served;
use super::state::{ConversationId, Gateway};
use crate::api_dialects::dialect_of;
use crate::fault::{Fault, RequestFault};
use crate::keyring::Spender;
use opencredits_catalog::{Catalog, Model};
use opencredits_providers::{
    Attached, Dialect, Efforts, EmbeddingForm, ExactInput, RequestFacts, TOOL_CALLS_MAX, Target, Translated,
    fitted_ids, takes_names, translate_with, unsealed,
};
use opencredits_sanitizer::{Api, SanitizeError, Scrub, Scrubbed, Strictness};
use opencredits_units::{Tokens, ToolUse};
use std::sync::Arc;

/// A request that was read. It borrows the body.
pub(super) struct Plan<'a> {
    /// What was on sale when it was made: all of the request is served and charged by it.
    pub(super) served: Arc<Served>,
    /// The model that was asked for first.
    pub(super) asked: Arc<Model>,
    scrubbed: Scrubbed<'a>,
    path: Option<&'a PathParameters>,
    /// The attachments that were fetched for it.
    attached: Attached,
    /// A field in its own dialect without what other vendors sealed: its name and its raw value.
    unsealed: Option<(String, String)>,
    /// The client's dialect.
    pub(super) dialect: Dialect,
    pub(super) facts: RequestFacts,
    /// Whether a provider must support every field.
    requires_all: bool,
    /// The routes to try, in their order; at least one.
    pub(super) routes: Vec<PlannedRoute>,
    /// Identifies the conversation, where several routes may serve it.
    pub(super) conversation: Option<ConversationId>,
    /// Whether the input was counted exactly, where that is possible.
    pub(super) is_counted: bool,
}

/// A route, and the request as it would be sent there.
pub(super) struct PlannedRoute {
    pub(super) candidate: RouteCandidate,
    /// The body in the provider's dialect, where that is not the client's, or where the provider does not take the names
    /// of its tools.
    pub(super) translated: Option<Translated>,
    /// A field in its own dialect with ids that the provider takes: its name and its raw value.
    fitted: Option<(String, String)>,
    /// The form of embeddings that the client asked for.
    pub(super) embeddings: Option<EmbeddingForm>,
    pub(super) facts: RequestFacts,
    /// The input, as estimated from the facts.
    pub(super) estimate: InputEstimate,
    /// The uses of the provider's tools, at most; each tool once.
    pub(super) uses: Vec<(ToolUse, Tokens)>,
    /// The limit that goes upstream for tools without one.
    pub(super) tool_uses_max: Option<u64>,
}

impl Plan<'_> {
    /// The fields that go upstream on one of its routes.
    pub(super) fn fields<'b>(&'b self, planned: &'b PlannedRoute) -> Vec<(&'b str, &'b str)> {
        match &planned.translated {
            Some(translated) => translated.fields.iter().map(|(name, value)| (*name, value.as_str())).collect(),
            None => {
                let fitted = |name: &str| planned.fitted.as_ref().filter(|(field, _)| field == name);
                let raw_of = |name, raw| match fitted(name) {
                    Some((_, fitted)) => fitted.as_str(),
                    None => self.replacement_of(name).unwrap_or(raw),
                };
                self.scrubbed.fields().map(|(name, raw)| (name, raw_of(name, raw))).collect()
            }
        }
    }

    fn replacement_of(&self, name: &str) -> Option<&str> {
        self.unsealed.as_ref().filter(|(field, _)| *field == name).map(|(_, raw)| raw.as_str())
    }

    /// The fields that are dropped on every route, by the client's names.
    pub(super) fn scrubbed_out(&self) -> &[String] {
        self.scrubbed.dropped()
    }

    /// Translates again where an output cap was set: the reasoning budget depends on it.
    pub(super) fn apply_cap(&mut self, cap: Option<u64>, strictness: Strictness) -> Result<(), Fault> {
        let Some(cap) = cap else { return Ok(()) };
        let strictness = if self.requires_all { Strictness::Strict } else { strictness };
        let mut refused = None;
        for mut planned in std::mem::take(&mut self.routes) {
            if planned.translated.is_some() {
                let to = target(&planned.candidate, cap.min(planned.candidate.model.max_output_tokens));
                let fields = request_fields(self.path, &self.scrubbed);
                let again = translated(fields, self.dialect, &to, &self.attached);
                match again.and_then(|again| refuse_drops(strictness, &again).map(|()| again)) {
                    Ok(again) => planned.translated = Some(again),
                    // Another route may still carry all of it.
                    Err(fault) => {
                        refused = refused.or(Some(fault));
                        continue;
                    }
                }
            }
            self.routes.push(planned);
        }
        refused.filter(|_| self.routes.is_empty()).map_or(Ok(()), Err)
    }
}

impl PlannedRoute {
    /// The smallest cap that the provider takes. A client of the provider's own dialect knows it; others are given it.
    pub(super) fn output_cap_min(&self) -> u64 {
        if self.translated.is_some() { self.candidate.upstream.dialect.output_cap_min() } else { 0 }
    }

    /// Takes the input as it was counted.
    pub(super) fn count_exactly(&mut self, exact: ExactInput) {
        self.facts.count_exactly(exact);
        self.estimate = estimate_of(&self.facts, &self.candidate);
    }

    /// The longest output that the model can give to this request: what the context window leaves beside the input that is
    /// likely. A provider refuses a cap that leaves the window.
    pub(super) fn output_room(&self) -> u64 {
        let model = &self.candidate.model;
        let window = model.context_window.saturating_sub(self.estimate.in_window().get());
        model.max_output_tokens.min(window).max(1)
    }

    /// The output cap that goes upstream: `affordable` where it is set, else the client's, else, where the provider
    /// demands a cap, the longest output that there is room for.
    pub(super) fn output_cap(&self, affordable: Option<u64>) -> Option<u64> {
        let affordable = affordable.map(|cap| cap.min(self.candidate.model.max_output_tokens));
        let Some(translated) = &self.translated else {
            return affordable;
        };
        let demanded = self.candidate.upstream.dialect == Dialect::AnthropicMessages;
        let cap = affordable.or(translated.output_cap).or(demanded.then(|| self.output_room()));
        cap.map(|cap| cap.max(self.output_cap_min()))
    }
}

fn target<'a>(candidate: &'a RouteCandidate, output_max: u64) -> Target<'a> {
    let supports = |what: &str| candidate.model.supports.iter().any(|known| known == what);
    let reasons = supports("reasoning");
    // The catalogue often does not list what a model without reasoning supports.
    let samples = !reasons || supports("temperature");
    let vendor = &candidate.upstream.vendor;
    let wants_reasoning = reasons && vendor.wants_reasoning;
    let dialect = candidate.upstream.dialect;
    let knows_five = vendor.knows_five_efforts.unwrap_or(dialect == Dialect::OpenaiResponses);
    let efforts = if knows_five { Efforts::Five } else { Efforts::Three };
    Target {
        dialect,
        vendor: &vendor.id,
        output_max,
        reasons,
        samples,
        wants_reasoning,
        efforts,
        call_id_length: vendor.call_id_length,
    }
}

fn translated<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    from: Dialect,
    to: &Target<'_>,
    attached: &Attached,
) -> Result<Translated, Fault> {
    Ok(translate_with(from, to, fields, attached).map_err(RequestFault::from)?)
}

impl Gateway {
    /// Reads a request, with the attachments that were fetched for it. The plan is in a box, since it is large and given on.
    pub(super) fn plan<'a>(
        &self,
        (request, served): (&'a InferenceRequest, &Arc<Served>),
        hash: &dyn Fn(&str) -> String,
        attached: Attached,
    ) -> Result<Box<Plan<'a>>, Fault> {
        let how = Scrub { strictness: request.strictness, hash };
        let scrubbed = self.policies.of(request.api).scrub(&request.body, &how).map_err(RequestFault::from)?;
        let dialect = dialect_of(request.api);
        let path = request.path.as_ref();
        let mut facts = RequestFacts::read(dialect, request_fields(path, &scrubbed)).map_err(RequestFault::from)?;
        if dialect == Dialect::OpenaiEmbeddings {
            // Embeddings have no output that is billed.
            facts.output_cap = Some(0);
        }
        let wanted = window_suffix_off(request.api, &facts.model);
        let models = models(&served.catalog, (wanted, scrubbed.ours("models")), &request.spender)?;
        if let Some(first) = models.first() {
            request.trace.asks(first);
        }
        let preferences = Preferences::read(scrubbed.ours("provider"))?;
        let conversation = self.conversation(request, &scrubbed, &models);
        let sticky = conversation.and_then(|conversation| self.sticky.get(&conversation));
        let sticky = sticky.as_deref().map(|vendor| StickyVendor { vendor, holds_seals: holds_seals(&request.body) });
        let candidates = self.candidates((served, &models), dialect, &preferences, sticky)?;
        let is_vendor = |name: &str| served.upstreams.get(name).is_some();
        let without = |(name, raw): (&str, &str)| {
            unsealed(dialect, name, raw, &is_vendor).map(|unsealed| (name.to_owned(), unsealed))
        };
        let unsealed = scrubbed.fields().find_map(without);
        let asked = models.first().map(Arc::clone).ok_or(Fault::Overflow)?;
        let mut plan = Box::new(Plan {
            served: Arc::clone(served),
            asked,
            scrubbed,
            path,
            attached,
            unsealed,
            dialect,
            facts,
            requires_all: preferences.require_parameters,
            routes: Vec::new(),
            conversation,
            is_counted: false,
        });
        plan.routes = plan.fit(candidates, request.strictness, preferences.is_limited_to_first())?;
        Ok(plan)
    }

    /// Identifies the conversation of a request, where its model has several routes: the provider that served it before
    /// has its cache, and can read what it sealed.
    fn conversation(
        &self,
        request: &InferenceRequest,
        scrubbed: &Scrubbed<'_>,
        models: &[Arc<Model>],
    ) -> Option<ConversationId> {
        let has_one_route = matches!(models, [model] if model.others.is_empty());
        (!has_one_route).then(|| self.conversation_of(request, scrubbed))
    }

    /// A hash of the client's name for the conversation or, without one, of how it begins.
    fn conversation_of(&self, request: &InferenceRequest, scrubbed: &Scrubbed<'_>) -> ConversationId {
        let named = scrubbed.ours("session_id").or(request.session.as_deref());
        let begin = |name: &str| {
            let raw = scrubbed.get(name).unwrap_or_default().as_bytes();
            raw.get(..BEGINNING_BYTES).unwrap_or(raw)
        };
        let parts: Vec<&[u8]> = match named {
            Some(named) => vec![named.as_bytes()],
            None => ["prompt_cache_key", "system", "instructions", "messages", "input", "contents"].map(begin).to_vec(),
        };
        let user = request.spender.user.bits().to_be_bytes();
        self.hash_key.hash(&[&[&user[..]], parts.as_slice()].concat())
    }
}

/// The models that may serve a request, in their order.
fn models(
    catalog: &Catalog,
    (first, others): (&str, Option<&str>),
    spender: &Spender,
) -> Result<Vec<Arc<Model>>, Fault> {
    let mut models: Vec<Arc<Model>> = Vec::new();
    let others = fallbacks(others)?;
    for name in std::iter::once(first).chain(others.iter().map(String::as_str)) {
        let model = catalog.resolve(name).map_err(RequestFault::from)?;
        allowed(spender, catalog, model)?;
        if !models.iter().any(|known| known.id == model.id) {
            models.push(Arc::clone(model));
        }
    }
    Ok(models)
}

/// A client of the messages API marks the larger of two windows at the end of a model's name. Models here have one.
pub(super) fn window_suffix_off(api: Api, model: &str) -> &str {
    let base = model.strip_suffix(WINDOW_SUFFIX).filter(|_| api == Api::AnthropicMessages);
    base.unwrap_or(model)
}

/// What such a client writes.
const WINDOW_SUFFIX: &str = "[1m]";

/// Members that hold content which only the provider that sealed it can read.
const SEALS: [&str; 4] = ["\"signature\"", "\"encrypted_content\"", "houghtSignature\"", "\"reasoning_details\""];

fn holds_seals(body: &[u8]) -> bool {
    SEALS.iter().any(|seal| memchr::memmem::find(body, seal.as_bytes()).is_some())
}

/// The length of a conversation's beginning that identifies it, for each field.
const BEGINNING_BYTES: usize = 512;

impl Plan<'_> {
    /// The candidates that can carry the request. A route that cannot express all of it is left out where another can.
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

    /// The field with the ids of calls, where the provider does not take them as they are.
    fn fitted_ids(&self, candidate: &RouteCandidate) -> Option<(String, String)> {
        let length = candidate.upstream.vendor.call_id_length;
        self.scrubbed.fields().find_map(|(name, raw)| {
            let raw = self.replacement_of(name).unwrap_or(raw);
            fitted_ids(self.dialect, name, raw, length).map(|fitted| (name.to_owned(), fitted))
        })
    }

    fn fitted(&self, candidate: RouteCandidate, strictness: Strictness) -> Result<PlannedRoute, Fault> {
        let (mut facts, mut translation) = (self.facts.clone(), None);
        let takes_names = || self.scrubbed.get("tools").is_none_or(|tools| takes_names(self.dialect, tools));
        let is_own = candidate.upstream.dialect == self.dialect && takes_names();
        let fitted = if is_own { self.fitted_ids(&candidate) } else { None };
        if !is_own {
            let to = target(&candidate, candidate.model.max_output_tokens);
            let fields = request_fields(self.path, &self.scrubbed);
            let translated = translated(fields, self.dialect, &to, &self.attached)?;
            let strictness = if self.requires_all { Strictness::Strict } else { strictness };
            refuse_drops(strictness, &translated)?;
            facts = facts_of(&translated, candidate.upstream.dialect, facts)?;
            translation = Some(translated);
        }
        let card = &candidate.route().card;
        if let Some((tool, _)) = facts.uses.iter().find(|(tool, _)| !card.prices(*tool)) {
            return Err(
                RequestFault::ToolWithoutPrice { tool: tool.name(), model: candidate.model.id.to_string() }.into()
            );
        }
        let vendor = &candidate.upstream.vendor;
        let calls_max = self.scrubbed.get(TOOL_CALLS_MAX).filter(|_| is_own && !vendor.omit.iter().any(is_calls_max));
        let uses = uses_of(&facts, calls_max.and_then(|raw| raw.trim().parse().ok()));
        let tool_uses_max = (!uses.is_empty()).then_some(USES_MAX);
        let embeddings = (self.dialect == Dialect::OpenaiEmbeddings)
            .then(|| EmbeddingForm::asked(self.scrubbed.get("encoding_format")));
        let (translated, estimate) = (translation, estimate_of(&facts, &candidate));
        Ok(PlannedRoute { candidate, translated, fitted, embeddings, facts, estimate, uses, tool_uses_max })
    }
}

/// The input on a route, as estimated from the facts of the request.
fn estimate_of(facts: &RequestFacts, candidate: &RouteCandidate) -> InputEstimate {
    InputEstimate::of(facts, candidate.model.family).at(&candidate.upstream.vendor, facts.choices)
}

/// The uses of a tool that a request without a limit may have. The facts of a request count it so.
const USES_MAX: u64 = 10;

/// The uses of each built-in tool, at most: the limits of one that is named several times are added. `calls_max` is the
/// client's limit for all of them together, which one of them may use up.
fn uses_of(facts: &RequestFacts, calls_max: Option<u64>) -> Vec<(ToolUse, Tokens)> {
    let of = |tool: ToolUse| {
        let limits = facts.uses.iter().filter(|(named, _)| *named == tool).map(|(_, limit)| *limit);
        let sum = limits.reduce(u64::saturating_add)?;
        Some((tool, Tokens::new(calls_max.unwrap_or(sum))))
    };
    ToolUse::ALL.into_iter().filter_map(of).collect()
}

fn is_calls_max(field: &String) -> bool {
    field == TOOL_CALLS_MAX
}

/// The facts of a translated request: costs follow from what is sent, the form of the answer from what the client asked for.
fn facts_of(translated: &Translated, dialect: Dialect, client: RequestFacts) -> Result<RequestFacts, Fault> {
    let fields = translated.fields.iter().map(|(name, value)| (*name, value.as_str()));
    let mut facts = RequestFacts::read_as(dialect, fields, client.input_amount).map_err(RequestFault::from)?;
    facts.output_cap = translated.output_cap;
    facts.model = client.model;
    facts.stream = client.stream;
    facts.usage_chunk_requested = client.usage_chunk_requested;
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

/// Refuses a model that is not on the key's list. The list may name a model by any of its names, as a request may.
fn allowed(spender: &Spender, catalog: &Catalog, model: &Model) -> Result<(), Fault> {
    let is_model = |name: &String| catalog.get(name).is_some_and(|named| named.id == model.id);
    match &spender.allowed_models {
        Some(models) if !models.iter().any(is_model) => {
            Err(RequestFault::ModelNotAllowed { model: model.id.to_string() }.into())
        }
        _ => Ok(()),
    }
}
