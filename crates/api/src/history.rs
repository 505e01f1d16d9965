//! What a person sees of the past: requests, money, usage in groups.

use crate::address::Query;
use crate::answer::Answer;
use crate::auth::{Reader, reader};
use crate::csv::csv_line;
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::lookups::{finish_reason, source};
use crate::openapi::shapes;
use crate::query::{Parameters, known_only, span};
use crate::state::App;
use crate::usage::usd;
use crate::{auth, faults, json};
use axum::body::Body;
use axum::extract::State;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use opencredits_ledger::EntryRow;
use opencredits_service::{
    Fault, Generation, GenerationFilter, GenerationStatus, Money, MoneyCursor,
    books::{self, Derived},
    day_text,
};
use opencredits_store::{Days, RequestMark, UsageBy, UsageFilter, UsageGroup, UsageOf, UsageOrder, UsageQuery};
use opencredits_units::{EntryId, NanoUsd, Tokens, UnixMs};
use serde_json::{Map, Value, json};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

/// The default and the largest length of a page.
const PAGE: usize = 50;
const PAGE_MAX: usize = 100;
/// The largest number of groups of an activity.
const GROUPS_MAX: u32 = 10_000;
/// The days of an activity without dates.
const DAYS: u64 = 30;

/// The parameters of each route.
const OF_GENERATIONS: [&str; 10] =
    ["from", "to", "limit", "cursor", "status", "key_id", "model", "app_id", "app", "partner"];
const OF_TRANSACTIONS: [&str; 4] = ["from", "to", "limit", "cursor"];
const OF_ACTIVITY: [&str; 9] = ["from", "to", "group_by", "format", "key_id", "model", "app_id", "app", "partner"];

/// `GET /v1/generations`.
#[utoipa::path(
    get,
    path = "/v1/generations",
    summary = "Past requests",
    description = "The newest first. A user key sees its own requests; a management key or a session sees those of all keys.",
    security(("user_key" = []), ("management_key" = []), ("session" = [])),
    params(
        ("cursor" = Option<String>, Query, description = "The cursor of the page before; the first page without it."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The most rows of a page."),
        ("status" = Option<shapes::GenerationState>, Query, description = "How the requests ended."),
        ("from" = Option<String>, Query, description = "A day such as 2026-11-30, or a time such as 2026-11-30T08:00:00Z."),
        ("to" = Option<String>, Query, description = "A day, which is included, or a time, which is not."),
        ("model" = Option<String>, Query, description = "A model."),
        ("key_id" = Option<String>, Query, description = "The id of a key."),
        ("app_id" = Option<String>, Query, description = "The id of an app."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::PastPage<shapes::GenerationRow>)),
)]
pub(crate) async fn generations(
    State(app): State<Arc<App>>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let of = usage_of(&reader(&app, &headers).await?);
    known_only(&app, (&headers, &query), &OF_GENERATIONS)?;
    let status = optional(&query, "status", GenerationStatus::parse, "completed, cancelled or empty")?;
    let (from, until) = span(&query)?;
    let from = from.unwrap_or_default();
    let filter = GenerationFilter { usage: filter(&app, of, &query)?, status, from, until };
    let cursor = optional(&query, "cursor", read_mark, "the next_cursor of the page before")?;
    let max = limit(&query)?;
    let behind = app.gateway.usage().refresh().await.map_err(problem)?;
    let page = app.gateway.usage().generations(filter, cursor, max).await.map_err(problem)?;
    let data: Vec<Value> = page.requests.iter().map(|request| generation(&app, request)).collect();
    Ok(json::ok(&list(data, page.next.map(|mark| format!("{:016x}", mark.bits())), behind)))
}

