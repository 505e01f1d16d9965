//! What people do with their own keys, by a management key.

use crate::address::{Path, Query};
use crate::answer::{Answer, created};
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::openapi::shapes;
use crate::query::{Parameters, known_only};
use crate::state::App;
use crate::{auth, body, faults, json, key_fields};
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use opencredits_service::accounts::{AccountsError, Edit, KeyEdit, NewKey, NewLimit};
use opencredits_service::{Fault, Manager};
use opencredits_store::{Key, LimitReset, Rates};
use opencredits_units::{KeyId, NanoUsd};
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::sync::Arc;

/// The largest body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Keys on a page.
const PAGE_MAX: u32 = 100;
/// Keys in force that a person may have before no further one is made here.
const KEYS_MAX: u32 = 1_000;

/// `GET /v1/keys`: the person's keys that are not revoked, by their creation.
#[utoipa::path(
    get,
    path = "/v1/keys",
    summary = "Keys",
    description = "The keys of the person that are not revoked, the oldest first.",
    security(("management_key" = []), ("session" = [])),
    params(
        ("cursor" = Option<String>, Query, description = "The cursor of the page before; the first page without it."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The most rows of a page."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::Page<shapes::KeyRecord>)),
)]
pub(crate) async fn list(State(app): State<Arc<App>>, Query(query): Query<Parameters>, headers: HeaderMap) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    known_only(&app, (&headers, &query), &["cursor", "limit"])?;
    let (after, max) = page(&query)?;
    let found = app.accounts.keys_page(manager.user, after, max).await.map_err(|error| problem(&app, error))?;
    let next = found.last().filter(|_| u32::try_from(found.len()).is_ok_and(|len| len >= max)).map(|key| key.id);
    let mut data = Vec::with_capacity(found.len());
    for key in &found {
        data.push(shown(&app, key).await?);
    }
    Ok(json::ok(&json!({ "data": data, "next": next })))
}

/// The cursor and the length of a page.
fn page(query: &Parameters) -> Result<(KeyId, u32), Problem> {
    let wrong = |name: &str, what: String| Problem::new(ErrorType::InvalidRequest, what).with("param", name);
    // Ignored, it would give the first page again and again.
    if query.contains_key("offset") {
        return Err(wrong(
            "offset",
            "pages go on by cursor, the `next` of the page before; leave offset out".to_owned(),
        ));
    }
    let after = match query.get("cursor") {
        Some(text) => {
            text.parse().map_err(|_| wrong("cursor", "cursor is the `next` of the page before".to_owned()))?
        }
        None => KeyId::default(),
    };
    let max = match query.get("limit").map(|text| text.parse::<u32>()) {
        None => PAGE_MAX,
        Some(Ok(count)) if (1..=PAGE_MAX).contains(&count) => count,
        Some(_) => return Err(wrong("limit", format!("limit is a number from 1 to {PAGE_MAX}"))),
    };
    Ok((after, max))
}

/// `POST /v1/keys`: makes a key. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/v1/keys",
    summary = "Make a key",
    description = "The key itself is in this answer and nowhere else.",
    security(("management_key" = []), ("session" = [])),
    request_body = shapes::KeyToMake,
    responses((status = 201, description = "It was made.", body = shapes::NewKeyRecord)),
)]
pub(crate) async fn add(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let manager = changing(&app, &headers).await?;
    let edit = read(&app, &headers, body).await?;
    let there = app.accounts.keys_page(manager.user, KeyId::default(), PAGE_MAX).await;
    if there.map_err(|error| problem(&app, error))?.len() >= usize::try_from(PAGE_MAX).unwrap_or(usize::MAX) {
        refuse_too_many(&app, manager).await?;
    }
    let new = new_key(manager, edit)?;
    let (key, secret) = app.accounts.add_key(new).await.map_err(|error| problem(&app, error))?;
    app.accounts.record_new_key(manager, key.id).await.map_err(|error| problem(&app, error))?;
    Ok(created(&json!({ "data": shown(&app, &key).await?, "key": secret.reveal() })))
}

