//! The routes, and what every request goes through.

use crate::errors::{ApiSurface, ErrorType, Problem};
use crate::framing::Framing;
use crate::{inference, lookups, models};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{BoxError, Router};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use opencredits_sanitizer::Api;
use opencredits_service::{Gateway, PathParameters, fresh_id};
use opencredits_store::Partners;
use opencredits_units::{CreditPrice, GenerationId};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// What is said of a key in the query, on every path.
const KEY_IN_ADDRESS: &str =
    "a key in the address ends up in logs; send it as `Authorization: Bearer` or x-goog-api-key, and replace this one";

/// Figures that the HTTP settings shows or heeds.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Where people buy credits.
    pub top_up_url: String,
    /// What a credit sells for.
    pub credit_price: CreditPrice,
    /// Largest request body, in bytes.
    pub body_bytes_max: usize,
    /// How long a client may take to send a body.
    pub body_read: Duration,
    /// After this much silence a stream gets a comment.
    pub keep_alive: Duration,
    /// Whether fields that are not passed on are refused.
    pub strict: bool,
    /// Whether clients are told of the offer.
    pub enabled: bool,
    /// The country that clients are told.
    pub country: Option<String>,
}

/// What handlers share.
pub struct App {
    /// Serves requests.
    pub gateway: Arc<Gateway>,
    /// Partners, for quotes.
    pub partners: Arc<dyn Partners>,
    /// Figures.
    pub settings: ApiSettings,
    /// Whether the process takes requests; cleared when it is told to stop.
    pub ready: AtomicBool,
}

/// A request's id: its bits are those of its generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(pub(crate) GenerationId);

impl RequestId {
    /// As it is shown.
    pub(crate) fn text(self) -> String {
        self.0.to_string().replacen("gen_", "req_", 1)
    }
}

/// All routes.
///
/// Inference is told by its path before the router sees it: boxing, extracting and layers cost a twentieth of such a
/// request, and it needs none of them.
#[derive(Clone)]
pub struct Routes {
    app: Arc<App>,
    rest: Router,
}

/// All routes.
pub fn service(app: Arc<App>) -> Routes {
    let rest = Router::new()
        .route("/v1/chat/completions", post(wrong_method))
        .route("/v1/messages", post(wrong_method))
        .route("/v1/messages/count_tokens", post(wrong_method))
        .route("/v1/responses", post(wrong_method))
        .route("/v1/embeddings", post(wrong_method))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/v1beta/models", get(models::list))
        .route("/v1beta/models/{*id}", get(models::one))
        .route("/v1/credits/pricing", get(lookups::pricing_query).post(lookups::pricing_body))
        .route("/v1/credits/balance", get(lookups::balance))
        .route("/v1/key", get(lookups::key))
        .route("/v1/generation", get(lookups::generation))
        .route("/v1/features", get(lookups::features))
        .route("/", get(root))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(&app));
    Routes { app, rest }
}

impl<B> Service<Request<B>> for Routes
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// Gives the request its id, and the answer its header.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let id = RequestId(fresh_id(self.app.gateway.clock().now(), self.app.gateway.entropy()));
        let mut request = request.map(Body::new);
        let inference = InferenceRoute::of(request.method(), request.uri());
        if has_key(request.uri()) {
            let surface = inference
                .as_ref()
                .map_or_else(|| surface_of_path(request.uri().path()), |asked| surface_of_api(asked.api));
            let problem = Problem::new(ErrorType::InvalidRequest, KEY_IN_ADDRESS).with("param", "key");
            return Box::pin(async move { Ok(named(problem.into_response(surface, &id.text()), id)) });
        }
        if let Some(asked) = inference {
            let app = Arc::clone(&self.app);
            let (head, body) = request.into_parts();
            return Box::pin(
                async move { Ok(named(inference::answer(app, id, asked, (head.headers, body)).await, id)) },
            );
        }
        request.extensions_mut().insert(id);
        let answer = self.rest.call(request);
        Box::pin(async move { answer.await.map(|response| named(response, id)) })
    }
}

/// What a path asks for, where it asks for inference.
pub(crate) struct InferenceRoute {
    /// Through which API.
    pub(crate) api: Api,
    /// The model and how it is to answer, where the path says so.
    pub(crate) named: Option<PathParameters>,
    /// Whether its tokens are to be counted, and nothing is to be answered.
    pub(crate) counts: bool,
    /// How the events of a stream stand on the wire.
    pub(crate) framing: Framing,
}

