//! Counts the input tokens of a request: by its provider's counter, else by an estimate.

use super::estimate::InputEstimate;
use super::plan::{Plan, PlannedRoute, window_suffix_off};
use super::prepared_upstream::PreparedUpstream;
use super::request::{InferenceRequest, request_fields};
use super::served::Served;
use super::state::Gateway;
use crate::api_dialects::dialect_of;
use crate::fault::{Fault, RequestFault};
use opencredits_providers::{
    Attached, ErrorKind, RequestError, RequestFacts, Rewrite, UpstreamError, UpstreamRequest, UpstreamResponse,
    upstream_body,
};
use opencredits_sanitizer::{Scrub, Strictness};
use serde::Deserialize;
use std::sync::Arc;

/// The counter's path, below that of the dialect.
const COUNT_PATH: &str = "/count_tokens";
/// The fields that the counter takes; it refuses others.
const COUNTED: [&str; 7] = ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"];
/// The largest answer of a counter, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The count of a request's input tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The input tokens.
    pub input_tokens: u64,
    /// Whether it is an estimate and not a provider's count.
    pub is_estimated: bool,
}

/// How a request may be counted.
struct Counting {
    served: Arc<Served>,
    calls: Vec<CounterCall>,
    estimate: u64,
}

/// A request to a provider's counter.
struct CounterCall {
    upstream: Arc<PreparedUpstream>,
    request: UpstreamRequest,
}

#[derive(Deserialize)]
struct Answer {
    input_tokens: u64,
}

impl Gateway {
    /// Counts the input of a request. It is free of charge, and goes to a provider's counter only.
    ///
    /// # Errors
    /// When the request is invalid, or names an unknown model.
    pub async fn count(self: &Arc<Self>, request: InferenceRequest) -> Result<Counted, Fault> {
        let gateway = Arc::clone(self);
        let counting = self.large.run(request.body.len(), move || gateway.counting(&request)).await??;
        for call in counting.calls {
            if let Some(input_tokens) = self.ask_counter(call, &counting.served).await? {
                return Ok(Counted { input_tokens, is_estimated: false });
            }
        }
        Ok(Counted { input_tokens: counting.estimate, is_estimated: true })
    }

    /// The calls of counters that may be made, and the estimate without one.
    fn counting(&self, request: &InferenceRequest) -> Result<Counting, Fault> {
        let hash = |value: &str| self.pseudonym(&request.spender, value);
        let served = self.served.load_full();
        let plan = match self.plan((request, &served), &hash, Attached::default()) {
            // Attachments are not fetched for a request that is free.
            Err(Fault::Request(RequestFault::Field(RequestError::NeedsBytes { .. }))) => {
                return self.count_untranslated(request, served);
            }
            plan => plan?,
        };
        let counters = plan.routes.iter().filter(|planned| planned.candidate.upstream.counts());
        let calls = counters.filter_map(|planned| self.counter_call(request, &plan, planned)).collect();
        let estimate = |planned: &PlannedRoute| planned.estimate.tokens().get();
        let estimate = plan.routes.first().map(estimate).unwrap_or_default();
        Ok(Counting { served, calls, estimate })
    }

    /// An estimate from the client's body, where it cannot be translated.
    fn count_untranslated(&self, request: &InferenceRequest, served: Arc<Served>) -> Result<Counting, Fault> {
        let how = Scrub { strictness: Strictness::Lax, hash: &str::to_owned };
        let scrubbed = self.policies.of(request.api).scrub(&request.body, &how).map_err(RequestFault::from)?;
        let fields = request_fields(request.path.as_ref(), &scrubbed);
        let facts = RequestFacts::read(dialect_of(request.api), fields).map_err(RequestFault::from)?;
        let model = served.catalog.resolve(window_suffix_off(request.api, &facts.model)).map_err(RequestFault::from)?;
        let estimate = InputEstimate::of(&facts, model.family).tokens().get();
        Ok(Counting { served, calls: Vec::new(), estimate })
    }

    /// The call of a provider's counter; `None` where none of its accounts can be used.
    fn counter_call(&self, request: &InferenceRequest, plan: &Plan<'_>, planned: &PlannedRoute) -> Option<CounterCall> {
        let (candidate, now) = (&planned.candidate, self.ports.clock.now());
        let (vendor, dialect) = (&candidate.upstream.vendor, candidate.upstream.dialect);
        let url = [&vendor.url(dialect, "", false), COUNT_PATH].concat().parse().ok()?;
        let account = candidate.upstream.account(now)?;
        let counted = plan.fields(planned).into_iter().filter(|(name, _)| COUNTED.contains(name));
        let fields: Vec<(&str, &str)> = counted.collect();
        let model = &candidate.route().upstream_model;
        let body = upstream_body(
            &fields,
            &Rewrite { vendor, dialect, model, output_cap: None, tool_uses_max: None, stream: false },
        );
        let mut headers = account.headers.clone();
        if planned.translated.is_none() {
            headers.extend(request.headers.clone());
        }
        let request = UpstreamRequest { url, headers, body: body.into() };
        Some(CounterCall { upstream: Arc::clone(&candidate.upstream), request })
    }

    /// The provider's count; `None` where its counter fails.
    async fn ask_counter(
        &self,
        CounterCall { upstream, request }: CounterCall,
        served: &Served,
    ) -> Result<Option<u64>, Fault> {
        let Ok(Ok(response)) = upstream.transport.send(request).await.map(UpstreamResponse::decoded) else {
            return Ok(None);
        };
        let status = response.status;
        let answer = response.body.read_all(ANSWER_BYTES_MAX).await.unwrap_or_default();
        if status.is_success() {
            return Ok(serde_json::from_slice::<Answer>(&answer).ok().map(|answer| answer.input_tokens));
        }
        let error = UpstreamError::read(status.as_u16(), &answer, None);
        match error.kind {
            ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::TooLarge => {
                Err(RequestFault::Uncountable { message: served.upstreams.keys.taken_out_of(error.message) }.into())
            }
            _ => {
                tracing::warn!(
                    vendor = &*upstream.vendor.id,
                    status = error.status,
                    "the provider does not count now; the count is estimated"
                );
                Ok(None)
            }
        }
    }
}
