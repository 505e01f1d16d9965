//! Turns a fault of the service into an error response. Nothing else does.

use crate::errors::{ErrorType, Problem};
use crate::state::ApiSettings;
use opencredits_ledger::LedgerError;
use opencredits_service::{
    Fault, KeyFault, LimitKind, NoRoute, PaymentNeeded, Previous, RateKind, RateLimited, RequestFault, Short,
    UpstreamFault, UpstreamKind,
};
use opencredits_units::{NanoUsd, UnixMs};
use serde_json::{Value, json};

/// The `Retry-After` of a request that we cannot take now, in ms.
const STALL_MS: u64 = 1_000;

/// The error response of a fault.
pub(crate) fn problem(fault: &Fault, settings: &ApiSettings) -> Problem {
    match fault {
        Fault::Key(key) => match key_type(*key) {
            kind @ ErrorType::Authentication => Problem::new(kind, key.to_string()).challenge(&settings.challenge),
            kind => Problem::new(kind, key.to_string()),
        },
        Fault::Request(request) => request_problem(request),
        Fault::Payment(needed) => payment_problem(needed, settings),
        Fault::Rate(limited) => rate_problem(limited),
        Fault::Duplicate { first } => {
            Problem::new(ErrorType::DuplicateRequest, fault.to_string()).with("generation_id", first.to_string())
        }
        Fault::Upstream(upstream) => upstream_problem(upstream),
        Fault::Overflow => Problem::new(ErrorType::InvalidRequest, fault.to_string()),
        Fault::Memory(_) => no_memory(),
        Fault::Closing => unavailable("the service is stopping; send the request again"),
        Fault::Ledger(error) => {
            // The disk is behind, full or damaged: it is well again within seconds, or the operator has to act.
            match error {
                LedgerError::Limit { .. } | LedgerError::Poisoned | LedgerError::Storage(_) => {
                    tracing::error!(part = "ledger", %error, "a request is refused");
                    unavailable("the books cannot be written now, so no request can be charged; try again")
                }
                LedgerError::Away => {
                    tracing::error!(part = "ledger", %error, "a request is refused");
                    unavailable(
                        "the database of the books does not answer now, so no request can be charged; try again",
                    )
                }
                LedgerError::CommitUnknown => {
                    tracing::error!(part = "ledger", %error, "the outcome of a request is not known");
                    unavailable(
                        "it is not known whether the request was charged; the books tell once they answer again",
                    )
                }
                LedgerError::Archived { .. } => Problem::new(
                    ErrorType::NotFound,
                    "the record of this request is archived; the operator of this service can bring it back",
                ),
                error => ours("ledger", error),
            }
        }
        Fault::Store(error) if error.is_away() => {
            tracing::error!(part = "store", %error, "a request is refused");
            unavailable("the database does not answer now; try again")
        }
        Fault::Store(error) => ours("store", error),
        Fault::Record(error) => ours("record", error),
        _ => Problem::new(ErrorType::Server, "something went wrong on our side; try again"),
    }
}

/// The refusal of a request for which no memory is left.
pub(crate) fn no_memory() -> Problem {
    unavailable("too many large requests are running; try again")
}

/// A request that we cannot take now, and can soon.
pub(crate) fn unavailable(message: &'static str) -> Problem {
    Problem::new(ErrorType::Unavailable, message).retry_after_ms(Some(STALL_MS))
}

/// Our own failure: the operator's log has the details, the client does not.
fn ours(part: &'static str, error: &dyn std::error::Error) -> Problem {
    tracing::error!(part, %error, "a request failed on our side");
    Problem::new(
        ErrorType::Server,
        "something went wrong on our side; nothing was charged that is not in the books; try again",
    )
}

const fn key_type(fault: KeyFault) -> ErrorType {
    match fault {
        KeyFault::Suspended
        | KeyFault::Paused
        | KeyFault::Disabled
        | KeyFault::ManagesOnly
        | KeyFault::SpendsOnly
        | KeyFault::ReportsOnly
        | KeyFault::SignsInOnly
        | KeyFault::NoPartner => ErrorType::PermissionDenied,
        _ => ErrorType::Authentication,
    }
}

