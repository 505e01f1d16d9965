//! The page that ends mails of a kind, by the link in one of them.

use super::PageRequest;
use crate::query::Parameters;
use axum::body::Body;
use axum::extract::Query;
use http::{Response, StatusCode};
use opencredits_pages::views::{Unsubscribe, UnsubscribeStep};
use opencredits_service::privacy::{Privacy, PrivacyError};
use std::sync::Arc;

/// `GET /mails/unsubscribe`: ends nothing by itself, because programs that look at mails open links too.
pub(crate) async fn ask(Query(query): Query<Parameters>, request: PageRequest) -> Response<Body> {
    let found = link(&query)
        .zip(privacy(&request))
        .and_then(|(link, privacy)| Some((link, privacy.unsubscribed_kind(link).ok()?)));
    match found {
        Some((link, kind)) => shown(&request, StatusCode::OK, Unsubscribe::ask(kind.name(), link)),
        None => shown(&request, StatusCode::BAD_REQUEST, Unsubscribe::of(UnsubscribeStep::Invalid)),
    }
}

/// `POST /mails/unsubscribe`: what the button sends, and what mail programs send at one click (RFC 8058). The link says
/// everything, so the body is not read.
pub(crate) async fn done(Query(query): Query<Parameters>, request: PageRequest) -> Response<Body> {
    let Some((link, privacy)) = link(&query).zip(privacy(&request)) else {
        return shown(&request, StatusCode::BAD_REQUEST, Unsubscribe::of(UnsubscribeStep::Invalid));
    };
    match privacy.unsubscribe(link).await {
        Ok(kind) => shown(&request, StatusCode::OK, Unsubscribe::done(kind.name())),
        Err(error @ PrivacyError::Fault(_)) => {
            tracing::error!(%error, "cannot switch notices off");
            request.failed_page()
        }
        Err(_) => shown(&request, StatusCode::BAD_REQUEST, Unsubscribe::of(UnsubscribeStep::Invalid)),
    }
}

fn link(query: &Parameters) -> Option<&str> {
    query.get("link").map(String::as_str)
}

fn privacy(request: &PageRequest) -> Option<Arc<Privacy>> {
    let identity = request.app.identity.as_ref()?;
    Some(Arc::clone(&identity.privacy.as_ref()?.privacy))
}

fn shown(request: &PageRequest, status: StatusCode, view: Unsubscribe) -> Response<Body> {
    request.secret_page(status, &view)
}
