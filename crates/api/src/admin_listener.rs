//! The admin listener: metrics and health, on a port of its own, for the operator's machines.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections at once. A scraper needs one.
const CONNECTIONS_MAX: usize = 16;
/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 8_192;
/// How long a client may take to send a head, and how long it may be silent before.
const HEAD_READ: Duration = Duration::from_secs(10);
/// How long one connection may last: a scrape takes far less, and a client that does not read must not keep its place.
const CONNECTION_MAX: Duration = Duration::from_secs(60);
/// The wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The exposition format (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Tells every metric of the process.
#[async_trait::async_trait]
pub trait Expose: Send + Sync {
    /// All metrics, in Prometheus' text format.
    async fn text(&self) -> String;
}

/// The routes of the admin listener.
#[derive(Clone)]
pub struct AdminListener {
    metrics: Arc<dyn Expose>,
    /// What a request for metrics must carry.
    token: Option<Arc<str>>,
}

impl AdminListener {
    /// Tells these metrics, to who carries the token where there is one.
    #[must_use]
    pub fn new(metrics: Arc<dyn Expose>, token: Option<&str>) -> Self {
        Self { metrics, token: token.map(Arc::from) }
    }

    /// Serves until `stop` resolves.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let (routes, places) = (self.routes(), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => return,
                accepted = listener.accept() => accepted,
            };
            // What has ended is forgotten.
            while connections.try_join_next().is_some() {}
            match (accepted, Arc::clone(&places).try_acquire_owned()) {
                (Ok((stream, _)), Ok(place)) => {
                    let connection = connection(stream, routes.clone());
                    connections.spawn(async move {
                        let _ended_or_over = tokio::time::timeout(CONNECTION_MAX, connection).await;
                        drop(place);
                    });
                }
                (Ok(_), Err(_)) => {}
                (Err(_), _) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn routes(self) -> Router {
        Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(async || "ok\n"))
            .fallback(async || (StatusCode::NOT_FOUND, "the admin listener has /metrics and /healthz\n"))
            .with_state(self)
    }

    /// Whether a request carries the token, where one is needed.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let sent = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let is_bearer = |scheme: &[u8]| scheme.eq_ignore_ascii_case(b"bearer ");
        let sent = sent.split_at_checked(b"bearer ".len()).filter(|(scheme, _)| is_bearer(scheme));
        sent.is_some_and(|(_, sent)| sent.trim_ascii().ct_eq(token.as_bytes()).into())
    }
}

async fn metrics(State(admin): State<AdminListener>, headers: HeaderMap) -> impl IntoResponse {
    if admin.admits(&headers) {
        return ([(CONTENT_TYPE, TEXT_FORMAT)], admin.metrics.text().await).into_response();
    }
    let remedy = "send the token of admin.token as: Authorization: Bearer TOKEN\n";
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], remedy).into_response()
}

async fn connection(stream: TcpStream, routes: Router) -> Result<(), hyper::Error> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use tower_service::Service as _;

    struct Fixed;

    #[async_trait::async_trait]
    impl Expose for Fixed {
        async fn text(&self) -> String {
            "up 1\n".to_owned()
        }
    }

    /// What is answered to a request with this header `authorization`.
    async fn check(token: Option<&str>, path: &str, sent: Option<&str>, expect: (u16, &str)) {
        let mut request = Request::get(path);
        if let Some(sent) = sent {
            request = request.header(AUTHORIZATION, sent);
        }
        let mut routes = AdminListener::new(Arc::new(Fixed), token).routes();
        let answer = routes.call(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = std::str::from_utf8(&body).unwrap();
        assert_eq!(head.status.as_u16(), expect.0, "{path} {sent:?}");
        assert!(body.contains(expect.1), "{path} {sent:?}: {body}");
        assert_eq!(head.headers.contains_key(WWW_AUTHENTICATE), expect.0 == 401);
    }

    #[tokio::test]
    async fn metrics_are_told_to_who_carries_the_token_and_to_all_where_there_is_none() {
        check(None, "/metrics", None, (200, "up 1")).await;
        let token = Some("a token of sufficient length");
        check(token, "/metrics", Some("Bearer a token of sufficient length"), (200, "up 1")).await;
        check(token, "/metrics", Some("bearer a token of sufficient length"), (200, "up 1")).await;
        for wrong in [None, Some(""), Some("Bearer"), Some("Bearer a token"), Some("a token of sufficient length")] {
            check(token, "/metrics", wrong, (401, "admin.token")).await;
        }
        check(token, "/healthz", None, (200, "ok")).await;
        check(None, "/v1/models", None, (404, "/metrics")).await;
    }
}