fn request_problem(fault: &RequestFault) -> Problem {
    use opencredits_catalog::CatalogError;
    use opencredits_providers::FetchError;
    use opencredits_sanitizer::SanitizeError;
    let kind = match fault {
        RequestFault::Model(CatalogError::UnknownModel { .. }) | RequestFault::NoRoute(_) => ErrorType::NotFound,
        RequestFault::ModelNotAllowed { .. } => ErrorType::ModelNotAllowed,
        RequestFault::Attachment { problem } => match problem {
            FetchError::Type => ErrorType::UnsupportedImageFormat,
            FetchError::TooLarge { .. } => ErrorType::ImageTooLarge,
            FetchError::Unreachable | FetchError::Status { .. } => ErrorType::ImageDownloadFailed,
            _ => ErrorType::InvalidRequest,
        },
        RequestFault::ToolWithoutPrice { .. }
        | RequestFault::Body(SanitizeError::NotPassedOn { .. } | SanitizeError::Refused { .. })
        | RequestFault::Field(
            opencredits_providers::RequestError::Unsupported { .. }
            | opencredits_providers::RequestError::NeedsBytes { .. }
            | opencredits_providers::RequestError::Untranslatable { .. },
        ) => ErrorType::UnsupportedParameter,
        _ => ErrorType::InvalidRequest,
    };
    let problem = Problem::new(kind, fault.to_string());
    match fault {
        RequestFault::Preference { field, .. } => problem.with("param", field.as_str()),
        RequestFault::ToolWithoutPrice { .. } => problem.with("param", "tools"),
        RequestFault::Field(opencredits_providers::RequestError::Unsupported { field, .. }) => {
            problem.with("param", *field)
        }
        RequestFault::Field(
            opencredits_providers::RequestError::Missing { field, .. }
            | opencredits_providers::RequestError::Field { field, .. },
        ) => problem.with("param", *field),
        RequestFault::IdempotencyKey { .. } => problem.with("param", "Idempotency-Key"),
        RequestFault::NoRoute(none) => problem.with("availability", availability(none)),
        RequestFault::Body(error) => match error.field() {
            Some(field) => problem.with("param", field),
            None => problem,
        },
        _ => problem,
    }
}

/// The reasons why no provider is left, for programs.
fn availability(none: &NoRoute) -> Value {
    let code = match none.excluded.as_slice() {
        [] => "no_endpoints",
        all if all.iter().all(|(_, why)| why.is_privacy()) => "privacy_restricted",
        _ => "constraint_filtered",
    };
    let vendors: Vec<&str> = none.excluded.iter().map(|(vendor, _)| &**vendor).collect();
    let mut fields: Vec<&str> = none.excluded.iter().map(|(_, why)| why.field()).collect();
    fields.dedup();
    json!({
        "code": code, "retryable": false, "retry_after": null, "requested_models": none.models,
        "affected_providers": vendors, "excluded_by": fields,
    })
}