/// `GET /v1/transactions`.
#[utoipa::path(
    get,
    path = "/v1/transactions",
    summary = "Money",
    description = "What was paid into the balance and taken out of it besides requests, the newest first.",
    security(("management_key" = []), ("session" = [])),
    params(
        ("cursor" = Option<String>, Query, description = "The cursor of the page before; the first page without it."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The most rows of a page."),
        ("from" = Option<String>, Query, description = "A day such as 2026-11-30, or a time such as 2026-11-30T08:00:00Z."),
        ("to" = Option<String>, Query, description = "A day, which is included, or a time, which is not."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::PastPage<shapes::Transaction>)),
)]
pub(crate) async fn transactions(
    State(app): State<Arc<App>>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    // A key that an app has does not tell what its person pays.
    let wallet = auth::manager(&app, &headers).await?.wallet;
    known_only(&app, (&headers, &query), &OF_TRANSACTIONS)?;
    let (from, until) = span(&query)?;
    let end = until.map_or((UnixMs::new(u64::MAX), EntryId::default()), |until| (until, EntryId::default()));
    let cursor = optional(&query, "cursor", read_money_cursor, "the next_cursor of the page before")?;
    let before = cursor.map_or(end, |cursor| cursor.min(end));
    let max = u32::try_from(limit(&query)?).unwrap_or(u32::MAX);
    let behind = app.gateway.usage().refresh().await.map_err(problem)?;
    let span = (from.unwrap_or_default(), before);
    let page = app.gateway.usage().transfers(wallet, span, max).await.map_err(problem)?;
    let data: Vec<Value> = page.transfers.iter().map(|money| transaction(&app, money)).collect();
    Ok(json::ok(&list(data, page.next.map(write_money_cursor), behind)))
}

fn list(data: Vec<Value>, next: Option<String>, behind: u64) -> Value {
    json!({ "object": "list", "data": data, "has_more": next.is_some(), "next_cursor": next, "entries_behind": behind })
}

fn generation(app: &App, request: &Generation) -> Value {
    let record = &request.record;
    let usage = record.usage();
    json!({
        "id": request.id,
        "created_at": timestamp(request.id.made_at()),
        "model": record.model,
        "provider_name": record.vendor,
        "api_type": record.api.name(),
        "key_id": record.key,
        "app_id": request.partner,
        "status": GenerationStatus::of(record).name(),
        "streamed": record.streamed,
        "finish_reason": finish_reason(&record.native_finish),
        "latency": record.latency_ms,
        "generation_time": record.duration_ms,
        "tokens_prompt": usage.input_total().map(Tokens::get),
        "tokens_completion": usage.output_total().map(Tokens::get),
        "usage_source": source(record.source),
        "usage": json::number(app.settings.credit_price.show(request.collected)),
        "total_cost": json::number(usd(request.collected)),
    })
}

fn transaction(app: &App, money: &Money) -> Value {
    let Money { entry, amount } = money;
    let reason = std::str::from_utf8(&entry.memo).ok();
    let reason = reason.filter(|text| !text.is_empty() && !text.chars().any(char::is_control));
    json!({
        "id": entry.id,
        "created_at": timestamp(entry.at),
        "type": kind_of(entry, *amount),
        "amount": json::number(app.settings.credit_price.show(*amount)),
        "amount_usd": amount,
        "reason": reason,
    })
}

/// What a transfer of a wallet is, by the account on its other side.
pub(crate) fn kind_of(entry: &EntryRow, amount: NanoUsd) -> &'static str {
    let has = |account| entry.legs.iter().any(|(of, _)| *of == account);
    match amount.is_negative() {
        false if has(books::PROMOTION) => "grant",
        true if has(books::PROMOTION) => "grant_taken",
        false if has(books::EXCHANGE) => "purchase",
        true if has(books::EXCHANGE) => "refund",
        false if has(books::REVENUE) => "charge_refunded",
        true if entry.legs.iter().any(|(of, _)| Derived::of(*of) == Some(Derived::Debt)) => "debt_paid",
        true if entry.legs.iter().any(|(of, _)| Derived::of(*of) == Some(Derived::Frozen)) => "frozen",
        false if entry.legs.iter().any(|(of, _)| Derived::of(*of) == Some(Derived::Frozen)) => "unfrozen",
        _ => "correction",
    }
}

