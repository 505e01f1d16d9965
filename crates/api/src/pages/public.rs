//! The landing page, signing in, and the policies.

use super::prices::{self, ASSUMED_TOKENS, Size};
use super::{PageRequest, models, wants_html};
use crate::state::App;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::VARY;
use opencredits_catalog::{Item, Model, ModelKind, Terms};
use opencredits_pages::Chrome;
use opencredits_pages::figures::{aligned, grouped_text};
use opencredits_pages::views::{BillRow, KeepAccount, Landing, PolicyKind, PolicyPage, SampleBill, SignIn, SignInLink};
use opencredits_units::{BasisPoints, Bucket, Tokens, Usage};

/// What programs are told at `/`: some send HEAD here before anything else.
const ROOT: &str = "OpenCredits\n";
/// The models on the landing page.
const SHOWN_MODELS: usize = 8;

/// `GET /`: the landing page for people.
pub(crate) async fn landing(request: PageRequest) -> Response<Body> {
    if !wants_html(&request.headers) {
        let mut response = ROOT.into_response();
        response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
        return response;
    }
    let app = &request.app;
    let models = models::newest(app, SHOWN_MODELS);
    let catalog = app.gateway.catalog();
    let sample = models.first().and_then(|row| catalog.resolve(&row.id).ok());
    let view = Landing {
        model_count: catalog.models().len(),
        bill: sample.and_then(|model| bill(app, model)),
        credit_price: prices::of_credit(app),
        markup_percent: prices::percent(app.gateway.settings().markup),
        share_percent: prices::percent(app.accounts.partner_terms().share_default),
        models,
    };
    request.page(&view)
}

/// The bill of a sample request to a model.
fn bill(app: &App, model: &Model) -> Option<SampleBill> {
    let mut usage = Usage::default();
    usage.set(Bucket::InputUncached, Tokens::new(ASSUMED_TOKENS));
    usage.set(Bucket::Output, Tokens::new(ASSUMED_TOKENS));
    let bill = model.route.card.price(&usage, None).ok().filter(|_| model.kind == ModelKind::Chat)?;
    let terms = Terms { markup: prices::markup(app, model), partner_share: BasisPoints::ZERO };
    let charge = terms.charge(bill.cost)?;
    let rates: Vec<String> = bill.lines.iter().map(|line| line.rate.usd_per_million().to_string()).collect();
    let sums = [charge.cost.to_string(), charge.margin.to_string()];
    let amounts: Vec<String> = bill.lines.iter().map(|line| line.amount.to_string()).chain(sums).collect();
    let (rates, mut amounts) = (aligned(&rates), aligned(&amounts));
    let (markup, cost) = (amounts.pop()?, amounts.pop()?);
    let rows = bill.lines.iter().zip(rates).zip(amounts).filter_map(|((line, rate), amount)| {
        let Item::Tokens(bucket) = line.item else { return None };
        Some(BillRow { class: bucket.name(), count: grouped_text(&line.quantity.get().to_string()), rate, amount })
    });
    let size = Size { input: ASSUMED_TOKENS, output: ASSUMED_TOKENS };
    Some(SampleBill {
        model: model.name.clone(),
        id: model.id.to_string(),
        rows: rows.collect(),
        cost,
        markup,
        total: prices::shown(app, prices::of_request(app, model, size)),
    })
}

/// `GET /terms`.
pub(crate) async fn terms(request: PageRequest) -> Response<Body> {
    policy(&request, PolicyKind::Terms)
}

/// `GET /privacy`.
pub(crate) async fn privacy(request: PageRequest) -> Response<Body> {
    policy(&request, PolicyKind::Privacy)
}

fn policy(request: &PageRequest, kind: PolicyKind) -> Response<Body> {
    let app = &request.app;
    request.page(&PolicyPage {
        kind,
        credit_price: prices::of_credit(app),
        markup_percent: prices::percent(app.gateway.settings().markup),
    })
}

/// `GET /sign-in`.
pub(crate) async fn sign_in(request: PageRequest) -> Response<Body> {
    let chrome = Chrome::public(request.uri.path()).unlisted();
    request.page_in(&SignIn::default(), &chrome)
}

/// `GET /sign-in/link`: spends nothing by itself.
pub(crate) async fn sign_in_link(request: PageRequest) -> Response<Body> {
    let chrome = Chrome::public(request.uri.path()).unlisted();
    request.page_in(&SignInLink::default(), &chrome)
}

/// `GET /account/deletion`: what the link in the mail about a deletion opens.
pub(crate) async fn keep_account(request: PageRequest) -> Response<Body> {
    let chrome = Chrome::public(request.uri.path()).unlisted();
    request.page_in(&KeepAccount::default(), &chrome)
}