fn payment_problem(needed: &PaymentNeeded, settings: &ApiSettings) -> Problem {
    let show = |amount| settings.credit_price.show(amount).to_string();
    // What was refused unread needs more than nothing.
    let required = show(needed.required.unwrap_or(NanoUsd::new(1)));
    let available = show(needed.available);
    let (kind, limit, what) = match needed.short {
        Short::Balance => (ErrorType::PaymentRequired, "balance", "the balance"),
        Short::Limit(whose) => (ErrorType::LimitReached, limit_name(whose), limit_words(whose)),
    };
    let resets_at = needed.resets_at.map(timestamp);
    let other = match (needed.short, &resets_at) {
        (Short::Balance, _) => format!("top up at {}", settings.top_up_url),
        (Short::Limit(_), Some(at)) => format!("wait until it begins anew at {at}, or have it raised"),
        (Short::Limit(LimitKind::Key), None) => "use a key with a higher limit".to_owned(),
        (Short::Limit(_), None) => "have it raised".to_owned(),
    };
    let remedy = match needed.affordable_max_tokens {
        Some(tokens) if tokens > 0 => format!("ask for at most {tokens} output tokens, or {other}"),
        _ if needed.available > NanoUsd::ZERO => format!("shorten the input, or {other}"),
        _ => other,
    };
    let message = match needed.required {
        Some(_) => format!("this request may cost {required} credits and {what} has {available}; {remedy}"),
        None => format!("{what} has {available} credits; {remedy}"),
    };
    let problem = Problem::new(kind, message)
        .with("required", required)
        .with("available", available)
        .with("affordable_max_tokens", needed.affordable_max_tokens.unwrap_or(0))
        .with("top_up_url", settings.top_up_url.clone())
        .with("limit", limit);
    match resets_at {
        Some(at) => problem.with("limit_resets_at", at),
        None => problem,
    }
}

/// Whose limit it is, for programs.
pub(crate) const fn limit_name(whose: LimitKind) -> &'static str {
    match whose {
        LimitKind::Key => "key",
        LimitKind::Grant => "grant",
        LimitKind::Person => "person",
    }
}

const fn limit_words(whose: LimitKind) -> &'static str {
    match whose {
        LimitKind::Key => "the limit of this key",
        LimitKind::Grant => "the limit of this app at this person",
        LimitKind::Person => "the limit of this person",
    }
}

fn rate_problem(limited: &RateLimited) -> Problem {
    let RateLimited { kind, max, wait_ms } = *limited;
    let what = match kind {
        RateKind::Requests => format!("{max} requests in a minute"),
        RateKind::Tokens => format!("{max} tokens in a minute"),
        RateKind::Parallel => format!("{max} requests at once"),
    };
    let seconds = wait_ms.div_ceil(1_000);
    let message = format!("this key may send {what}; try again in {seconds} seconds");
    let limit = match kind {
        RateKind::Requests => "requests_per_minute",
        RateKind::Tokens => "tokens_per_minute",
        RateKind::Parallel => "parallel_max",
    };
    Problem::new(ErrorType::RateLimitExceeded, message).with("limit", limit).retry_after_ms(Some(wait_ms))
}

/// A time as clients see it.
pub(crate) fn timestamp(at: UnixMs) -> String {
    let ms = i64::try_from(at.get()).unwrap_or_default();
    jiff::Timestamp::from_millisecond(ms).map(|at| at.to_string()).unwrap_or_default()
}

fn upstream_problem(fault: &UpstreamFault) -> Problem {
    let kind = match fault.kind {
        UpstreamKind::InvalidRequest => ErrorType::InvalidRequest,
        UpstreamKind::ContextLength => ErrorType::ContextLengthExceeded,
        UpstreamKind::ContentPolicy => ErrorType::ContentPolicyViolation,
        UpstreamKind::TooLarge => ErrorType::PayloadTooLarge,
        UpstreamKind::RateLimited => ErrorType::RateLimitExceeded,
        UpstreamKind::Overloaded => ErrorType::ProviderOverloaded,
        UpstreamKind::TimedOut => ErrorType::ProviderTimeout,
        _ => ErrorType::ProviderUnavailable,
    };
    let message = fault.message.clone().unwrap_or_else(|| fault.to_string());
    let previous = |earlier: &Previous| json!({"provider_name": earlier.vendor, "status": (earlier.status > 0).then_some(earlier.status)});
    let previous: Vec<Value> = fault.previous.iter().map(previous).collect();
    let problem = Problem::new(kind, message).retry_after_ms(fault.retry_after_ms).with("previous_errors", previous);
    match &fault.code {
        Some(code) => problem.with("provider_code", code.as_str()),
        None => problem,
    }
}
