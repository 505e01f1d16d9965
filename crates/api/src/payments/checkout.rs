//! Orders: begin one, see what became of it.

use super::problem::{self, decimal, text_of, wrong};
use super::{BODY_BYTES_MAX, Buyer, buyer, payments};
use crate::address::{Path, Query};
use crate::answer::{Answer, created};
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::openapi::shapes;
use crate::state::App;
use crate::{body, json};
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use opencredits_billing::{Currency, Money, SaveMethod};
use opencredits_service::config::minor;
use opencredits_service::purchases::NewOrder;
use opencredits_store::{Order, OrderOrigin, OrderState};
use opencredits_units::{OrderId, UserId};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The header that makes a repetition harmless.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const KEY_CHARS_MAX: usize = 255;
const URL_CHARS_MAX: usize = 2_048;
/// Orders on a page.
const PAGE_MAX: u32 = 100;
const FIELDS: [&str; 6] = ["amount", "currency", "email", "success_url", "cancel_url", "save_method"];

/// `GET /v1/credits/offer`: how credits are sold; with `?amount=`, also what that amount gives.
#[utoipa::path(
    get,
    path = "/v1/credits/offer",
    summary = "How credits are sold",
    description = "The currencies, amounts and prices.",
    params(("amount" = Option<String>, Query, description = "An amount whose price is told, too.")),
    responses((status = 200, description = "What was asked for.", body = shapes::Offer)),
)]
pub(crate) async fn offer(State(app): State<Arc<App>>, Query(query): Query<Vec<(String, String)>>) -> Answer {
    let terms = payments(&app)?.purchases.terms();
    let credits = |amount| json::number(app.settings.credit_price.show(amount));
    let asked = query.iter().find(|(name, _)| name == "amount").map(|(_, amount)| {
        minor(amount).ok_or_else(|| wrong("amount", "amount is no decimal with at most two places"))
    });
    let asked = asked.transpose()?;
    let currencies = terms.currencies.iter().map(|sold| {
        let priced = |minor: i64| {
            let price = terms.price(Money::new(minor, sold.currency)).ok()?;
            Some(json!({
                "amount": decimal(minor),
                "fee": decimal(price.fee_minor),
                "total": decimal(price.total.minor()),
                "credits": credits(price.credits),
                "bonus": credits(price.bonus),
            }))
        };
        let mut shown = json!({
            "currency": sold.currency.code(),
            "amount_min": decimal(sold.amount_minor_min),
            "amount_max": decimal(sold.amount_minor_max),
            "suggested": sold.suggested_minor.iter().filter_map(|minor| priced(*minor)).collect::<Vec<_>>(),
        });
        if let Some(minor) = asked {
            shown["asked"] = json!(priced(minor));
        }
        shown
    });
    Ok(json::ok(&json!({ "currencies": currencies.collect::<Vec<_>>() })))
}

/// `POST /v1/credits/checkout`: begins a purchase.
#[utoipa::path(
    post,
    path = "/v1/credits/checkout",
    summary = "Buy credits",
    description = "Begins a purchase, which is paid on the page at `checkout_url`.",
    security(("user_key" = []), ("management_key" = []), ("session" = [])),
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description = "The same key gives the same answer, and charges once.")),
    request_body = shapes::Purchase,
    responses((status = 201, description = "It was made.", body = shapes::OrderRecord)),
)]
pub(crate) async fn begin(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let purchases = &payments(&app)?.purchases;
    let buyer = buyer(&app, &headers).await?;
    let fields = fields(&app, &headers, body).await?;
    let email = email(&app, &fields, buyer.user).await?;
    let new = new_order(&app, &fields, Customer { buyer, email }, &headers)?;
    let order = purchases.begin(new).await.map_err(|error| problem::of(&app, error))?;
    Ok(created(&shown(&app, &order)))
}

/// The members of a JSON object, of which there is each once.
pub(super) async fn fields(app: &App, headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Problem> {
    let read = body::read_small(app, (headers, body), BODY_BYTES_MAX).await?;
    let value: Value = serde_json::from_slice(&read)
        .map_err(|error| Problem::new(ErrorType::InvalidRequest, format!("the body is no JSON: {error}")))?;
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Problem::new(ErrorType::InvalidRequest, "the body is no JSON object")),
    }
}

