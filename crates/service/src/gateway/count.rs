//! How many tokens a request would be: by its provider's count, else by an estimate.

use super::Gateway;
use super::admit::Call;
use super::estimate::input_about;
use super::plan::{Plan, PlannedRoute, dialect_of, said};
use crate::fault::{Fault, RequestFault};
use opencredits_catalog::Density;
use opencredits_providers::{
    Attached, ErrorKind, RequestError, RequestFacts, Rewrite, UpstreamError, UpstreamRequest, upstream_body,
};
use opencredits_sanitizer::{Scrub, Strictness};
use serde::Deserialize;

/// What follows the path of a dialect where tokens are counted.
const COUNT_PATH: &str = "/count_tokens";
/// The fields that are counted; others are refused there.
const COUNTED: [&str; 7] = ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"];
/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How many tokens a request would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Its input.
    pub input_tokens: u64,
    /// Whether no provider has counted it.
    pub is_estimated: bool,
}

#[derive(Deserialize)]
struct Answer {
    input_tokens: u64,
}

impl Gateway {
    /// Counts the input of a request. It costs nothing and is sent to the provider's counter alone, where there is one.
    ///
    /// # Errors
    /// When the request is wrong, or names an unknown model.
    pub async fn count(&self, call: &Call) -> Result<Counted, Fault> {
        let hash = |value: &str| self.pseudonym(&call.spender, value);
        let plan = match self.plan(call, &hash, Attached::default()) {
            // Nothing is fetched for what costs nothing.
            Err(Fault::Request(RequestFault::Field(RequestError::NeedsBytes { .. }))) => return self.count_alone(call),
            plan => plan?,
        };
        for planned in plan.candidates.iter().filter(|planned| planned.candidate.upstream.counts()) {
            if let Some(input_tokens) = self.ask_counter(call, &plan, planned).await? {
                return Ok(Counted { input_tokens, is_estimated: false });
            }
        }
        let about =
            |planned: &PlannedRoute| input_about(planned.facts.seen, Density::of(&planned.candidate.model)).get();
        Ok(Counted { input_tokens: plan.candidates.first().map(about).unwrap_or_default(), is_estimated: true })
    }

    /// An estimate without the words of any provider.
    fn count_alone(&self, call: &Call) -> Result<Counted, Fault> {
        let how = Scrub { strictness: Strictness::Lax, hash: &str::to_owned };
        let scrubbed = self.policies.of(call.api).scrub(&call.body, &how).map_err(RequestFault::from)?;
        let said = said(call.named.as_ref(), &scrubbed);
        let facts = RequestFacts::read(dialect_of(call.api), said).map_err(RequestFault::from)?;
        let model = self.catalog.resolve(&facts.model).map_err(RequestFault::from)?;
        Ok(Counted { input_tokens: input_about(facts.seen, Density::of(model)).get(), is_estimated: true })
    }

    /// The provider's count; `None` where it gives none now.
    async fn ask_counter(&self, call: &Call, plan: &Plan<'_>, planned: &PlannedRoute) -> Result<Option<u64>, Fault> {
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
            headers.extend(call.headers.clone());
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
