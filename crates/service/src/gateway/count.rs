//! Counts the input tokens of a request: by its provider's counter, else by an estimate.

use super::estimate::input_estimate;
use super::plan::{Plan, PlannedRoute};
use super::request::{InferenceRequest, dialect_of, request_fields};
use super::state::Gateway;
use crate::fault::{Fault, RequestFault};
use opencredits_providers::{
    Attached, ErrorKind, RequestError, RequestFacts, Rewrite, UpstreamError, UpstreamRequest, upstream_body,
};
use opencredits_sanitizer::{Scrub, Strictness};
use serde::Deserialize;

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

#[derive(Deserialize)]
struct Answer {
    input_tokens: u64,
}

impl Gateway {
    /// Counts the input of a request. It is free of charge, and goes to a provider's counter only.
    ///
    /// # Errors
    /// When the request is invalid, or names an unknown model.
    pub async fn count(&self, request: &InferenceRequest) -> Result<Counted, Fault> {
        let hash = |value: &str| self.pseudonym(&request.spender, value);
        let plan = match self.plan(request, &hash, Attached::default()) {
            // Attachments are not fetched for a request that is free.
            Err(Fault::Request(RequestFault::Field(RequestError::NeedsBytes { .. }))) => {
                return self.count_untranslated(request);
            }
            plan => plan?,
        };
        for planned in plan.routes.iter().filter(|planned| planned.candidate.upstream.counts()) {
            if let Some(input_tokens) = self.ask_counter(request, &plan, planned).await? {
                return Ok(Counted { input_tokens, is_estimated: false });
            }
        }
        let estimate = |planned: &PlannedRoute| input_estimate(&planned.facts, planned.candidate.model.family).get();
        Ok(Counted { input_tokens: plan.routes.first().map(estimate).unwrap_or_default(), is_estimated: true })
    }

    /// An estimate from the client's body, where it cannot be translated.
    fn count_untranslated(&self, request: &InferenceRequest) -> Result<Counted, Fault> {
        let how = Scrub { strictness: Strictness::Lax, hash: &str::to_owned };
        let scrubbed = self.policies.of(request.api).scrub(&request.body, &how).map_err(RequestFault::from)?;
        let fields = request_fields(request.path.as_ref(), &scrubbed);
        let facts = RequestFacts::read(dialect_of(request.api), fields).map_err(RequestFault::from)?;
        let model = self.catalog.resolve(&facts.model).map_err(RequestFault::from)?;
        Ok(Counted { input_tokens: input_estimate(&facts, model.family).get(), is_estimated: true })
    }

    /// The provider's count; `None` where its counter fails.
    async fn ask_counter(
        &self,
        request: &InferenceRequest,
        plan: &Plan<'_>,
        planned: &PlannedRoute,
    ) -> Result<Option<u64>, Fault> {
        let (candidate, now) = (&planned.candidate, self.ports.clock.now());
        let (vendor, dialect) = (&candidate.upstream.vendor, candidate.upstream.dialect);
        let address = [&vendor.url(dialect, "", false), COUNT_PATH].concat().parse();
        let (Ok(url), Some(account)) = (address, candidate.upstream.account(now)) else {
            return Ok(None);
        };
        let counted = plan.fields(planned).into_iter().filter(|(name, _)| COUNTED.contains(name));
        let fields: Vec<(&str, &str)> = counted.collect();
        let model = &candidate.route().upstream_model;
        let body = upstream_body(&fields, &Rewrite { vendor, dialect, model, output_cap: None, stream: false });
        let mut headers = account.headers.clone();
        if planned.translated.is_none() {
            headers.extend(request.headers.clone());
        }
        let Ok(response) = candidate.upstream.transport.send(UpstreamRequest { url, headers, body: body.into() }).await
        else {
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
                Err(RequestFault::Uncountable { message: error.message }.into())
            }
            _ => {
                tracing::warn!(
                    vendor = &*vendor.id,
                    status = error.status,
                    "the provider does not count now; the count is estimated"
                );
                Ok(None)
            }
        }
    }
}