/// Who buys, and where the receipt goes.
struct Customer {
    buyer: Buyer,
    email: String,
}

fn new_order(
    app: &App,
    fields: &Map<String, Value>,
    customer: Customer,
    headers: &HeaderMap,
) -> Result<NewOrder, Problem> {
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(wrong(name, format!("there is no field {name}; there are {}", FIELDS.join(", "))));
    }
    let save_method = match fields.get("save_method") {
        None | Some(Value::Null | Value::Bool(false)) => SaveMethod::No,
        Some(Value::Bool(true)) => SaveMethod::OffSession,
        Some(_) => return Err(wrong("save_method", "save_method is true or false")),
    };
    Ok(NewOrder {
        user: customer.buyer.user,
        partner: customer.buyer.partner,
        amount: amount(app, fields)?,
        email: customer.email,
        idempotency_key: idempotency_key(headers)?,
        success_url: url(fields, "success_url")?,
        cancel_url: url(fields, "cancel_url")?,
        save_method,
    })
}

/// The amount, in the currency that is named, else in the default one.
pub(super) fn amount(app: &App, fields: &Map<String, Value>) -> Result<Money, Problem> {
    let currency: Option<Currency> = match fields.get("currency").filter(|value| !value.is_null()) {
        None => None,
        Some(value) => {
            let code = text_of(value).and_then(|code| code.parse().ok());
            Some(code.ok_or_else(|| wrong("currency", "currency is a code of three letters, such as usd"))?)
        }
    };
    let terms = payments(app)?.purchases.terms();
    let currency = terms.of(currency).map(|terms| terms.currency).or(currency);
    let currency = currency.ok_or_else(|| wrong("currency", "credits are sold in no currency"))?;
    let amount = fields.get("amount").and_then(text_of);
    let amount =
        amount.ok_or_else(|| wrong("amount", "amount is missing; send what to buy credits for, such as \"25\""))?;
    let minor = minor(&amount).ok_or_else(|| wrong("amount", "amount is no decimal with at most two places"))?;
    Ok(Money::new(minor, currency))
}

/// The address of the request, else that of the person.
async fn email(app: &App, fields: &Map<String, Value>, user: UserId) -> Result<String, Problem> {
    if let Some(email) = fields.get("email").filter(|email| !email.is_null()) {
        return text_of(email).ok_or_else(|| wrong("email", "email is no text"));
    }
    let known = payments(app)?.emails.email_of(user).await;
    let known = known.map_err(|error| problem::of(app, error.into()))?.filter(|known| known.bounced_at.is_none());
    let missing = || wrong("email", "email is missing; the payment processor sends the receipt there");
    known.map(|known| known.address).ok_or_else(missing)
}

fn url(fields: &Map<String, Value>, name: &'static str) -> Result<Option<String>, Problem> {
    let Some(value) = fields.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let url = text_of(value).filter(|url| url.len() <= URL_CHARS_MAX);
    let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    url.filter(is_web).map(Some).ok_or_else(|| wrong(name, format!("{name} is no http or https URL")))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_CHARS_MAX);
    let problem = || wrong("Idempotency-Key", "the idempotency key has 1 to 255 characters");
    key.map(|key| Some(key.to_owned())).ok_or_else(problem)
}

/// `GET /v1/credits/orders/{id}`: an order of the caller's, as the payment processor says that it stands.
#[utoipa::path(
    get,
    path = "/v1/credits/orders/{id}",
    summary = "A purchase",
    description = "As the payment processor says that it stands.",
    security(("user_key" = []), ("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a purchase.")),
    responses((status = 200, description = "What was asked for.", body = shapes::OrderRecord)),
)]
pub(crate) async fn one(State(app): State<Arc<App>>, Path(order): Path<String>, headers: HeaderMap) -> Answer {
    let purchases = &payments(&app)?.purchases;
    let buyer = buyer(&app, &headers).await?;
    let unknown = || Problem::new(ErrorType::NotFound, "there is no such order of this account");
    let id: OrderId = order.parse().map_err(|_| unknown())?;
    let order = purchases.order(id).await.map_err(|error| problem::of(&app, error))?;
    if !buyer.sees(&order) {
        return Err(unknown());
    }
    let order = purchases.poll(order).await.map_err(|error| problem::of(&app, error))?;
    Ok(json::ok(&shown(&app, &order)))
}

