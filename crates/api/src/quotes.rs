//! Price quotes: what a request of a given size costs.

use crate::address::Query;
use crate::answer::{Answer, mode_header};
use crate::errors::{ErrorType, Problem};
use crate::openapi::shapes;
use crate::state::App;
use crate::{body, faults, json};
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use http::header::ORIGIN;
use opencredits_catalog::{Model, Terms};
use opencredits_keys::Mode;
use opencredits_service::accounts::AccountsError;
use opencredits_service::{Fault, RequestFault};
use opencredits_store::{Partner, Standing};
use opencredits_units::{BasisPoints, Bucket, NanoUsd, Tokens, Usage};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// The size of a request that names none, in tokens.
const ASSUMED_TOKENS: u64 = 2_500;
/// The largest body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// The models that a quote may name; without names it is about all.
const MODELS_MAX: usize = 1_000;

/// The request of a price quote.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(default)]
struct QuoteRequest {
    publishable_key: Option<String>,
    models: Option<Vec<String>>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// `GET /v1/credits/pricing`: models are separated by commas, or each has a parameter of its own.
#[utoipa::path(
    get,
    path = "/v1/credits/pricing",
    summary = "What requests cost",
    description = "The price of a request of a given size to each model.",
    params(
        ("models" = Option<String>, Query, description = "Models, separated by commas; all without it."),
        ("input_tokens" = Option<u64>, Query, description = "Tokens of input; 2500 without it."),
        ("output_tokens" = Option<u64>, Query, description = "Tokens of output; 2500 without it."),
        ("publishable_key" = Option<String>, Query, description = "The publishable key of an app, which must exist."),
    ),
    responses((status = 200, description = "What was asked for.", body = shapes::Quote)),
)]
pub(crate) async fn by_query(
    State(app): State<Arc<App>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Answer {
    let get = |parameter: &str| query.iter().find(|(name, _)| name == parameter).map(|(_, value)| value);
    let number = |name: &'static str| match get(name).map(|text| text.parse()) {
        Some(Err(_)) => {
            Err(Problem::new(ErrorType::InvalidRequest, format!("{name} is not a number")).with("param", name))
        }
        Some(Ok(count)) => Ok(Some(count)),
        None => Ok(None),
    };
    let lists = query.iter().filter(|(name, _)| name == "models" || name == "models[]");
    let models: Vec<_> = lists.flat_map(|(_, list)| list.split(',')).map(str::to_owned).collect();
    let request = QuoteRequest {
        publishable_key: get("publishable_key").cloned(),
        models: (!models.is_empty()).then_some(models),
        input_tokens: number("input_tokens")?,
        output_tokens: number("output_tokens")?,
    };
    quote(&app, &headers, request).await
}

/// `POST /v1/credits/pricing`.
#[utoipa::path(
    post,
    path = "/v1/credits/pricing",
    summary = "What requests cost",
    description = "The same as a body.",
    request_body = QuoteRequest,
    responses((status = 200, description = "What was asked for.", body = shapes::Quote)),
)]
pub(crate) async fn by_body(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let body = body::read_small(&app, (&headers, body), BODY_BYTES_MAX).await?;
    let request = serde_json::from_slice(&body)
        .map_err(|error| Problem::new(ErrorType::InvalidRequest, format!("the body is no price quote: {error}")))?;
    quote(&app, &headers, request).await
}

/// Refuses a publishable key that is unknown, or that pages of the request's origin may not use.
async fn check_publishable(app: &App, headers: &HeaderMap, key: &str) -> Result<Partner, Problem> {
    let failed = |error: AccountsError| match error {
        AccountsError::Store(error) => faults::problem(&error.into(), &app.settings),
        _ => faults::problem(&Fault::Closing, &app.settings),
    };
    let found = app.partners.partner_by_key(key).await.map_err(|error| failed(error.into()))?;
    let unknown = "there is no partner with this publishable_key; copy it again from the partner portal";
    let known = found.filter(|partner| partner.standing == Standing::Good);
    let known =
        known.ok_or_else(|| Problem::new(ErrorType::InvalidRequest, unknown).with("param", "publishable_key"))?;
    // An origin that is no text is one that nobody has listed.
    let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or("null"));
    if app.accounts.is_usable_at(key, origin).await.map_err(failed)? {
        return Ok(known);
    }
    let elsewhere = "pages of this origin may not use this publishable_key; the operator can list the origin";
    Err(Problem::new(ErrorType::PermissionDenied, elsewhere).with("param", "publishable_key"))
}

async fn quote(app: &App, headers: &HeaderMap, request: QuoteRequest) -> Answer {
    // A publishable key is in no header, by which requests are told apart before.
    let names_test = request.publishable_key.as_deref().is_some_and(|key| Mode::of_key(key) == Mode::Test);
    match &app.test {
        Some(test) if names_test => {
            let mut response = quote_in(test.app(), headers, request).await?;
            mode_header(Mode::Test, response.headers_mut());
            Ok(response)
        }
        _ => quote_in(app, headers, request).await,
    }
}

async fn quote_in(app: &App, headers: &HeaderMap, request: QuoteRequest) -> Answer {
    let problem = |fault: Fault| faults::problem(&fault, &app.settings);
    let partner = match &request.publishable_key {
        Some(key) => Some(check_publishable(app, headers, key).await?),
        None => None,
    };
    let of_partner = partner.and_then(|partner| app.gateway.keyring().markup_of(&partner));
    let catalog = app.gateway.catalog();
    let models: Vec<Arc<Model>> = match &request.models {
        None => catalog.models().to_vec(),
        Some(names) if names.len() > MODELS_MAX => {
            let message = format!("models has more than {MODELS_MAX} names; name fewer, or none to ask for all");
            return Err(Problem::new(ErrorType::InvalidRequest, message).with("param", "models"));
        }
        Some(names) => {
            let found = names.iter().map(|name| catalog.resolve(name).cloned());
            found.collect::<Result<_, _>>().map_err(|error| problem(RequestFault::from(error).into()))?
        }
    };
    let input = request.input_tokens.unwrap_or(ASSUMED_TOKENS);
    let output = request.output_tokens.unwrap_or(ASSUMED_TOKENS);
    let mut usage = Usage::default();
    usage.set(Bucket::InputUncached, Tokens::new(input));
    usage.set(Bucket::Output, Tokens::new(output));
    let mut quotes = Vec::with_capacity(models.len());
    for model in models {
        let terms = Terms { markup: app.gateway.markup(of_partner, &model), partner_share: BasisPoints::ZERO };
        let credits = plain_price(&model, &usage, terms).ok_or(Fault::Overflow).map_err(problem)?;
        let credits = json::number(app.settings.credit_price.show(credits));
        quotes.push(json!({ "id": &*model.id, "credits_per_request": credits }));
    }
    let assumption = json!({ "input_tokens": input, "output_tokens": output });
    Ok(json::ok(&json!({ "models": quotes, "token_assumption": assumption })))
}

/// The price of a request without cache, tools or another tier.
pub(crate) fn plain_price(model: &Model, usage: &Usage, terms: Terms) -> Option<NanoUsd> {
    let bill = model.route.card.price(usage, None).ok()?;
    terms.charge(bill.cost).map(|charge| charge.total)
}
