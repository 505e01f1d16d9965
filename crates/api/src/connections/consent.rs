//! The pages on which a person lets an app use their credits, and what they decide there.

use super::common::{changing, connections, path_of};
use super::fields::Fields;
use super::problem;
use crate::answer::{Answer, private};
use crate::errors::Problem;
use crate::json;
use crate::openapi::shapes;
use crate::pages::PageRequest;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use opencredits_pages::views::{Consent, ConsentApp, ConsentKind};
use opencredits_pages::{Area, Chrome};
use opencredits_service::connections::{Ask, ConnectionError, Way};
use serde_json::json;
use std::sync::Arc;

/// `GET /oauth/authorize` (RFC 6749, section 4.1.1).
pub(crate) async fn authorize(request: PageRequest) -> Response<Body> {
    page(&request, Way::Authorize).await
}

/// `GET /auth`: a callback that wants a key.
pub(crate) async fn callback(request: PageRequest) -> Response<Body> {
    page(&request, Way::Callback).await
}

/// `GET /connect`: an app on the person's own machine that wants a key.
pub(crate) async fn hand_over(request: PageRequest) -> Response<Body> {
    page(&request, Way::HandOver).await
}

async fn page(request: &PageRequest, way: Way) -> Response<Body> {
    let connections = match connections(&request.app) {
        Ok(connections) => connections,
        Err(_) => return request.not_found(),
    };
    let kind = match way {
        Way::Authorize => ConsentKind::Authorize,
        Way::Callback => ConsentKind::Callback,
        Way::HandOver => ConsentKind::HandOver,
    };
    match connections.ask(way, request.uri.query().unwrap_or_default()).await {
        Ok(ask) => shown(request, (StatusCode::OK, &Consent::asks(kind, path_of(way), app_of(&request.app, ask)))),
        Err(ConnectionError::Redirected { location }) => redirected(&location),
        Err(error) => refused(request, &error),
    }
}

/// What is wrong with a request, where the app cannot be told at a redirect that is its own.
pub(super) fn refused(request: &PageRequest, error: &ConnectionError) -> Response<Body> {
    let (status, kind, detail) = match error {
        ConnectionError::Oauth(refusal) => {
            (StatusCode::BAD_REQUEST, ConsentKind::Refused, refusal.error_description.to_owned())
        }
        ConnectionError::Unregistered => (StatusCode::FORBIDDEN, ConsentKind::Unregistered, String::new()),
        ConnectionError::NoApp => (StatusCode::BAD_REQUEST, ConsentKind::Refused, error.to_string()),
        error => {
            tracing::error!(%error, part = "connections", request = request.id.text(), "a consent page failed");
            return request.failed_page();
        }
    };
    shown(request, (status, &Consent::refused(kind, &detail)))
}

/// A page around which nothing distracts, and which is kept nowhere.
pub(super) fn shown(request: &PageRequest, (status, view): (StatusCode, &Consent)) -> Response<Body> {
    let mut response = private(match request.wants_fragment() {
        true => request.fragment(view),
        false => request.page_in(view, &Chrome::new(Area::Step, request.uri.path())),
    });
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    response
}

fn redirected(location: &str) -> Response<Body> {
    let mut response = private(Response::new(Body::empty()));
    crate::pages::secure(response.headers_mut(), crate::pages::POLICY);
    match HeaderValue::try_from(location) {
        Ok(location) => {
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, location);
        }
        // No URL that was registered has such a character.
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}

/// What a page says of an app.
pub(super) fn app_of(app: &App, ask: Ask) -> ConsentApp {
    let of_partner = ask.partner.as_ref().and_then(|partner| app.gateway.keyring().markup_of(partner));
    let catalog = app.gateway.catalog();
    let markups = catalog.models().iter().map(|model| app.gateway.markup(of_partner, model).get());
    let (least, most) = (markups.clone().min().unwrap_or_default(), markups.max().unwrap_or_default());
    let default_share = app.accounts.partner_terms().share_default;
    ConsentApp {
        name: ask.partner.as_ref().map(|partner| partner.name.clone()),
        host: ask.host,
        models: catalog.models().len(),
        markup: percent(least),
        markup_max: (most > least).then(|| percent(most)),
        share: ask.partner.map(|partner| percent(partner.share.unwrap_or(default_share).get())),
        cap: ask.cap_default.to_string(),
        cap_max: ask.cap_max.to_string(),
    }
}

/// Hundredths of a percent in words, such as `12.5`.
fn percent(bps: u32) -> String {
    let (whole, rest) = (bps.div_euclid(100), bps.rem_euclid(100));
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:02}").trim_end_matches('0').to_owned() }
}

/// `POST /oauth/authorize`: what the person decided.
#[utoipa::path(
    post,
    path = "/oauth/authorize",
    summary = "Decide about an app",
    description = "What the person decided on the page at the same path.",
    security(("session" = [])),
    request_body = shapes::ConsentDecision,
    responses((status = 200, description = "What was asked for.", body = shapes::RedirectTo)),
)]
pub(crate) async fn decide_authorize(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    decided(&app, Way::Authorize, (&headers, body)).await
}

/// `POST /auth`: the same for a callback.
#[utoipa::path(
    post,
    path = "/auth",
    summary = "Decide about an app that wants a key at a callback",
    description = "What the person decided on the page at the same path.",
    security(("session" = [])),
    request_body = shapes::ConsentDecision,
    responses((status = 200, description = "What was asked for.", body = shapes::RedirectTo)),
)]
pub(crate) async fn decide_callback(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    decided(&app, Way::Callback, (&headers, body)).await
}

/// `POST /connect`: the same for an app on the person's own machine. The answer has the key, in the URL to go to.
#[utoipa::path(
    post,
    path = "/connect",
    summary = "Decide about an app on the person's own machine",
    description = "What the person decided on the page at the same path.",
    security(("session" = [])),
    request_body = shapes::ConsentDecision,
    responses((status = 200, description = "What was asked for.", body = shapes::RedirectTo)),
)]
pub(crate) async fn decide_hand_over(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    decided(&app, Way::HandOver, (&headers, body)).await
}

async fn decided(app: &App, way: Way, (headers, body): (&HeaderMap, Body)) -> Answer {
    let connections = connections(app)?;
    let person = changing(app, headers).await?;
    let fields = Fields::read(app, headers, body).await?;
    let (query, decision) = (fields.text("query")?, fields.decision()?);
    let to: Result<String, Problem> = match connections.decide((way, query), person, decision).await {
        Ok(location) | Err(ConnectionError::Redirected { location }) => Ok(location),
        Err(error) => Err(problem::of(app, error)),
    };
    Ok(private(json::ok(&json!({ "redirect_to": to? }))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundredths_of_a_percent_are_told_in_percent() {
        let check = |bps: u32, expect: &str| assert_eq!(percent(bps), expect);
        check(0, "0");
        check(2_500, "25");
        check(1_250, "12.5");
        check(1, "0.01");
        check(10_000, "100");
    }
}