/// `GET /v1/credits/orders`: the caller's orders, newest first.
#[utoipa::path(
    get,
    path = "/v1/credits/orders",
    summary = "Purchases",
    description = "The newest first. A user key sees those that were begun through its app.",
    security(("user_key" = []), ("management_key" = []), ("session" = [])),
    params(
        ("cursor" = Option<String>, Query, description = "The cursor of the page before; the first page without it."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "The most rows of a page."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::Page<shapes::OrderRecord>)),
)]
pub(crate) async fn orders(
    State(app): State<Arc<App>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Answer {
    let purchases = &payments(&app)?.purchases;
    let buyer = buyer(&app, &headers).await?;
    let (mut before, mut max) = (None, PAGE_MAX);
    for (name, value) in &query {
        match name.as_str() {
            "cursor" => {
                let cursor = value.parse().map_err(|_| wrong("cursor", "cursor is the `next` of the page before"))?;
                before = Some(cursor);
            }
            "limit" => {
                let count = value.parse().ok().filter(|count| (1..=PAGE_MAX).contains(count));
                max = count.ok_or_else(|| wrong("limit", format!("limit is a number from 1 to {PAGE_MAX}")))?;
            }
            _ => return Err(wrong(name, format!("there is no parameter {name}; there are cursor and limit"))),
        }
    }
    let found = purchases.orders(Some(buyer.user), before, max).await.map_err(|error| problem::of(&app, error))?;
    let is_full = u32::try_from(found.len()).is_ok_and(|count| count >= max);
    let next = found.last().filter(|_| is_full).map(|order| order.id);
    let data: Vec<Value> = found.iter().filter(|order| buyer.sees(order)).map(|order| shown(&app, order)).collect();
    Ok(json::ok(&json!({ "data": data, "next": next })))
}

/// An order, as its owner sees it.
fn shown(app: &App, order: &Order) -> Value {
    let credits = |amount| json::number(app.settings.credit_price.show(amount));
    let is_open = order.state == OrderState::Open;
    let booked = order.bookings.after;
    json!({
        "id": order.id,
        "object": "order",
        "status": status(order),
        "origin": match order.origin {
            OrderOrigin::Checkout => "checkout",
            OrderOrigin::TopUp => "top_up",
        },
        "checkout_url": order.page.as_ref().filter(|_| is_open).map(|page| &page.url),
        "expires_at": order.page.as_ref().filter(|_| is_open).map(|page| timestamp(page.expires_at)),
        "created_at": timestamp(order.created_at),
        "currency": order.currency,
        "amount": decimal(order.amount_minor.saturating_sub(order.fee_minor)),
        "fee": decimal(order.fee_minor),
        "total": decimal(order.amount_minor),
        "credits": credits(order.credits),
        "bonus": credits(order.bonus),
        "refunded": decimal(booked.refunded_minor),
        "credits_taken_back": credits(booked.taken),
    })
}

pub(crate) fn status(order: &Order) -> &'static str {
    let booked = order.bookings.after;
    match order.state {
        OrderState::Open => "open",
        OrderState::Waiting => "waiting_for_bank",
        OrderState::Paid if booked.disputed_minor > 0 => "disputed",
        OrderState::Paid if booked.lost_minor > 0 => "lost",
        OrderState::Paid if booked.refunded_minor >= booked.paid_minor => "refunded",
        OrderState::Paid if booked.refunded_minor > 0 => "partly_refunded",
        OrderState::Paid => "paid",
        OrderState::Failed => "failed",
        OrderState::Expired => "expired",
    }
}