/// Counts page by page: few people have more than one.
async fn refuse_too_many(app: &App, manager: Manager) -> Result<(), Problem> {
    let (mut after, mut count) = (KeyId::default(), 0_u32);
    loop {
        let page = app.accounts.keys_page(manager.user, after, PAGE_MAX).await.map_err(|error| problem(app, error))?;
        count = count.saturating_add(u32::try_from(page.len()).unwrap_or(u32::MAX));
        match page.last() {
            _ if count >= KEYS_MAX => {
                let message = format!("there are {KEYS_MAX} keys already; revoke some before making another");
                return Err(Problem::new(ErrorType::InvalidRequest, message));
            }
            Some(last) => after = last.id,
            None => return Ok(()),
        }
    }
}

/// A key of its fields.
fn new_key(manager: Manager, edit: KeyEdit) -> Result<NewKey, Problem> {
    let missing = |name: &str, what: &str| Problem::new(ErrorType::InvalidRequest, what).with("param", name);
    let name = edit.name.ok_or_else(|| missing("name", "name is missing; give the key one"))?;
    if edit.disabled == Some(true) {
        return Err(missing("disabled", "disabled is for keys that are there; make the key, and switch it off then"));
    }
    let limit = match (set(edit.limit), set::<LimitReset>(edit.limit_reset)) {
        (Some(amount), reset) => Some(NewLimit { amount, reset }),
        (None, Some(_)) => return Err(missing("limit", "limit_reset needs a limit; set one too")),
        (None, None) => None,
    };
    let rates = Rates {
        requests_per_minute: set::<NonZeroU32>(edit.requests_per_minute),
        tokens_per_minute: set(edit.tokens_per_minute),
        parallel_max: set(edit.parallel_max),
    };
    Ok(NewKey {
        user: manager.user,
        partner: None,
        name,
        limit,
        expires_at: set(edit.expires_at),
        allowed_models: set(edit.allowed_models),
        rates,
    })
}

fn set<T>(edit: Edit<T>) -> Option<T> {
    match edit {
        Edit::Set(value) => Some(value),
        Edit::Keep | Edit::Clear => None,
    }
}

/// `GET /v1/keys/{id}`.
#[utoipa::path(
    get,
    path = "/v1/keys/{id}",
    summary = "A key",
    description = "A key of the person, without its secret.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a key.")),
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::KeyRecord>)),
)]
pub(crate) async fn one(State(app): State<Arc<App>>, Path(key): Path<String>, headers: HeaderMap) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    let found = app.accounts.key_in_force(key_id(&key)?, Some(manager.user)).await;
    let found = found.map_err(|error| problem(&app, error))?;
    Ok(json::ok(&json!({ "data": shown(&app, &found).await? })))
}

/// `PATCH /v1/keys/{id}`: changes what is named; `null` removes.
#[utoipa::path(
    patch,
    path = "/v1/keys/{id}",
    summary = "Change a key",
    description = "What is absent stays, and null removes.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a key.")),
    request_body = shapes::KeyChange,
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::KeyRecord>)),
)]
pub(crate) async fn edit(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let manager = changing(&app, &headers).await?;
    let key = key_id(&key)?;
    let edit = read(&app, &headers, body).await?;
    let edited = app.accounts.edit_key((key, Some(manager.user)), edit, manager.actor).await;
    let edited = edited.map_err(|error| problem(&app, error))?;
    Ok(json::ok(&json!({ "data": shown(&app, &edited).await? })))
}

/// `DELETE /v1/keys/{id}`: revokes it, for ever and at once.
#[utoipa::path(
    delete,
    path = "/v1/keys/{id}",
    summary = "Revoke a key",
    description = "For ever and at once.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a key.")),
    responses((status = 200, description = "What was asked for.", body = shapes::Deleted)),
)]
pub(crate) async fn revoke(State(app): State<Arc<App>>, Path(key): Path<String>, headers: HeaderMap) -> Answer {
    let manager = changing(&app, &headers).await?;
    let key = key_id(&key)?;
    app.accounts.revoke_own_key(manager, key).await.map_err(|error| problem(&app, error))?;
    Ok(json::ok(&json!({ "data": { "id": key, "deleted": true }, "deleted": true })))
}