impl InferenceRoute {
    fn of(method: &Method, uri: &Uri) -> Option<Self> {
        let (mut named, mut counts) = (None, false);
        let api = match (method, uri.path()) {
            (&Method::POST, "/v1/messages/count_tokens") => {
                counts = true;
                Api::AnthropicMessages
            }
            (&Method::POST, "/v1/chat/completions") => Api::OpenaiChat,
            (&Method::POST, "/v1/messages") => Api::AnthropicMessages,
            (&Method::POST, "/v1/responses") => Api::OpenaiResponses,
            (&Method::POST, "/v1/embeddings") => Api::OpenaiEmbeddings,
            (&Method::POST, path) => {
                // SDKs ask for either version; what is meant is the same.
                let rest = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"));
                let (found, method) = named_in(rest?)?;
                counts = method == "countTokens";
                named = Some(found);
                Api::GeminiGenerate
            }
            _ => return None,
        };
        let mut pairs = uri.query().unwrap_or_default().split('&');
        let streams = named.as_ref().is_some_and(|named| named.stream == "true");
        let framing = if streams && !pairs.any(|pair| pair == "alt=sse") { Framing::Array } else { Framing::Events };
        Some(Self { api, named, counts, framing })
    }
}

/// `author/model:generateContent`, and the same with `streamGenerateContent`; the slash may be encoded.
fn named_in(rest: &str) -> Option<(PathParameters, &str)> {
    let (model, method) = rest.rsplit_once(':')?;
    let stream = match method {
        "generateContent" | "countTokens" => "false",
        "streamGenerateContent" => "true",
        _ => return None,
    };
    // No model's name needs another escape.
    let model = model.replace("%2F", "/").replace("%2f", "/");
    Some((PathParameters { model: serde_json::Value::from(model).to_string(), stream }, method))
}

/// The answer with its request's id, under the names that the clients of both APIs look for.
fn named(mut response: Response, id: RequestId) -> Response {
    if let Ok(value) = HeaderValue::try_from(id.text()) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value.clone());
        response.headers_mut().insert(HeaderName::from_static("request-id"), value);
    }
    response
}

/// Claude Code asks for it with HEAD before it sends anything.
async fn root() -> &'static str {
    "OpenCredits\n"
}

async fn healthy() -> &'static str {
    "ok\n"
}

async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, (http::StatusCode, &'static str)> {
    if app.ready.load(Ordering::Relaxed) && app.gateway.ledger().is_sound() {
        Ok("ready\n")
    } else {
        Err((http::StatusCode::SERVICE_UNAVAILABLE, "not ready\n"))
    }
}

async fn unknown_path(uri: Uri, axum::Extension(id): axum::Extension<RequestId>) -> Response<Body> {
    let message = format!("there is nothing at {}; docs/api.md lists the paths", uri.path());
    Problem::new(ErrorType::NotFound, message).into_response(surface_of_path(uri.path()), &id.text())
}

async fn wrong_method(uri: Uri, axum::Extension(id): axum::Extension<RequestId>) -> Response<Body> {
    if is_custom(uri.path()) {
        return unknown_path(uri, axum::Extension(id)).await;
    }
    let message = format!("{} does not take this method", uri.path());
    Problem::new(ErrorType::MethodNotAllowed, message).into_response(surface_of_path(uri.path()), &id.text())
}

/// Whether the query has a key, however its name is written.
fn has_key(uri: &Uri) -> bool {
    uri.query().is_some()
        && Query::<Vec<(String, String)>>::try_from_uri(uri)
            .is_ok_and(|Query(pairs)| pairs.iter().any(|(name, _)| name == "key"))
}

/// The surface of an API.
pub(crate) const fn surface_of_api(api: Api) -> ApiSurface {
    match api {
        Api::OpenaiChat | Api::OpenaiEmbeddings => ApiSurface::OpenaiChat,
        Api::AnthropicMessages => ApiSurface::AnthropicMessages,
        Api::OpenaiResponses => ApiSurface::OpenaiResponses,
        Api::GeminiGenerate => ApiSurface::GeminiGenerate,
    }
}

/// Whether a path names a method behind its resource, as `gemini-generate` does: `models/m:embedContent`.
fn is_custom(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|last| last.contains(':'))
}

/// The surface that the clients of a path expect.
pub(crate) fn surface_of_path(path: &str) -> ApiSurface {
    match path {
        path if path.starts_with("/v1/models/") && is_custom(path) => ApiSurface::GeminiGenerate,
        path if path.starts_with("/v1/messages") => ApiSurface::AnthropicMessages,
        path if path.starts_with("/v1/responses") => ApiSurface::OpenaiResponses,
        path if path.starts_with("/v1beta/") => ApiSurface::GeminiGenerate,
        _ => ApiSurface::OpenaiChat,
    }
}
