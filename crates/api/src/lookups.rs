//! Look-ups of a key's owner: balance, key, generation, features.

use crate::address::Query;
use crate::answer::Answer;
use crate::auth::{Reader, reader, spender};
use crate::carried::session_digest;
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::openapi::shapes;
use crate::query::{Parameters, known_only};
use crate::state::App;
use crate::usage::{costs_by_side, usd};
use crate::{faults, json, key_limits};
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Response};
use opencredits_keys::Mode;
use opencredits_ledger::EntryRow;
use opencredits_service::{Fault, GenerationRecord, KeyRates, Line, UsageSource, books, charge_of, check_bill};
use opencredits_units::{Bucket, GenerationId, NanoUsd, Tokens};
use serde_json::{Value, json};
use std::sync::Arc;

/// How a charge is rounded, for a bill.
const ROUNDING: &str = "the sum of quantity × rate of all lines, with the markup, is rounded once, up, to 0.000000001; the \
                        commission is rounded down";

/// `GET /v1/credits/balance`.
#[utoipa::path(
    get,
    path = "/v1/credits/balance",
    summary = "The balance",
    description = "The balance in credits, with the holds of running requests.",
    security(("user_key" = []), ("management_key" = []), ("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::Balance)),
)]
pub(crate) async fn balance(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    // A management key tells more, at /v1/credits.
    let reader = match session_digest(&headers) {
        Ok(_) => reader(&app, &headers).await?,
        Err(_) => Reader::Key(spender(&app, &headers).await?),
    };
    let balance = app.gateway.ledger().balance(reader.wallet()).await;
    let balance = balance.map_err(|error| faults::problem(&error.into(), &app.settings))?;
    // The posted balance: the hold of a running request is not spent yet.
    let balance = json::number(app.settings.credit_price.show(balance.posted));
    Ok(json::ok(&json!({ "balance": balance })))
}

/// `GET /v1/key`: the key's own limits, rates and usage, in credits.
#[utoipa::path(
    get,
    path = "/v1/key",
    summary = "The key that asks",
    description = "Limits, rates and usage of the key that asks.",
    security(("user_key" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::OwnKey>)),
)]
pub(crate) async fn key(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let spender = spender(&app, &headers).await?;
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let now = app.gateway.clock().now();
    let usage = app.gateway.usage().usage_of(spender.key, now).await.map_err(problem)?;
    let credits = |amount: NanoUsd| json::number(app.settings.credit_price.show(amount));
    let limits = key_limits::limits_of(&app, &spender).await?;
    let own = limits.iter().find(|limit| limit["whose"] == "key").cloned().unwrap_or_default();
    Ok(json::ok(&json!({ "data": {
            "label": spender.label,
            "limit": own["limit"],
            "limit_reset": own["limit_reset"],
            "limit_remaining": own["limit_remaining"],
            "limits": limits,
            "usage": credits(usage.total),
            "usage_daily": credits(usage.daily),
            "usage_weekly": credits(usage.weekly),
            "usage_monthly": credits(usage.monthly),
            "is_test": app.gateway.mode() == Mode::Test,
            "mode": app.gateway.mode().name(),
            "expires_at": spender.expires_at.map(timestamp),
            "allowed_models": spender.allowed_models,
            "rate_limit": spender.rates.as_deref().map(rate_limit),
    }})))
}

/// The rates of a key, and what is left of them.
fn rate_limit(rates: &KeyRates) -> Value {
    let figures = rates.rates();
    json!({
        "interval": "1m",
        "requests": figures.requests_per_minute,
        "requests_remaining": rates.requests().map(|window| window.left),
        "tokens": figures.tokens_per_minute,
        "tokens_remaining": rates.tokens().map(|window| window.left),
        "parallel": figures.parallel_max,
        "running": rates.running(),
    })
}

/// `GET /v1/features`.
#[utoipa::path(
    get,
    path = "/v1/features",
    summary = "What is offered here",
    description = "Whether credits are enabled, and the country.",
    responses((status = 200, description = "What was asked for.", body = shapes::Features)),
)]
pub(crate) async fn features(State(app): State<Arc<App>>) -> Response<Body> {
    let front = app.settings.front.now();
    json::ok(&json!({ "opencredits_enabled": front.enabled, "country": front.country }))
}

