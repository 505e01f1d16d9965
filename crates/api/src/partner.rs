//! What a partner sees of itself, by its secret key: sums over enough people, and its own money. Never an address, a
//! person's id, a balance or a payment.

use crate::answer::{Answer, list_of};
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::openapi::shapes;
use crate::query::{Parameters, known_only, swapped};
use crate::state::App;
use crate::{auth, faults, json};
use axum::extract::{FromRequestParts, Query};
use http::HeaderMap;
use http::request::Parts;
use opencredits_service::accounts::AccountsError;
use opencredits_service::partners::{
    Audience, Earnings, PEOPLE_MIN, PayoutEntry, ReferralGroup, Statement, month_of_text, month_text,
};
use opencredits_service::{Fault, day_or_time, day_text};
use opencredits_store::{Days, Partner};
use opencredits_units::UnixMs;
use serde_json::{Value, json};
use std::sync::Arc;

/// The days of a usage without dates, and the most of one.
const DAYS: u64 = 30;
const DAYS_MAX: u64 = 92;
/// The months that statements go back.
const MONTHS_MAX: usize = 24;

/// A partner that asks, by its secret key.
pub(crate) struct PartnerAsks {
    app: Arc<App>,
    partner: Partner,
    query: Parameters,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<App>> for PartnerAsks {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let partner = auth::partner(app, &parts.headers).await?;
        let query = Query::<Parameters>::try_from_uri(&parts.uri);
        let wrong = |_| Problem::new(ErrorType::InvalidRequest, "a parameter of the query is malformed");
        let Query(query) = query.map_err(wrong)?;
        Ok(Self { app: Arc::clone(app), partner, query, headers: parts.headers.clone() })
    }
}

impl PartnerAsks {
    /// The same, unless it has parameters of other names, in strict mode.
    fn knowing(self, known: &[&str]) -> Result<Self, Problem> {
        known_only(&self.app, (&self.headers, &self.query), known)?;
        Ok(self)
    }
}

/// `GET /v1/partner`: its record and its earnings.
#[utoipa::path(
    get,
    path = "/v1/partner",
    summary = "A partner",
    description = "Its record and its earnings.",
    security(("partner_key" = [])),
    params(("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused.")),
    responses((status = 200, description = "What was asked for.", body = shapes::PartnerRecord)),
)]
pub(crate) async fn show(asks: PartnerAsks) -> Answer {
    let PartnerAsks { app, partner, .. } = asks.knowing(&[])?;
    let earnings = earnings(&app, &partner).await?;
    let share = partner.share.unwrap_or(app.accounts.partner_terms().share_default);
    Ok(json::ok(&json!({
        "object": "partner",
        "id": partner.id,
        "name": partner.name,
        "publishable_key": partner.publishable_key,
        "share_bps": share,
        "earnings": {
            "accrued_usd": earnings.accrued,
            "taken_back_usd": earnings.taken_back,
            "paid_out_usd": earnings.paid_out,
            "balance_usd": earnings.balance,
            "matured_usd": earnings.matured,
            "matures_days": app.accounts.partner_terms().matures_days,
        },
    })))
}

/// `GET /v1/partner/usage`: by day and model, over groups of enough people.
#[utoipa::path(
    get,
    path = "/v1/partner/usage",
    summary = "Usage through a partner",
    description = "By day and model, over groups of enough people; at most 92 days.",
    security(("partner_key" = [])),
    params(
        ("from" = Option<String>, Query, description = "A day such as 2026-11-30."),
        ("to" = Option<String>, Query, description = "A day, which is included."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::PartnerUsage)),
)]
pub(crate) async fn usage(asks: PartnerAsks) -> Answer {
    let PartnerAsks { app, partner, query, .. } = asks.knowing(&["from", "to"])?;
    usage_of(&app, &partner, &query).await
}

/// The usage through a partner, over the days of a query.
pub(crate) async fn usage_of(app: &App, partner: &Partner, query: &Parameters) -> Answer {
    // Of a day that goes on, two answers could differ by one person's requests.
    let yesterday = app.gateway.clock().now().day().saturating_sub(1);
    let days = days(query, yesterday)?;
    let found = app.gateway.usage().audiences(partner.id, days).await;
    let found = found.map_err(|fault| faults::problem(&fault, &app.settings))?;
    Ok(json::ok(&json!({
        "object": "list",
        "from": day_text(days.from),
        "to": day_text(days.to),
        "people_min": PEOPLE_MIN,
        "data": found.iter().map(group).collect::<Vec<_>>(),
    })))
}

fn group(audience: &Audience) -> Value {
    let sums = &audience.sums;
    json!({
        "date": day_text(audience.day),
        "model": audience.model.as_deref().unwrap_or("other"),
        "people": audience.people,
        "requests": sums.requests,
        "prompt_tokens": sums.input_tokens,
        "completion_tokens": sums.output_tokens,
        "charged_usd": sums.charged,
        "commission_usd": sums.commission,
    })
}

