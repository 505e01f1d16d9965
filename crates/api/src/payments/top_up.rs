//! Top-ups: when and how a balance is topped up by itself.

use super::checkout::{amount, fields};
use super::payments;
use super::problem::{self, decimal, text_of, wrong};
use crate::answer::Answer;
use crate::openapi::shapes;
use crate::state::App;
use crate::{auth, json};
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use opencredits_service::config::minor;
use opencredits_service::purchases::TopUpRule;
use opencredits_store::{Payer, TopUpState};
use serde_json::{Value, json};
use std::sync::Arc;

const FIELDS: [&str; 4] = ["threshold", "amount", "currency", "monthly_max"];

/// `GET /v1/credits/top-up`: the rule in force.
#[utoipa::path(
    get,
    path = "/v1/credits/top-up",
    summary = "The rule of top-ups",
    description = "The rule by which the balance is topped up.",
    security(("management_key" = []), ("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::TopUpRecord)),
)]
pub(crate) async fn rule(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    let payer = payments(&app)?.purchases.payer(manager.user).await;
    let payer = payer.map_err(|error| problem::of(&app, error))?;
    Ok(json::ok(&shown(&app, payer.as_ref())))
}

/// `PUT /v1/credits/top-up`: turns top-ups on.
#[utoipa::path(
    put,
    path = "/v1/credits/top-up",
    summary = "Turn top-ups on",
    description = "Needs a payment method that a purchase has kept.",
    security(("management_key" = []), ("session" = [])),
    request_body = shapes::TopUpToSet,
    responses((status = 200, description = "What was asked for.", body = shapes::TopUpRecord)),
)]
pub(crate) async fn set_rule(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    let purchases = &payments(&app)?.purchases;
    let fields = fields(&app, &headers, body).await?;
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(wrong(name, format!("there is no field {name}; there are {}", FIELDS.join(", "))));
    }
    let threshold = fields.get("threshold").and_then(text_of);
    let threshold = threshold.and_then(|credits| app.settings.credit_price.parse(&credits).ok());
    let monthly_max = fields.get("monthly_max").and_then(text_of).and_then(|text| minor(&text));
    let rule = TopUpRule {
        threshold: threshold.filter(|threshold| !threshold.is_negative()).ok_or_else(|| {
            wrong("threshold", "threshold is the number of credits below which the balance is topped up")
        })?,
        amount: amount(&app, &fields)?,
        monthly_max_minor: monthly_max.ok_or_else(|| {
            wrong("monthly_max", "monthly_max is the most that is charged in a month, such as \"100\"")
        })?,
    };
    let payer = purchases.set_top_up(manager.user, Some(rule)).await.map_err(|error| problem::of(&app, error))?;
    Ok(json::ok(&shown(&app, Some(&payer))))
}

/// `DELETE /v1/credits/top-up`: turns top-ups off.
#[utoipa::path(
    delete,
    path = "/v1/credits/top-up",
    summary = "Turn top-ups off",
    description = "The payment method is kept.",
    security(("management_key" = []), ("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::TopUpRecord)),
)]
pub(crate) async fn remove_rule(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    let payer = payments(&app)?.purchases.set_top_up(manager.user, None).await;
    let payer = payer.map_err(|error| problem::of(&app, error))?;
    Ok(json::ok(&shown(&app, Some(&payer))))
}

/// `POST /v1/credits/portal`: the payment processor's page of receipts and saved payment methods.
#[utoipa::path(
    post,
    path = "/v1/credits/portal",
    summary = "Receipts and payment methods",
    description = "The page of the payment processor that has them.",
    security(("management_key" = []), ("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::PortalLink)),
)]
pub(crate) async fn portal(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    let url = payments(&app)?.purchases.portal(manager.user, &app.settings.top_up_url).await;
    Ok(json::ok(&json!({ "url": url.map_err(|error| problem::of(&app, error))? })))
}

fn shown(app: &App, payer: Option<&Payer>) -> Value {
    let state = payer.map_or(TopUpState::Off, |payer| payer.top_up);
    let rule = payer.filter(|payer| payer.amount_minor > 0);
    json!({
        "enabled": state == TopUpState::On,
        "status": match state {
            TopUpState::Off => "off",
            TopUpState::On => "on",
            TopUpState::Declined => "declined",
            TopUpState::ActionRequired => "action_required",
            TopUpState::Disputed => "disputed",
        },
        "has_payment_method": payer.is_some_and(|payer| payer.method.is_some()),
        "threshold": rule.map(|payer| json::number(app.settings.credit_price.show(payer.threshold))),
        "amount": rule.map(|payer| decimal(payer.amount_minor)),
        "currency": rule.map(|payer| &payer.currency),
        "monthly_max": rule.map(|payer| decimal(payer.monthly_max_minor)),
        "charged_this_month": rule.map(|payer| decimal(payer.month_minor)),
    })
}
