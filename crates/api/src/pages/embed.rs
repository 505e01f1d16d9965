//! The checkout that apps show in a frame, and the browser SDK that shows it.
//!
//! Which pages may frame it depends on the publishable key in the query. A client that names its key only in its first message
//! gets a page that all registered origins may frame, and `GET /embed/config` checks the origin of that message.

use super::domain::has_domain;
use super::{PageRequest, secure};
use crate::address::Query;
use crate::answer::{Answer, mode_header, private};
use crate::embedding::{self, Shown};
use crate::errors::Problem;
use crate::json;
use crate::openapi::shapes;
use crate::state::App;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use http::{HeaderName, HeaderValue, Response};
use opencredits_pages::views::{Checkout, CheckoutEnd};
use opencredits_pages::{Area, Chrome, Packed};
use opencredits_service::accounts::Embedders;
use serde::Deserialize;
use serde_json::json;
use std::sync::{Arc, LazyLock};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The one source of the SDK.
const SDK: &str = include_str!("../../../../sdk/src/opencredits.js");
/// The SDK, compressed once.
static SDK_PACKED: LazyLock<Packed> = LazyLock::new(|| Packed::quickly(SDK.as_bytes().to_vec()));
/// Apps load it under this one name, so that it may be kept for minutes only.
const SDK_KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
/// An asset is no page: it may load nothing.
const SDK_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// What the checkout may do, before the list of pages that may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors";
/// The most that the sources of a policy may take, in bytes: proxies bound the head of an answer, some to 8 KiB.
const SOURCES_BYTES_MAX: usize = 4_096;

/// The routes of the checkout and the SDK.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/assets/sdk.js", get(sdk))
        .route("/embed/checkout", get(checkout))
        .route("/embed/checkout.html", get(checkout))
        .route("/embed/paid", get(paid))
        .route("/embed/cancelled", get(cancelled))
}

/// What programs ask for.
pub(crate) fn of_programs() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(config))
}

/// `GET /assets/sdk.js`.
async fn sdk(request: PageRequest) -> Response<Body> {
    let mut response = super::request::packed_response(&request.headers, &SDK_PACKED);
    let headers = response.headers_mut();
    secure(headers, SDK_POLICY);
    headers.insert(CONTENT_TYPE, SCRIPT);
    headers.insert(CACHE_CONTROL, SDK_KEPT);
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    // A page may load it as a module, or demand that what it loads agrees to that.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

#[derive(Deserialize)]
struct CheckoutQuery {
    pk: Option<String>,
}

/// `GET /embed/checkout?pk=`: the checkout.
async fn checkout(Query(query): Query<CheckoutQuery>, request: PageRequest) -> Answer {
    let embedders = embedders(&request.app, query.pk.as_deref()).await?;
    let mut response = request.page(&Checkout::new(has_domain(&request.app.pages.pages.site().url)));
    let policy = policy(&embedders);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// The pages that may frame the checkout of a key; of all keys of both modes where none is named.
async fn embedders(app: &App, key: Option<&str>) -> Result<Embedders, Problem> {
    let found = match key {
        Some(key) => embedding::side(app, key).accounts.embedders(Some(key)).await,
        None => {
            let mut all = app.accounts.embedders(None).await;
            if let (Ok(all), Some(test)) = (&mut all, &app.test) {
                all.listed.extend(
                    test.app().accounts.embedders(None).await.map_err(|error| embedding::failed(app, error))?.listed,
                );
                all.listed.sort();
                all.listed.dedup();
            }
            all
        }
    };
    found.map_err(|error| embedding::failed(app, error))
}

/// The policy of the checkout. Our own pages may always show it. Sources that do not fit are left out.
fn policy(embedders: &Embedders) -> HeaderValue {
    let mut policy = format!("{POLICY} 'self'");
    let most = policy.len().saturating_add(SOURCES_BYTES_MAX);
    for source in embedders.sources() {
        if policy.len().saturating_add(source.len()) >= most {
            break;
        }
        policy.push(' ');
        policy.push_str(&source);
    }
    // Origins are checked when they are registered, so that each fits into a header.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

#[derive(Deserialize)]
struct ConfigQuery {
    publishable_key: String,
    origin: String,
}

/// `GET /embed/config?publishable_key=&origin=`: whose checkout it is, where a page of this origin may show it.
#[utoipa::path(
    get,
    path = "/embed/config",
    summary = "Whose checkout it is",
    description = "The app of a publishable key, where pages of the origin may show its checkout.",
    params(
        ("publishable_key" = String, Query, description = "The publishable key of the app."),
        ("origin" = String, Query, description = "The origin of the page."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::EmbedConfig)),
)]
async fn config(State(app): State<Arc<App>>, Query(query): Query<ConfigQuery>) -> Answer {
    let Shown { side, partner } = embedding::shown(&app, &query.publishable_key, &query.origin).await?;
    let mut response = private(json::ok(&json!({ "partner": { "id": partner.id, "name": partner.name } })));
    mode_header(side.gateway.mode(), response.headers_mut());
    Ok(response)
}

/// `GET /embed/paid`: where the payment processor sends people who have paid.
async fn paid(request: PageRequest) -> Response<Body> {
    request.page_in(&CheckoutEnd::paid(), &Chrome::new(Area::Step, request.uri.path()))
}

/// `GET /embed/cancelled`: and those who have not.
async fn cancelled(request: PageRequest) -> Response<Body> {
    request.page_in(&CheckoutEnd::cancelled(), &Chrome::new(Area::Step, request.uri.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_each_page_and_is_bounded() {
        let check = |listed: &[String], local: bool, expect: &str| {
            let policy = policy(&Embedders { listed: listed.to_vec(), local });
            let ancestors = policy.to_str().unwrap().rsplit_once("frame-ancestors ").unwrap().1.to_owned();
            assert!(ancestors.starts_with(expect), "{ancestors}");
            assert!(ancestors.len() <= SOURCES_BYTES_MAX + 10, "{}", ancestors.len());
            ancestors
        };
        assert_eq!(check(&[], false, "'self'"), "'self'");
        let listed = ["https://a.example".to_owned()];
        assert_eq!(check(&listed, false, "'self'"), "'self' https://a.example");
        check(&[], true, "'self' http://localhost:*");
        let many: Vec<String> = (0..500).map(|n| format!("https://app-{n}.example")).collect();
        check(&many, true, "'self' https://app-0.example https://app-1.example");
    }
}
