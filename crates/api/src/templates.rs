//! Tells the template of the route that answered a request, for the access log: a path may have ids in it, and whatever a
//! client wrote there.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use opencredits_service::access::RequestTrace;

/// The paths at which it is asked whether the process is well.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// The template of the route that answered; a response has it until it is given its headers.
#[derive(Clone)]
pub(crate) struct Template(MatchedPath);

impl Template {
    pub(crate) fn tell(&self, trace: &RequestTrace) {
        let template = self.0.as_str();
        if PROBES.contains(&template) {
            trace.probes();
        }
        trace.at(template.to_owned());
    }
}

/// The same routes, whose responses tell their template.
pub(crate) fn told_by(routes: Router) -> Router {
    routes.layer(from_fn(tell))
}

async fn tell(matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(path) = matched {
        response.extensions_mut().insert(Template(path));
    }
    response
}
