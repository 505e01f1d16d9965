//! The checkout page of the processor without money: plainly marked, for trying things out.

use crate::address::Path;
use crate::answer::Answer;
use crate::body;
use crate::errors::{ErrorType, Problem};
use crate::payment_app::PaymentApp;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use opencredits_billing::{
    Money, PaymentRef, PaymentState, Progress, SANDBOX_PORTAL_PREFIX, Sandbox, SandboxPayment, SandboxPortal, SessionId,
};
use std::sync::Arc;

const PAGE: &str = include_str!("sandbox.html");
const STYLE: &str = include_str!("sandbox.css");
/// Nothing from elsewhere. The form leads to the app that asked for the page, so its target is not bound.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Receipts and payment methods that the page shows at most.
const RECEIPTS_MAX: usize = 100;
/// The largest form.
const FORM_BYTES_MAX: usize = 1 << 10;

/// `GET /sandbox/checkout.css`.
pub(crate) async fn style() -> Response<Body> {
    answer("text/css; charset=utf-8", STYLE.to_owned())
}

/// `GET /sandbox/checkout/{session}`: the page; or that of a customer's receipts and payment methods.
pub(crate) async fn page(State(app): State<Arc<App>>, Path(session): Path<String>) -> Answer {
    let content = match session.strip_prefix(SANDBOX_PORTAL_PREFIX) {
        Some(customer) => portal(&app, customer)?,
        None => checkout(&found(&app, &session)?.2),
    };
    Ok(answer("text/html; charset=utf-8", PAGE.replace("{CONTENT}", &content)))
}

/// `POST /sandbox/checkout/{session}`: the buyer chooses.
pub(crate) async fn choose(
    State(app): State<Arc<App>>,
    Path(session): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    Ok(redirect(&chosen(&app, &session, &headers, body).await?))
}

async fn chosen(app: &App, session: &str, headers: &HeaderMap, body: Body) -> Result<String, Problem> {
    let (payments, sandbox, payment) = found(app, session)?;
    let form = body::read_small(app, (headers, body), FORM_BYTES_MAX).await?;
    let id: SessionId = session.parse().map_err(|_| unknown())?;
    let now = app.gateway.clock().now();
    if payment.state.progress == Progress::Paid {
        // A second click on the button.
        return Ok(payment.success_url);
    }
    if !matches!(payment.state.progress, Progress::Open | Progress::Waiting) {
        return Err(Problem::new(ErrorType::InvalidRequest, "this page can no longer be paid on; buy again"));
    }
    let (done, to) = match form.as_ref() {
        b"choice=pay" => (sandbox.pay(&id, now), &payment.success_url),
        b"choice=later" => (sandbox.pay_later(&id), &payment.success_url),
        b"choice=decline" => (sandbox.decline(&id), &payment.cancel_url),
        b"choice=cancel" => (Ok(()), &payment.cancel_url),
        _ => return Err(Problem::new(ErrorType::InvalidRequest, "choice is pay, later, decline or cancel")),
    };
    done.map_err(|error| Problem::new(ErrorType::InvalidRequest, error.to_string()))?;
    // The same that an event of a real processor does.
    if let Err(error) = payments.purchases.settle(&PaymentRef::Session(id)).await {
        tracing::error!(%error, "a payment of the sandbox cannot be settled");
    }
    Ok(to.clone())
}

fn found<'a>(app: &'a App, session: &str) -> Result<(&'a PaymentApp, &'a Sandbox, SandboxPayment), Problem> {
    let payments = app.payments.as_deref().ok_or_else(unknown)?;
    let sandbox = payments.sandbox.as_deref().ok_or_else(unknown)?;
    let id = session.parse().map_err(|_| unknown())?;
    let payment = sandbox.page(&id).map_err(|_| unknown())?;
    Ok((payments, sandbox, payment))
}

fn unknown() -> Problem {
    Problem::new(ErrorType::NotFound, "there is no such test page; a restart of the server forgets them, so buy again")
}

fn checkout(payment: &SandboxPayment) -> String {
    let total = total(payment.state.asked.minor(), &payment.state);
    let (state, is_open) = match payment.state.progress {
        Progress::Open => ("This page stands in for that of a payment processor.", true),
        Progress::Waiting => ("Waiting for the bank. Pay to let the money arrive, or decline.", true),
        Progress::Paid => ("This purchase is paid.", false),
        _ => ("This purchase can no longer be paid.", false),
    };
    let buttons = if is_open { BUTTONS } else { "" };
    format!("<h1>{total}</h1>\n<p>{state}</p>\n{buttons}")
}

/// The page of a customer's receipts and saved payment methods.
fn portal(app: &App, customer: &str) -> Result<String, Problem> {
    let sandbox = app.payments.as_deref().and_then(|payments| payments.sandbox.as_deref()).ok_or_else(unknown)?;
    Ok(portal_html(&sandbox.portal(&customer.parse().map_err(|_| unknown())?)))
}

fn portal_html(portal: &SandboxPortal) -> String {
    let mut rows = String::new();
    for payment in portal.payments.iter().take(RECEIPTS_MAX) {
        let state = &payment.state;
        let at = i64::try_from(state.created_at.get()).unwrap_or_default();
        let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
        let order = state.order.as_ref().map_or("", |order| order.as_str());
        let refunded: i64 =
            state.refunds.iter().filter(|refund| refund.status.counts()).map(|one| one.amount.minor()).sum();
        let note = if refunded > 0 { format!(", {} refunded", total(refunded, state)) } else { String::new() };
        let (day, paid) = (at.strftime("%Y-%m-%d"), total(state.paid.map_or(0, Money::minor), state));
        rows += &format!("<li>{day}: {paid}{note}<br><small>{}</small></li>\n", escaped(order));
    }
    let mut methods = String::new();
    for method in portal.methods.iter().take(RECEIPTS_MAX) {
        methods += &format!("<li>Test card <small>{}</small></li>\n", escaped(method.as_str()));
    }
    let none =
        |list: String, none: &str| if list.is_empty() { format!("<p>{none}</p>") } else { format!("<ul>{list}</ul>") };
    let back = portal.return_url.as_deref().map(|url| format!("<p><a href=\"{}\">Go back</a></p>", escaped(url)));
    let methods = none(methods, "No payment method is saved.");
    let receipts = none(rows, "No payment is known. A restart of the server forgets test payments.");
    let head = format!("<h1>Your payments</h1>\n<h2>Payment methods</h2>\n{methods}\n<h2>Receipts</h2>\n{receipts}");
    format!("{head}\n{}", back.unwrap_or_default())
}

/// An amount in a payment's currency, such as `12.50 USD`.
fn total(minor: i64, state: &PaymentState) -> String {
    format!("{} {}", super::problem::decimal(minor), state.asked.currency()).to_uppercase()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const BUTTONS: &str = r#"<form method="post">
<button name="choice" value="pay" class="main">Pay</button>
<button name="choice" value="later">Pay by a bank that takes days</button>
<button name="choice" value="decline">Let the bank decline</button>
<button name="choice" value="cancel">Go back</button>
</form>"#;

fn answer(kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn redirect(to: &str) -> Response<Body> {
    let mut response = answer("text/plain; charset=utf-8", String::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