/// `GET /v1/generation?id=`: the whole bill of a request, as soon as it is charged.
#[utoipa::path(
    get,
    path = "/v1/generation",
    summary = "The bill of a request",
    description = "The whole bill of a request, as soon as it is charged.",
    security(("user_key" = []), ("management_key" = []), ("session" = [])),
    params(
        ("id" = String, Query, description = "The id of a request, `gen_…` or `req_…`."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::GenerationBill>)),
)]
pub(crate) async fn generation(
    State(app): State<Arc<App>>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let reader = reader(&app, &headers).await?;
    known_only(&app, (&headers, &query), &["id"])?;
    let wallet = reader.wallet();
    let id = query.get("id").map(|id| id.replacen("req_", "gen_", 1));
    let id: GenerationId = id
        .as_deref()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| Problem::new(ErrorType::InvalidRequest, "ask with ?id=gen_…, as x-generation-id names it"))?;
    let entry = charge_of(app.gateway.ledger(), id).await;
    let entry = entry.map_err(|error| faults::problem(&error.into(), &app.settings))?;
    let own = entry.filter(|entry| entry.legs.first().is_some_and(|(account, _)| *account == wallet));
    let unknown = || Problem::new(ErrorType::NotFound, format!("there is no generation {id} of this account"));
    let entry = own.ok_or_else(unknown)?;
    let record = GenerationRecord::from_memo(&entry.memo).map_err(|_| unknown())?;
    let partner = app.gateway.keyring().partner_of(record.key).await;
    let partner = partner.map_err(|fault| faults::problem(&fault, &app.settings))?;
    let collected = entry.legs.first().and_then(|(_, amount)| amount.checked_neg()).unwrap_or_default();
    let mut data = shown(&app, id, &record, collected);
    data["app_id"] = json!(partner);
    data["bill"]["legs"] = legs(&entry);
    data["bill"]["rounding"] = json!(ROUNDING);
    // What was not reported, or not believed, is charged within the hold: then the lines may make more.
    let is_bounded = matches!(record.source, UsageSource::Estimated | UsageSource::Implausible);
    data["bill"]["is_bounded"] = json!(is_bounded);
    data["bill"]["recomputed"] = json!(check_bill(&entry).and_then(|check| check.recomputed));
    if let Some((input, output)) = record.reported {
        data["usage_reported"] = json!({"input": input.get(), "output": output.get()});
    }
    Ok(json::ok(&json!({ "data": data })))
}

