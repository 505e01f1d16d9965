//! The routes, and the steps that all requests share.

use crate::cors::Cors;
use crate::errors::{ApiSurface, Problem};
use crate::head::Head;
use crate::inference::Caller;
use crate::inference_route::InferenceRoute;
use crate::openapi::{self, Document};
use crate::operator::{self, OperatorApp};
use crate::pages::{method_problem, unknown_path, wrong_method};
use crate::parse_errors::Answers;
use crate::peer::Peer;
use crate::places::Place;
use crate::state::{App, RequestId};
use crate::surface::{surface_of_api, surface_of_path};
use crate::templates::{self, Template};
use crate::{
    answer, applications, auth, connections, history, inference, keys, lookups, models, pages, partner, payments,
    portal, privacy, quotes, rates, sessions, webhooks,
};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{BoxError, Router};
use http::header::ALLOW;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use opencredits_keys::Mode;
use opencredits_service::access::RequestTrace;
use opencredits_service::fresh_id;
use opencredits_service::mail::Bounces;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use tower_service::Service;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// All routes.
///
/// Requests for inference bypass the router: boxing, extractors and layers cost a twentieth of such a request, and it needs
/// none of them.
#[derive(Clone)]
pub struct Routes {
    live: Side,
    /// Test keys are served here, and nothing else is.
    test: Option<Side>,
    /// The place of the connection; `None` where requests do not come over one of ours.
    place: Option<Arc<Place>>,
}

/// What serves the keys of one mode.
#[derive(Clone)]
struct Side {
    app: Arc<App>,
    rest: Router,
}

/// The pages of test mode, which carry no key.
const TEST_PAGES: &str = "/test/";
/// What names the span of a caller (W3C Trace Context).
static TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// The names under which the clients of both APIs look for the id of a request.
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

impl Routes {
    /// What serves a request: the one place where test keys and live ones part.
    fn side<B>(&self, request: &Request<B>) -> &Side {
        let is_test = auth::mode(request.headers()) == Mode::Test || request.uri().path().starts_with(TEST_PAGES);
        match &self.test {
            Some(test) if is_test => test,
            _ => &self.live,
        }
    }

    /// The same for the connection at this place.
    pub(crate) fn at(&self, place: Arc<Place>) -> Self {
        Self { place: Some(place), ..self.clone() }
    }

    /// The same with a route for webhooks about mails that came back. Without it there is no such route.
    #[must_use]
    pub fn with_bounces(mut self, bounces: Arc<Bounces>) -> Self {
        let route = post(webhooks::bounces).fallback(wrong_method_of_programs);
        let routes = Router::new().route(webhooks::BOUNCES_PATH, route).with_state(bounces);
        self.live.rest = self.live.rest.merge(templates::told_by(routes));
        self
    }

    /// The same with the routes of operators. Without them there is nothing at their paths.
    #[must_use]
    pub fn with_operator(mut self, operator: OperatorApp) -> Self {
        let routes = pages::operator::routes().merge(operator::routes()).with_state(operator);
        self.live.rest = self.live.rest.merge(templates::told_by(routes));
        self
    }

    /// The id of a new request.
    pub(crate) fn fresh_id(&self) -> RequestId {
        RequestId(fresh_id(self.live.app.gateway.clock().now(), self.live.app.gateway.entropy()))
    }
}

impl Answers for Routes {
    fn fresh_id(&self) -> String {
        Self::fresh_id(self).text()
    }

    fn cors_lines(&self) -> String {
        self.live.app.settings.front.now().cors_origins.lines()
    }
}

/// All routes, before they know whom they serve. Collecting them takes some milliseconds, most of it for their operations.
static COLLECTED: LazyLock<Router<Arc<App>>> = LazyLock::new(|| documented().split_for_parts().0);

/// Collects the routes that [`service`] needs, so that a start can have it done beside other work.
pub fn collect_routes() {
    LazyLock::force(&COLLECTED);
}

/// The service that answers all routes.
pub fn service(app: Arc<App>) -> Routes {
    let test = app.test.as_ref().map(|test| side(COLLECTED.clone(), Arc::clone(test.app())));
    Routes { live: side(COLLECTED.clone(), app), test, place: None }
}

fn side(router: Router<Arc<App>>, app: Arc<App>) -> Side {
    let document = Arc::new(Document::new(operations, &app.pages.pages.site().url));
    let show = move |headers: HeaderMap| {
        let document = Arc::clone(&document);
        async move { document.answer(&headers) }
    };
    let rest = router
        .route(openapi::PATH, get(show))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(&app));
    Side { app, rest: templates::told_by(rest) }
}

/// All routes. Those of programs are by `routes!`, which takes path and method from the handler's operation, and so is in
/// the document; pages and paths with a wildcard are by `route`.
pub(crate) fn documented() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .route("/v1/chat/completions", post(wrong_method))
        .route("/v1/messages", post(wrong_method))
        .route("/v1/messages/count_tokens", post(wrong_method))
        .route("/v1/responses", post(wrong_method))
        .route("/v1/embeddings", post(wrong_method))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/v1beta/models", get(models::list))
        .route("/v1beta/models/{*id}", get(models::one))
        .routes(routes!(quotes::by_query, quotes::by_body))
        .routes(routes!(lookups::balance))
        .routes(routes!(lookups::key))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::one, keys::edit, keys::revoke))
        .routes(routes!(keys::credits))
        .routes(routes!(lookups::generation))
        .merge(payments::routes())
        .routes(routes!(history::generations))
        .routes(routes!(history::transactions))
        .routes(routes!(history::activity))
        .merge(partner_routes())
        .merge(sessions::routes())
        .merge(connections::routes())
        .merge(privacy::routes())
        .routes(routes!(lookups::features))
        .merge(pages::of_programs())
        .merge(pages::routes().into())
        .routes(routes!(healthy))
        .routes(routes!(ready))
}

