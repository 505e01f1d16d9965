//! The operator's pages. Nobody else sees that there are any: what stands in them is fetched with the session, and who has not
//! the role is told that there is nothing.

mod desk;
mod jobs;
mod ledger;
mod orders;
mod overview;
mod partner;
mod partners;
mod people;
mod person;
mod person_tables;
mod preview;
mod prices;
mod routes;

use crate::body::read_json;
use crate::errors::Problem;
use crate::operator::{Act, OperatorApp, problem};
use crate::pages::{PageRequest, unknown_path};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use desk::Desk;
use http::{Response, StatusCode};
use opencredits_pages::Area;
use opencredits_pages::views::Notice;
use opencredits_pages::views::operator::OperatorPage;
use serde::Deserialize;

#[derive(Clone, Copy)]
enum Which {
    Overview,
    People,
    Person,
    Partners,
    Partner,
    Orders,
    Order,
    Routes,
    Prices,
    Jobs,
    Ledger,
    Changes,
}

/// The pages by their paths.
const PAGES: [(&str, Which); 12] = [
    ("/operator", Which::Overview),
    ("/operator/people", Which::People),
    ("/operator/people/{id}", Which::Person),
    ("/operator/partners", Which::Partners),
    ("/operator/partners/{id}", Which::Partner),
    ("/operator/orders", Which::Orders),
    ("/operator/orders/{id}", Which::Order),
    ("/operator/routes", Which::Routes),
    ("/operator/prices", Which::Prices),
    ("/operator/jobs", Which::Jobs),
    ("/operator/ledger", Which::Ledger),
    ("/operator/changes", Which::Changes),
];

/// The routes.
pub(crate) fn routes() -> Router<OperatorApp> {
    let preview = post(preview).fallback(unknown_path);
    PAGES.into_iter().fold(Router::new().route("/operator/preview", preview), |router, (path, which)| {
        let one = move |State(state): State<OperatorApp>, request: PageRequest| page(which, state, request);
        router.route(path, get(one).fallback(unknown_path))
    })
}

async fn page(which: Which, state: OperatorApp, request: PageRequest) -> Response<Body> {
    if !request.wants_fragment() {
        return request.shell(Area::Operator);
    }
    match found(which, &state, &request).await {
        Ok(page) => request.fragment(&page),
        Err(problem) => told(&request, problem),
    }
}

async fn found(which: Which, state: &OperatorApp, request: &PageRequest) -> Result<OperatorPage, Problem> {
    let desk = Desk::of(state, request).await?;
    let page = match which {
        Which::Overview => overview::page(&desk).await,
        Which::People => people::page(&desk).await,
        Which::Person => person::page(&desk).await,
        Which::Partners => partners::page(&desk).await,
        Which::Partner => partner::page(&desk).await,
        Which::Orders => orders::all(&desk).await,
        Which::Order => orders::one(&desk).await,
        Which::Routes => Ok(routes::page(&desk)),
        Which::Prices => prices::page(&desk).await,
        Which::Jobs => jobs::page(&desk).await,
        Which::Ledger => ledger::page(&desk).await,
        Which::Changes => ledger::changes(&desk).await,
    };
    page.map_err(problem)
}

/// What is told in place of a page. A session that is over is told as JSON, as everywhere.
fn told(request: &PageRequest, problem: Problem) -> Response<Body> {
    match problem.kind().row().status {
        StatusCode::UNAUTHORIZED => problem.into_response(),
        StatusCode::NOT_FOUND => request.not_found(),
        status => request.notice(status, &Notice::failed(&request.path(), &request.id.text())),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    act: Act,
}

/// `POST /operator/preview`: what an act would do. It changes nothing.
async fn preview(State(state): State<OperatorApp>, request: PageRequest, body: Body) -> Response<Body> {
    let seen = async {
        let desk = Desk::of(&state, &request).await?;
        let Asked { act } = read_json(&state.app, &request.headers, body).await?;
        preview::of(&desk, &act).await.map_err(problem)
    };
    match seen.await {
        Ok(view) => request.fragment(&view),
        Err(problem) => problem.into_response(),
    }
}
