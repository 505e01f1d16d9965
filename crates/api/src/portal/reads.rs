//! What people read of the partners that they run.

use super::{PartnerPath, managed, owned, problem};
use crate::address::{Path, Query};
use crate::answer::{Answer, list_of};
use crate::faults::timestamp;
use crate::openapi::shapes;
use crate::query::{Parameters, known_only};
use crate::state::App;
use crate::{auth, json, partner};
use axum::extract::State;
use http::HeaderMap;
use opencredits_service::accounts::Managed;
use opencredits_store::{Partner, Standing};
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/partners`: those that the person runs, and what they have applied for, the newest first.
#[utoipa::path(
    get,
    path = "/v1/partners",
    summary = "Partners of a person",
    description = "Those that the person runs, and those that they have applied for, the newest first.",
    security(("management_key" = []), ("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::ManagedPartner>)),
)]
pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    let found = app.accounts.managed_by(manager.user).await.map_err(|error| problem(&app, error))?;
    Ok(list_of(found.iter().map(|one| shown(&app, one))))
}

/// `GET /v1/partners/{id}`.
#[utoipa::path(
    get,
    path = "/v1/partners/{id}",
    summary = "A partner of a person",
    description = "With its terms; of an application, those that it would have.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    responses((status = 200, description = "What was asked for.", body = shapes::Data<shapes::ManagedPartner>)),
)]
pub(crate) async fn one(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    let managed = managed(&app, &headers, &path).await?;
    Ok(json::ok(&json!({ "data": shown(&app, &managed) })))
}

/// A partner with its terms; of an application these are those that it would have.
fn shown(app: &App, managed: &Managed) -> Value {
    let terms = app.accounts.partner_terms();
    let (state, created_at) = match managed {
        Managed::Applied(application) => ("applied", application.created_at),
        Managed::Partner(Partner { standing: Standing::Suspended, created_at, .. }) => ("suspended", *created_at),
        Managed::Partner(partner) => ("active", partner.created_at),
    };
    let partner = managed.partner();
    json!({
        "id": managed.id(),
        "name": managed.name(),
        "state": state,
        "share_bps": partner.and_then(|partner| partner.share).unwrap_or(terms.share_default),
        "markup_bps": partner.and_then(|partner| partner.markup),
        "publishable_key": partner.map(|partner| &partner.publishable_key),
        "matures_days": terms.matures_days,
        "created_at": timestamp(created_at),
    })
}

/// `GET /v1/partners/{id}/usage`: as `GET /v1/partner/usage`.
#[utoipa::path(
    get,
    path = "/v1/partners/{id}/usage",
    summary = "Usage through a partner of a person",
    description = "By day and model, over groups of enough people; at most 92 days.",
    security(("management_key" = []), ("session" = [])),
    params(
        ("id" = String, Path, description = "The id of a partner."),
        ("from" = Option<String>, Query, description = "A day such as 2026-11-30."),
        ("to" = Option<String>, Query, description = "A day, which is included."),
        ("x-opencredits-strict" = Option<bool>, Header, description = "Whether unknown parameters are refused."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::PartnerUsage)),
)]
pub(crate) async fn usage(
    State(app): State<Arc<App>>,
    Path(path): PartnerPath,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Answer {
    let owned = owned(&app, &headers, &path).await?;
    known_only(&app, (&headers, &query), &["from", "to"])?;
    partner::usage_of(&app, &owned, &query).await
}

/// `GET /v1/partners/{id}/referrals`: as `GET /v1/partner/referrals`.
#[utoipa::path(
    get,
    path = "/v1/partners/{id}/referrals",
    summary = "People who came through a partner of a person",
    description = "By month.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    responses((status = 200, description = "What was asked for.", body = shapes::Referrals)),
)]
pub(crate) async fn referrals(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    partner::referrals_of(&app, &owned(&app, &headers, &path).await?).await
}

/// `GET /v1/partners/{id}/statements`: as `GET /v1/partner/statements`.
#[utoipa::path(
    get,
    path = "/v1/partners/{id}/statements",
    summary = "Months of a partner of a person",
    description = "The latest first.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::StatementRow>)),
)]
pub(crate) async fn statements(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    partner::statements_of(&app, &owned(&app, &headers, &path).await?).await
}

/// `GET /v1/partners/{id}/payouts`: as `GET /v1/partner/payouts`.
#[utoipa::path(
    get,
    path = "/v1/partners/{id}/payouts",
    summary = "Payouts to a partner of a person",
    description = "The newest first.",
    security(("management_key" = []), ("session" = [])),
    params(("id" = String, Path, description = "The id of a partner.")),
    responses((status = 200, description = "What was asked for.", body = shapes::List<shapes::PayoutRow>)),
)]
pub(crate) async fn payouts(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    partner::payouts_of(&app, &owned(&app, &headers, &path).await?).await
}