/// What the document says of all routes, before it is completed.
pub(crate) fn operations() -> OpenApi {
    documented().into_openapi()
}

/// What partners see of themselves, and how people become partners.
fn partner_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(partner::show))
        .routes(routes!(partner::usage))
        .routes(routes!(partner::referrals))
        .routes(routes!(partner::statements))
        .routes(routes!(partner::payouts))
        .routes(routes!(applications::apply))
        .routes(routes!(applications::list))
        .merge(portal::routes())
}

/// An answer on its way.
type Answering = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl<B> Service<Request<B>> for Routes
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        self.answer(request)
    }
}

/// For connections. The adapter for the trait above would clone all routes for each request: their counts of owners are one
/// for all threads.
impl<B> hyper::service::Service<Request<B>> for Routes
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<B>) -> Answering {
        self.answer(request)
    }
}

impl Routes {
    /// Gives the request its id, and the answer its headers.
    fn answer<B>(&self, request: Request<B>) -> Answering
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let id = self.fresh_id();
        let place = self.place.clone();
        let side = self.side(&request);
        let front = side.app.settings.front.now();
        let cors = front.cors_origins.of(&request);
        let trace = RequestTrace::begin(side.app.gateway.access(), id.0, request.method());
        trace.follows(request.headers().get(&TRACE_PARENT).and_then(|parent| parent.to_str().ok()));
        let headed = Headed { id, mode: side.app.gateway.mode(), cors };
        if let Some(preflight) = headed.cors.as_ref().and_then(|cors| cors.preflight(&request)) {
            let headed = Headed { cors: None, ..headed };
            trace.answered(preflight.status().as_u16());
            return Box::pin(async move { Ok(headed.on(preflight)) });
        }
        let mut request = request.map(Body::new);
        let inference = InferenceRoute::of(request.method(), request.uri());
        if let Some(route) = &inference {
            trace.at(route.template);
            trace.infers(route.api);
        }
        let head = Head {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            is_received: place.is_some(),
        };
        if let Some(problem) = head.problem(side.app.settings.header_bytes_max) {
            let surface = inference
                .as_ref()
                .map_or_else(|| surface_of_path(request.uri().path()), |route| surface_of_api(route.api));
            trace.failed(problem.kind().row().error_type);
            trace.answered(problem.kind().row().status.as_u16());
            return Box::pin(async move { Ok(headed.on(problem.response(surface, &id.text()))) });
        }
        if let Some(route) = inference {
            let caller = Caller { app: Arc::clone(&side.app), front, id, place, trace };
            return Box::pin(inference::answer(caller, route, request, move |response| Ok(headed.on(response))));
        }
        let peer = Peer::of(place.as_deref(), request.headers());
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(id);
        let surface = surface_of_path(request.uri().path());
        let answer = side.rest.clone().call(request);
        let formed = async move { answer.await.map(|response| formed(response, surface, (id, &trace))) };
        Box::pin(async move { rates::told(formed).await.map(|response| headed.on(response)) })
    }
}

/// The answer, in which a handler's problem gets its form. The trace is told what became of the request.
fn formed(mut response: Response, surface: ApiSurface, (id, trace): (RequestId, &RequestTrace)) -> Response {
    if let Some(template) = response.extensions_mut().remove::<Template>() {
        template.tell(trace);
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        trace.answered(response.status().as_u16());
        return response;
    };
    trace.failed(problem.kind().row().error_type);
    let mut formed = problem.response(surface, &id.text());
    trace.answered(formed.status().as_u16());
    // The router has named the methods that the path takes.
    if let Some(methods) = response.headers_mut().remove(ALLOW) {
        formed.headers_mut().insert(ALLOW, methods);
    }
    formed
}

/// What every answer is given.
struct Headed {
    id: RequestId,
    mode: Mode,
    cors: Option<Cors>,
}

impl Headed {
    /// Adds the request's id, under the header names that the clients of both APIs look for, the mode, and what browsers
    /// need.
    fn on(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        if let Some(cors) = self.cors {
            cors.tell(headers);
        }
        answer::mode_header(self.mode, headers);
        if let Ok(value) = HeaderValue::try_from(self.id.text()) {
            headers.insert(&X_REQUEST_ID, value.clone());
            headers.insert(&REQUEST_ID, value);
        }
        response
    }
}

#[utoipa::path(
    get,
    path = "/healthz",
    summary = "Whether the process runs",
    description = "200 while it runs.",
    responses((status = 200, description = "It runs.", body = String, content_type = "text/plain")),
)]
async fn healthy() -> &'static str {
    "ok\n"
}

#[utoipa::path(
    get,
    path = "/readyz",
    summary = "Whether requests are taken",
    description = "503 while a failed disk stops the ledger, and after the process was told to stop.",
    responses((status = 200, description = "It takes requests.", body = String, content_type = "text/plain"), (status = 503, description = "It does not.", body = String, content_type = "text/plain")),
)]
async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, (http::StatusCode, &'static str)> {
    if app.ready.load(Ordering::Relaxed) && app.gateway.ledger().is_sound() {
        Ok("ready\n")
    } else {
        Err((http::StatusCode::SERVICE_UNAVAILABLE, "not ready\n"))
    }
}

/// The same where there are no pages.
async fn wrong_method_of_programs(uri: Uri) -> Problem {
    method_problem(uri.path())
}