/// `GET /v1/partner/referrals`: the people who came through it, by month, and how many of them have bought credits.
#[utoipa::path(
    get,
    path = "/v1/partner/referrals",
    summary = "People who came through a partner",
    description = "By month.",
    security(("partner_key" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::Referrals)),
)]
pub(crate) async fn referrals(asks: PartnerAsks) -> Answer {
    let PartnerAsks { app, partner, .. } = asks;
    referrals_of(&app, &partner).await
}

/// The people who came through a partner.
pub(crate) async fn referrals_of(app: &App, partner: &Partner) -> Answer {
    let found = app.accounts.referrals(partner).await.map_err(|error| problem(app, error))?;
    let group = |group: &ReferralGroup| {
        let month = group.month.as_deref().unwrap_or("other");
        json!({ "month": month, "people": group.people, "buyers": group.buyers })
    };
    let data: Vec<_> = found.iter().map(group).collect();
    Ok(json::ok(&json!({ "object": "list", "people_min": PEOPLE_MIN, "data": data })))
}

/// `GET /v1/partner/statements`: its months, the latest first.
#[utoipa::path(
    get,
    path = "/v1/partner/statements",
    summary = "Months of a partner",
    description = "The latest first.",
    security(("partner_key" = [])),
    params(("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused.")),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::StatementRow>)),
)]
pub(crate) async fn statements(asks: PartnerAsks) -> Answer {
    let PartnerAsks { app, partner, .. } = asks.knowing(&[])?;
    statements_of(&app, &partner).await
}

/// The months of a partner.
pub(crate) async fn statements_of(app: &App, partner: &Partner) -> Answer {
    let month = |month: &Statement| {
        json!({
            "month": month_text(month.first_day),
            "commission_usd": month.commission,
            "taken_back_usd": month.taken_back,
            "paid_out_usd": month.paid_out,
            "balance_usd": month.balance,
        })
    };
    Ok(list_of(months(app, partner).await?.iter().map(month)))
}

/// The months since a partner was added, the latest first, two years at most.
pub(crate) async fn months(app: &App, partner: &Partner) -> Result<Vec<Statement>, Problem> {
    let mut months = Vec::new();
    let mut day = app.gateway.clock().now().day();
    while months.len() < MONTHS_MAX && day >= first_day(partner) {
        let Some(month) = month_of_text(&month_text(day)) else { break };
        let statement = app.accounts.partner_statement(partner, month).await;
        months.push(statement.map_err(|error| problem(app, error))?);
        let Some(before) = month.0.checked_sub(1) else { break };
        day = before;
    }
    Ok(months)
}

/// The first day of the month in which a partner was added.
fn first_day(partner: &Partner) -> u64 {
    let day = partner.created_at.day();
    month_of_text(&month_text(day)).map_or(day, |(first, _)| first)
}

/// `GET /v1/partner/payouts`: the newest first.
#[utoipa::path(
    get,
    path = "/v1/partner/payouts",
    summary = "Payouts to a partner",
    description = "The newest first.",
    security(("partner_key" = [])),
    params(("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused.")),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::PayoutRow>)),
)]
pub(crate) async fn payouts(asks: PartnerAsks) -> Answer {
    let PartnerAsks { app, partner, .. } = asks.knowing(&[])?;
    payouts_of(&app, &partner).await
}

/// The payouts to a partner.
pub(crate) async fn payouts_of(app: &App, partner: &Partner) -> Answer {
    let earnings = earnings(app, partner).await?;
    let payout = |payout: &PayoutEntry| json!({ "id": payout.id, "created_at": timestamp(payout.at), "amount_usd": payout.amount });
    Ok(list_of(earnings.payouts.iter().map(payout)))
}

pub(crate) async fn earnings(app: &App, partner: &Partner) -> Result<Earnings, Problem> {
    app.accounts.earnings_of(partner).await.map_err(|error| problem(app, error))
}

/// Our own failure: a partner asks for nothing that could be wrong.
fn problem(app: &App, error: AccountsError) -> Problem {
    let fault = match error {
        AccountsError::Ledger(error) => Fault::Ledger(error),
        AccountsError::Store(error) => Fault::Store(error),
        _ => Fault::Closing,
    };
    faults::problem(&fault, &app.settings)
}

/// The days that are asked for, up to `last`.
fn days(query: &Parameters, last: u64) -> Result<Days, Problem> {
    let day = |name: &'static str| -> Result<Option<u64>, Problem> {
        let Some(text) = query.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let found = day_or_time(text).filter(|(_, length_ms)| *length_ms == UnixMs::DAY_MS);
        let wrong = || Problem::new(ErrorType::InvalidRequest, format!("{name} is not a day such as 2026-11-30"));
        found.map(|(begin, _)| Some(begin.day())).ok_or_else(|| wrong().with("param", name))
    };
    let (from, to) = (day("from")?, day("to")?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(swapped(query));
    }
    let to = to.unwrap_or(last).min(last);
    let from = from.unwrap_or_else(|| to.saturating_sub(DAYS.saturating_sub(1)));
    if to.saturating_sub(from) >= DAYS_MAX {
        let message = format!("from and to are more than {DAYS_MAX} days apart; ask for fewer");
        return Err(Problem::new(ErrorType::InvalidRequest, message).with("param", "from"));
    }
    Ok(Days { from, to })
}