fn shown(app: &App, id: GenerationId, record: &GenerationRecord, collected: NanoUsd) -> Value {
    let usage = record.usage();
    let count = |bucket| usage.get(bucket).map(Tokens::get);
    let writes = [Bucket::CacheWrite5m, Bucket::CacheWrite1h, Bucket::CacheWriteOther];
    let written = writes.into_iter().filter_map(count).reduce(u64::saturating_add);
    let (input, output) = (usage.input_total().map(Tokens::get), usage.output_total().map(Tokens::get));
    let (prompt_cost, completion_cost) = costs_by_side(record);
    let charge = record.charge();
    json!({
        "id": id,
        "upstream_id": record.upstream_id,
        "request_id": id.to_string().replacen("gen_", "req_", 1),
        "model": record.model,
        "provider_name": record.vendor,
        "api_type": record.api.name(),
        "streamed": record.streamed,
        "cancelled": record.cancelled,
        "created_at": timestamp(id.made_at()),
        "latency": record.latency_ms,
        "generation_time": record.duration_ms,
        "finish_reason": finish_reason(&record.native_finish),
        "native_finish_reason": record.native_finish,
        "tokens_prompt": input,
        "tokens_completion": output,
        "native_tokens_prompt": input,
        "native_tokens_completion": output,
        "native_tokens_reasoning": count(Bucket::Reasoning),
        "native_tokens_cached": count(Bucket::CacheRead),
        "native_tokens_cache_write": written,
        "usage": json::number(app.settings.credit_price.show(collected)),
        "total_cost": json::number(usd(collected)),
        "upstream_inference_cost": json::number(usd(record.cost)),
        "cache_discount": Value::Null,
        "service_tier": Some(&record.tier).filter(|tier| !tier.is_empty()),
        "attempts": attempts(record),
        "usage_source": source(record.source),
        "bill": {
            "price_book": record.price_book.to_string(),
            "lines": record.lines.iter().map(line).collect::<Vec<_>>(),
            "other_models": record.side_bills.iter().map(|side| json!({
                "model": side.model, "lines": side.lines.iter().map(line).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "prompt_cost": prompt_cost.to_string(),
            "completion_cost": completion_cost.to_string(),
            "cost": record.cost,
            "markup_bps": record.markup,
            "partner_share_bps": record.partner_share,
            "margin": charge.margin,
            "commission": record.commission_on(collected),
            "total": record.total,
            "collected": collected,
            "currency": "USD",
        },
    })
}

/// What was booked: from whom and to whom. The first leg is the payer's.
pub(crate) fn legs(entry: &EntryRow) -> Value {
    let legs = entry.legs.iter().enumerate().map(|(at, (account, amount))| {
        let house = books::NAMES.iter().find(|(house, _)| house == account).map(|(_, name)| *name);
        // A capture takes from limits, and gives what it took to an account that counts it.
        let mirrors = |other: &NanoUsd| other.checked_neg() == Some(*amount);
        let counted = entry.legs.iter().skip(1).take(at.saturating_sub(1)).any(|(_, other)| mirrors(other));
        let other = match amount.is_negative() {
            true => "limit",
            false if counted => "limit_spent",
            false => "partner",
        };
        json!({ "account": if at == 0 { "wallet" } else { house.unwrap_or(other) }, "amount": amount })
    });
    legs.collect()
}

/// The provider's finish reason in the vocabulary of `openai-chat`; none for an unknown one.
pub(crate) fn finish_reason(native: &str) -> Option<&'static str> {
    Some(match native {
        "stop" | "end_turn" | "stop_sequence" | "completed" | "STOP" | "COMPLETE" | "STOP_SEQUENCE" | "OTHER" => "stop",
        // A paused turn is incomplete.
        "length" | "max_tokens" | "max_output_tokens" | "MAX_TOKENS" => "length",
        "model_context_window_exceeded" | "pause_turn" => "length",
        "tool_calls" | "function_call" | "tool_use" | "TOOL_CALL" => "tool_calls",
        "content_filter" | "refusal" | "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" => "content_filter",
        "SPII" | "LANGUAGE" | "IMAGE_SAFETY" => "content_filter",
        "error" | "ERROR" => "error",
        _ => return None,
    })
}

/// The attempts of a request, in their order; the last is the one that is billed.
fn attempts(record: &GenerationRecord) -> Vec<Value> {
    let failed = record.failed_attempts.iter().map(|attempt| {
        let status = (attempt.status > 0).then_some(attempt.status);
        json!({"provider_name": attempt.vendor, "status": status, "ended_ms": attempt.ms})
    });
    let last = json!({"provider_name": record.vendor, "status": 200, "ended_ms": record.duration_ms});
    failed.chain([last]).collect()
}

fn line(line: &Line) -> Value {
    json!({
        "what": line.name(),
        "quantity": line.quantity(),
        "rate": line.rate().usd_per_unit().to_string(),
        "amount": line.amount().to_string(),
    })
}

pub(crate) const fn source(source: UsageSource) -> &'static str {
    match source {
        UsageSource::Reported => "reported",
        UsageSource::Estimated => "estimated",
        UsageSource::Quarantined => "quarantined",
        UsageSource::NothingProduced => "nothing_produced",
        UsageSource::Implausible => "implausible",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_reasons_of_all_providers_are_in_one_vocabulary() {
        let check = |native: &[&str], expect: Option<&str>| {
            native.iter().for_each(|native| assert_eq!(finish_reason(native), expect, "{native}"));
        };
        check(&["stop", "end_turn", "STOP", "COMPLETE", "completed"], Some("stop"));
        check(&["length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "pause_turn"], Some("length"));
        check(&["tool_calls", "tool_use", "TOOL_CALL"], Some("tool_calls"));
        check(&["content_filter", "refusal", "SAFETY"], Some("content_filter"));
        check(&["", "a word of next year"], None);
    }
}