/// `GET /v1/activity`.
#[utoipa::path(
    get,
    path = "/v1/activity",
    summary = "Usage in groups",
    description = "The sums of requests by day, model, key and app. Without dates it covers the last 30 days.",
    security(("user_key" = []), ("management_key" = []), ("session" = [])),
    params(
        ("group_by" = Option<String>, Query, description = "A list of day, model, key and app, separated by commas; `day,model` without it."),
        ("format" = Option<String>, Query, pattern = "^(json|ndjson|csv)$", description = "json, ndjson or csv; `Accept` decides without it."),
        ("from" = Option<String>, Query, description = "A day such as 2026-11-30, or a time such as 2026-11-30T08:00:00Z."),
        ("to" = Option<String>, Query, description = "A day, which is included, or a time, which is not."),
        ("model" = Option<String>, Query, description = "A model."),
        ("key_id" = Option<String>, Query, description = "The id of a key."),
        ("app_id" = Option<String>, Query, description = "The id of an app."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused."),
    ),
    responses((status = 200, description = "Groups.", content((shapes::Activity = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")))),
)]
pub(crate) async fn activity(
    State(app): State<Arc<App>>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let of = usage_of(&reader(&app, &headers).await?);
    known_only(&app, (&headers, &query), &OF_ACTIVITY)?;
    let form = form(&query, &headers)?;
    let by = groups(&query)?;
    let (from, until) = span(&query)?;
    let to = until.map_or(app.gateway.clock().now().day(), |until| UnixMs::new(until.get().saturating_sub(1)).day());
    let from = from.map_or(to.saturating_sub(DAYS.saturating_sub(1)), UnixMs::day);
    let filter = filter(&app, of, &query)?;
    let usage = app.gateway.usage();
    let behind = usage.refresh().await.map_err(problem)?;
    let order = if by.contains(&UsageBy::Day) { UsageOrder::Newest } else { UsageOrder::Highest };
    let query = UsageQuery { filter, days: Days { from, to }, by: by.clone(), order, max: GROUPS_MAX };
    let found = usage.sums(query).await.map_err(problem)?;
    let rows: Vec<Vec<(&'static str, Value)>> = found.iter().map(|group| row(&app, group, &by)).collect();
    let object = |row: Vec<(&'static str, Value)>| -> Value {
        row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
    };
    Ok(match form {
        Form::Json => json::ok(&json!({
            "object": "list",
            "from": day_text(from),
            "to": day_text(to),
            "data": rows.into_iter().map(object).collect::<Vec<_>>(),
            "entries_behind": behind,
        })),
        Form::Ndjson => {
            let lines = rows.into_iter().map(|row| json::text(&object(row)));
            text("application/x-ndjson", lines.flat_map(|line| [line, b"\n".to_vec()].concat()).collect())
        }
        Form::Csv => text("text/csv; charset=utf-8", csv(&app, &rows, &by).into_bytes()),
    })
}

/// The form of an activity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Ndjson,
    Csv,
}

/// The table, also when it is empty.
fn csv(app: &App, rows: &[Vec<(&'static str, Value)>], by: &[UsageBy]) -> String {
    let empty = row(app, &UsageGroup::default(), by);
    let mut out = csv_line(empty.iter().map(|(name, _)| *name));
    for row in rows {
        let cells = row.iter().map(|(_, value)| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            number => String::from_utf8(json::text(number)).unwrap_or_default(),
        });
        out.push_str(&csv_line(cells.collect::<Vec<_>>().iter().map(String::as_str)));
    }
    out
}

fn text(kind: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn row(app: &App, group: &UsageGroup, by: &[UsageBy]) -> Vec<(&'static str, Value)> {
    let property = |by: &UsageBy| match by {
        UsageBy::Day => ("date", json!(group.day.map(day_text))),
        UsageBy::Model => ("model", json!(group.model)),
        UsageBy::Key => ("key_id", json!(group.key)),
        UsageBy::Vendor => ("provider_name", json!(group.vendor)),
        UsageBy::Partner => ("app_id", json!(group.partner)),
        UsageBy::User => ("user_id", json!(group.user)),
    };
    let sums = &group.sums;
    let figures = [
        ("requests", json!(sums.requests)),
        ("prompt_tokens", json!(sums.input_tokens)),
        ("cached_tokens", json!(sums.cache_read_tokens)),
        ("cache_write_tokens", json!(sums.cache_write_tokens)),
        ("completion_tokens", json!(sums.output_tokens)),
        ("reasoning_tokens", json!(sums.reasoning_tokens)),
        ("usage", json::number(app.settings.credit_price.show(sums.charged))),
        ("total_cost", json::number(usd(sums.charged))),
        ("upstream_inference_cost", json::number(usd(sums.cost))),
    ];
    by.iter().map(property).chain(figures).collect()
}

fn form(query: &Parameters, headers: &HeaderMap) -> Result<Form, Problem> {
    let named = |name: &str| match name {
        "json" => Some(Form::Json),
        "ndjson" => Some(Form::Ndjson),
        "csv" => Some(Form::Csv),
        _ => None,
    };
    if let Some(form) = optional(query, "format", named, "json, ndjson or csv")? {
        return Ok(form);
    }
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kinds = accepted.flat_map(|list| list.split(',')).filter_map(|kind| kind.split(';').next());
    let form = kinds.map(str::trim).find_map(|kind| match kind {
        "application/json" | "*/*" => Some(Form::Json),
        "application/x-ndjson" | "application/ndjson" => Some(Form::Ndjson),
        "text/csv" => Some(Form::Csv),
        _ => None,
    });
    Ok(form.unwrap_or(Form::Json))
}

fn groups(query: &Parameters) -> Result<Vec<UsageBy>, Problem> {
    let named = |name: &str| match name.trim() {
        "day" | "date" => Some(UsageBy::Day),
        "model" => Some(UsageBy::Model),
        "key" => Some(UsageBy::Key),
        "app" | "partner" => Some(UsageBy::Partner),
        _ => None,
    };
    let mut by = Vec::new();
    for name in query.get("group_by").map_or("day,model", String::as_str).split(',') {
        let found = named(name).ok_or_else(|| wrong("group_by", "a list of day, model, key and app"))?;
        if !by.contains(&found) {
            by.push(found);
        }
    }
    Ok(by)
}

fn usage_of(reader: &Reader) -> UsageOf {
    match reader {
        Reader::Manager(manager) => UsageOf::User(manager.user),
        Reader::Key(spender) => UsageOf::Key(spender.key),
    }
}

fn filter(app: &App, of: UsageOf, query: &Parameters) -> Result<UsageFilter, Problem> {
    let model = query.get("model").filter(|name| !name.is_empty()).map(|name| {
        // A model that is not on sale any more has requests, too.
        app.gateway.catalog().resolve(name).map_or_else(|_| name.clone(), |model| model.id.to_string())
    });
    let app_name = ["app", "partner"].into_iter().find(|name| query.contains_key(*name)).unwrap_or("app_id");
    Ok(UsageFilter {
        of,
        // A parameter `key` is refused everywhere, since people put secrets there.
        key: parsed(query, "key_id", "the id of a key, key_…")?,
        model,
        vendor: None,
        partner: parsed(query, app_name, "the id of an app, partner_…")?,
    })
}

fn limit(query: &Parameters) -> Result<usize, Problem> {
    let within = |text: &str| text.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
    Ok(optional(query, "limit", within, "a number from 1 to 100")?.unwrap_or(PAGE))
}

fn parsed<T: FromStr>(query: &Parameters, name: &'static str, expected: &str) -> Result<Option<T>, Problem> {
    optional(query, name, |text| text.parse().ok(), expected)
}

/// A parameter; `None` where it is not there or empty.
fn optional<T>(
    query: &Parameters,
    name: &'static str,
    read: impl FnOnce(&str) -> Option<T>,
    expected: impl Display,
) -> Result<Option<T>, Problem> {
    match query.get(name).filter(|text| !text.is_empty()) {
        Some(text) => read(text).map(Some).ok_or_else(|| wrong(name, expected)),
        None => Ok(None),
    }
}

fn wrong(name: &'static str, expected: impl Display) -> Problem {
    Problem::new(ErrorType::InvalidRequest, format!("{name} is not {expected}")).with("param", name)
}

pub(crate) fn read_mark(text: &str) -> Option<RequestMark> {
    (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok().map(RequestMark::from_bits))?
}

pub(crate) fn write_money_cursor((at, entry): MoneyCursor) -> String {
    format!("{:x}.{:032x}", at.get(), entry.bits())
}

pub(crate) fn read_money_cursor(text: &str) -> Option<MoneyCursor> {
    let (at, entry) = text.split_once('.')?;
    let at = UnixMs::new(u64::from_str_radix(at, 16).ok()?);
    Some((at, EntryId::from_bits(u128::from_str_radix(entry, 16).ok()?)))
}