/// `GET /v1/credits`: what a person has got and used in total, in credits.
#[utoipa::path(
    get,
    path = "/v1/credits",
    summary = "Credits in total",
    description = "What the person got and used in total.",
    security(("management_key" = []), ("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::CreditTotals>)),
)]
pub(crate) async fn credits(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    let ours = |fault: Fault| faults::problem(&fault, &app.settings);
    let used = app.gateway.usage().charged_to(manager.user).await.map_err(ours)?;
    let balance = app.gateway.ledger().balance(manager.wallet).await.map_err(|error| ours(error.into()))?;
    let owed = owed(&app, manager).await?;
    let got = balance.posted.checked_add(used).ok_or(Fault::Overflow).map_err(ours)?;
    let shown = |amount: NanoUsd| json::number(app.settings.credit_price.show(amount));
    Ok(json::ok(&json!({ "data": {
        "mode": app.gateway.mode().name(),
        "total_credits": shown(got),
        "total_usage": shown(used),
        "balance": shown(balance.posted),
        "held": shown(balance.held),
        "available": shown(balance.available),
        "owed": shown(owed),
    }})))
}

/// What the person owes after credits were taken back that they had spent.
async fn owed(app: &App, manager: Manager) -> Result<NanoUsd, Problem> {
    let Some(payments) = app.payments.as_deref() else { return Ok(NanoUsd::ZERO) };
    let owed = payments.purchases.owed(manager.user).await;
    owed.map_err(|_| faults::problem(&Fault::Overflow, &app.settings))
}

/// The person who makes a change, unless they make too many.
pub(crate) async fn changing(app: &App, headers: &HeaderMap) -> Result<Manager, Problem> {
    let manager = auth::manager(app, headers).await?;
    let admitted = app.gateway.keyring().admit_change(manager).await;
    admitted.map_err(|fault| faults::problem(&fault, &app.settings))?;
    Ok(manager)
}

async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<KeyEdit, Problem> {
    let body = body::read_small(app, (headers, body), BODY_BYTES_MAX).await?;
    key_fields::read(&body, app.settings.credit_price)
}

fn key_id(text: &str) -> Result<KeyId, Problem> {
    text.parse().map_err(|_| no_key())
}

fn no_key() -> Problem {
    Problem::new(ErrorType::NotFound, "you have no such key; GET /v1/keys lists those that you have")
}

pub(crate) fn problem(app: &App, error: AccountsError) -> Problem {
    match error {
        AccountsError::NoKey { .. } => no_key(),
        AccountsError::NoModel(error) => {
            Problem::new(ErrorType::InvalidRequest, error.to_string()).with("param", "allowed_models")
        }
        AccountsError::Invalid { .. } => Problem::new(ErrorType::InvalidRequest, error.to_string()),
        AccountsError::Ledger(error) => faults::problem(&error.into(), &app.settings),
        AccountsError::Store(error) => faults::problem(&error.into(), &app.settings),
        _ => faults::problem(&Fault::Closing, &app.settings),
    }
}

/// A key without its secret, in the shape that programs know from other gateways.
async fn shown(app: &App, key: &Key) -> Result<Value, Problem> {
    let now = app.gateway.clock().now();
    let usage = app.gateway.usage().usage_of(key.id, now).await;
    let usage = usage.map_err(|fault| faults::problem(&fault, &app.settings))?;
    let left = app.accounts.left_of(key.limit).await.map_err(|error| problem(app, error))?;
    let credits = |amount: NanoUsd| json::number(app.settings.credit_price.show(amount));
    let Rates { requests_per_minute, tokens_per_minute, parallel_max } = key.rates;
    Ok(json!({
        "id": key.id,
        "hash": key.id,
        "name": key.name,
        "label": format!("oc_sk_…{}", key.hint),
        "disabled": key.disabled,
        "limit": left.map(|left| credits(left.limit.amount)),
        "limit_remaining": left.map(|left| credits(left.available)),
        "limit_reset": left.and_then(|left| left.limit.reset).map(LimitReset::name),
        "limit_resets_at": left.and_then(|left| left.resets_at).map(timestamp),
        "usage": credits(usage.total),
        "usage_daily": credits(usage.daily),
        "usage_weekly": credits(usage.weekly),
        "usage_monthly": credits(usage.monthly),
        "created_at": timestamp(key.created_at),
        "expires_at": key.expires_at.map(timestamp),
        "allowed_models": key.allowed_models,
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "parallel_max": parallel_max,
        "app_id": key.partner,
    }))
}
