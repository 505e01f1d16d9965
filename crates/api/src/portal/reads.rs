//! What people read of the partners that they run.

use super::{PartnerPath, managed, owned, problem};
use crate::faults::timestamp;
use crate::lookups::Answer;
use crate::query::{Parameters, known_only};
use crate::state::App;
use crate::{auth, json, partner};
use axum::extract::{Path, Query, State};
use http::HeaderMap;
use opencredits_service::accounts::Managed;
use opencredits_store::{Partner, Standing};
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/partners`: those that the person runs, and what they have applied for, the newest first.
pub(crate) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let manager = auth::manager(&app, &headers).await?;
    let found = app.accounts.managed_by(manager.user).await.map_err(|error| problem(&app, error))?;
    let data: Vec<Value> = found.iter().map(|one| shown(&app, one)).collect();
    Ok(json::ok(&json!({ "object": "list", "data": data })))
}

/// `GET /v1/partners/{id}`.
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
pub(crate) async fn referrals(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    partner::referrals_of(&app, &owned(&app, &headers, &path).await?).await
}

/// `GET /v1/partners/{id}/statements`: as `GET /v1/partner/statements`.
pub(crate) async fn statements(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    partner::statements_of(&app, &owned(&app, &headers, &path).await?).await
}

/// `GET /v1/partners/{id}/payouts`: as `GET /v1/partner/payouts`.
pub(crate) async fn payouts(State(app): State<Arc<App>>, Path(path): PartnerPath, headers: HeaderMap) -> Answer {
    partner::payouts_of(&app, &owned(&app, &headers, &path).await?).await
}
