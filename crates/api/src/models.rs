//! `GET /v1/models` and `GET /v1/models/{id}`.

use crate::address::Path;
use crate::errors::ApiSurface;
use crate::state::{App, RequestId};
use crate::surface::surface_of_path;
use crate::{faults, json};
use axum::body::Body;
use axum::extract::{Extension, State};
use http::{HeaderMap, Response, Uri};
use opencredits_catalog::{Model, ModelKind, Route};
use opencredits_providers::Vendor;
use opencredits_service::{RequestFault, RouteHealth};
use opencredits_units::{Bucket, Decimal, UnixMs};
use serde_json::{Value, json};
use std::sync::Arc;

/// The suffix of a model's path that lists its endpoints.
const ENDPOINTS: &str = "/endpoints";
/// Milliseconds in a second.
const SECOND_MS: u64 = 1_000;

/// The form of the list of models: by the version in the path, or the version header of the Anthropic SDKs.
fn surface(uri: &Uri, headers: &HeaderMap) -> ApiSurface {
    match surface_of_path(uri.path()) {
        ApiSurface::GeminiGenerate => ApiSurface::GeminiGenerate,
        _ if headers.contains_key("anthropic-version") => ApiSurface::AnthropicMessages,
        // Its SDKs ask in either version of their API.
        _ if headers.contains_key("x-goog-api-key") => ApiSurface::GeminiGenerate,
        _ => ApiSurface::OpenaiChat,
    }
}

/// `GET /v1/models`: every model on sale, on one page.
pub(crate) async fn list(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let surface = surface(&uri, &headers);
    let catalog = app.gateway.catalog();
    let models = catalog.models();
    if surface == ApiSurface::GeminiGenerate {
        let chat = models.iter().filter(|model| model.kind == ModelKind::Chat);
        return json::ok(&json!({"models": chat.map(|model| gemini(model)).collect::<Vec<_>>()}));
    }
    let data: Vec<Value> = models.iter().map(|model| shown(model, surface)).collect();
    let end = |model: Option<&Arc<Model>>| model.map(|model| model.id.to_string());
    json::ok(&json!({
        "object": "list",
        "data": data,
        "has_more": false,
        "first_id": end(models.first()),
        "last_id": end(models.last()),
    }))
}

/// `GET /v1/models/{id}`: one model, by any of its names.
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Extension(request): Extension<RequestId>,
    Path(id): Path<String>,
    (uri, headers): (Uri, HeaderMap),
) -> Response<Body> {
    let surface = surface(&uri, &headers);
    let (name, endpoints) = match id.strip_suffix(ENDPOINTS) {
        Some(name) => (name, true),
        None => (id.as_str(), false),
    };
    match app.gateway.catalog().resolve(name) {
        Ok(model) if endpoints => json::ok(&with_endpoints(&app, model)),
        Ok(model) if surface == ApiSurface::GeminiGenerate => json::ok(&gemini(model)),
        Ok(model) => json::ok(&shown(model, surface)),
        Err(error) => {
            let fault = RequestFault::from(error).into();
            faults::problem(&fault, &app.settings).response(surface, &request.text())
        }
    }
}

/// `GET /v1/models/{id}/endpoints`: the routes of a model, with their prices and their health.
fn with_endpoints(app: &App, model: &Model) -> Value {
    let endpoint = |(route, vendor, route_health): (&Route, Arc<Vendor>, RouteHealth)| {
        let whole = |hundredths: u64| Decimal::new(i128::from(hundredths), 2);
        json!({
            "name": format!("{} | {}", vendor.id, model.id),
            "provider_name": &*vendor.id,
            "tag": &*vendor.id,
            "context_length": model.context_window,
            "max_completion_tokens": model.max_output_tokens,
            "pricing": pricing(route),
            "region": route.region,
            "data_collection": if route.data_collection.unwrap_or(vendor.data_collection) { "allow" } else { "deny" },
            "zdr": route.zdr.unwrap_or(vendor.zdr),
            "status": if route_health.is_out { "out" } else { "ok" },
            "uptime": route_health.uptime.map(|uptime| json::number(whole(uptime))),
            "latency_ms": route_health.latency_ms,
            "throughput": route_health.tokens_per_s.map(|speed| json::number(Decimal::new(i128::from(speed), 3))),
        })
    };
    let endpoints: Vec<Value> = app.gateway.route_health(model).map(endpoint).collect();
    json!({"data": {"id": &*model.id, "name": model.name, "created": model.released, "endpoints": endpoints}})
}

fn pricing(route: &Route) -> Value {
    let price = |bucket| route.card.rate(bucket).usd_per_unit().to_string();
    json!({
        "prompt": price(Bucket::InputUncached), "completion": price(Bucket::Output),
        "input_cache_read": price(Bucket::CacheRead), "currency": "USD", "unit": "token",
    })
}

fn shown(model: &Model, surface: ApiSurface) -> Value {
    let price = |bucket| model.route.card.rate(bucket).usd_per_unit().to_string();
    let kind = match surface {
        ApiSurface::AnthropicMessages => "model",
        ApiSurface::OpenaiChat | ApiSurface::OpenaiResponses | ApiSurface::GeminiGenerate => model.kind.name(),
    };
    json!({
        "id": &*model.id,
        "object": "model",
        "type": kind,
        "created": model.released,
        "released": model.released,
        "created_at": rfc3339(model.released),
        "owned_by": model.owned_by,
        "name": model.name,
        "display_name": model.name,
        "lifecycle": if model.deprecated { "deprecated" } else { "active" },
        "description": description(model),
        "context_window": model.context_window,
        "context_length": model.context_window,
        "max_input_tokens": model.context_window,
        "max_tokens": model.max_output_tokens,
        "max_output_tokens": model.max_output_tokens,
        "tags": tags(model),
        "pricing": {
            "prompt": price(Bucket::InputUncached),
            "completion": price(Bucket::Output),
            "currency": "USD",
            "unit": "token",
        },
    })
}

/// A model as `gemini-generate` lists it: <https://ai.google.dev/api/models#Model>.
fn gemini(model: &Model) -> Value {
    json!({
        "name": format!("models/{}", model.id),
        "displayName": model.name,
        "description": description(model),
        "inputTokenLimit": model.context_window,
        "outputTokenLimit": model.max_output_tokens,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    })
}

fn description(model: &Model) -> String {
    let input = model.input_modalities.join(", ");
    let end = if model.deprecated { " Its vendor has announced its end." } else { "" };
    format!("{} by {}: {input} in, {} tokens of context.{end}", model.name, model.owned_by, model.context_window)
}

fn tags(model: &Model) -> Vec<&str> {
    let inputs = model.input_modalities.iter().map(String::as_str).filter(|modality| *modality != "text");
    let end = model.deprecated.then_some("deprecated");
    model.supports.iter().map(String::as_str).chain(inputs).chain(end).collect()
}

fn rfc3339(seconds: u64) -> String {
    let at = i64::try_from(UnixMs::new(seconds.saturating_mul(SECOND_MS)).as_secs()).unwrap_or_default();
    jiff::Timestamp::from_second(at).map(|at| at.to_string()).unwrap_or_default()
}
