//! A session begins, is shown, and ends.

use super::{current, problem, sign_in, signed_in};
use crate::answer::{Answer, created, done, private};
use crate::body::read_json;
use crate::carried::session_digest;
use crate::embedding;
use crate::errors::{ErrorType, Problem};
use crate::faults::timestamp;
use crate::json;
use crate::openapi::shapes;
use crate::peer::Peer;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Extension, State};
use http::HeaderMap;
use http::header::USER_AGENT;
use opencredits_service::sign_in::{Accept, AssertionAnswer, Browser, Proof, SignIn};
use opencredits_store::SessionRecord;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BeginSession {
    challenge: Option<String>,
    code: Option<String>,
    link: Option<String>,
    passkey: Option<PasskeyProof>,
    accept: Option<AcceptTerms>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasskeyProof {
    challenge: String,
    credential: AssertionAnswer,
    embedder: Option<Embedder>,
}

/// The page around the checkout, where the passkey was asked for in its frame.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Embedder {
    publishable_key: String,
    origin: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptTerms {
    terms: String,
    #[serde(default)]
    age_16: bool,
}

impl BeginSession {
    fn embedder(&self) -> Option<&Embedder> {
        self.passkey.as_ref()?.embedder.as_ref()
    }

    fn proof(&self) -> Option<Proof<'_>> {
        match self {
            Self { challenge: Some(challenge), code: Some(typed), link: None, passkey: None, .. } => {
                Some(Proof::Code { challenge, typed })
            }
            Self { challenge: None, code: None, link: Some(link), passkey: None, .. } => Some(Proof::Link(link)),
            Self { challenge: None, code: None, link: None, passkey: Some(passkey), .. } => {
                let PasskeyProof { challenge, credential: answer, embedder } = passkey;
                Some(Proof::Passkey { challenge, answer, embedder: embedder.as_ref().map(|page| &*page.origin) })
            }
            _ => None,
        }
    }
}

/// `POST /v1/auth/session`: signs in. The token is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/v1/auth/session",
    summary = "Sign in",
    description = "The token of the session is in this answer and nowhere else. Who signs in for the first time accepts the terms.",
    request_body = shapes::SessionToBegin,
    responses((status = 201, description = "It was made.", body = shapes::SessionBegun)),
)]
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let sign_in = sign_in(&app)?;
    let asked: BeginSession = read_json(&app, &headers, body).await?;
    let Some(proof) = asked.proof() else {
        let message = "send challenge and code, or link, or passkey; one of the three";
        return Err(Problem::new(ErrorType::InvalidRequest, message));
    };
    if let Some(Embedder { publishable_key, origin }) = asked.embedder() {
        embedding::shown(&app, publishable_key, origin).await?;
    }
    let accept = asked.accept.as_ref().map(|accept| Accept { terms: &accept.terms, age_16: accept.age_16 });
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let browser = Browser { from: peer.0, user_agent, old: session_digest(&headers).ok() };
    let begun = sign_in.sign_in(&proof, accept.as_ref(), &browser).await;
    let begun = begun.map_err(|fault| problem(&app, fault))?;
    let answer = json!({
        "session_token": begun.token.reveal(),
        "session": shown(sign_in, &begun.session),
        "user": { "id": begun.session.user, "email": begun.email },
        "is_new": begun.is_new,
    });
    Ok(created(&answer))
}

fn shown(sign_in: &SignIn, session: &SessionRecord) -> Value {
    json!({
        "id": session.id,
        "browser": session.browser,
        "created_at": timestamp(session.created_at),
        "expires_at": timestamp(sign_in.ends_at(session)),
    })
}

/// `GET /v1/auth/session`: who is signed in.
#[utoipa::path(
    get,
    path = "/v1/auth/session",
    summary = "Who is signed in",
    description = "The person and the session.",
    security(("session" = [])),
    responses((status = 200, description = "What was asked for.", body = shapes::WhoIsSignedIn)),
)]
pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let (sign_in, session) = (sign_in(&app)?, current(&app, &headers).await?);
    let account = sign_in.account(session.user).await.map_err(|fault| problem(&app, fault))?;
    Ok(private(json::ok(&json!({
        "user": { "id": account.user, "email": account.email, "role": account.role.name() },
        "session": shown(sign_in, &session),
        "terms_version": account.terms_version,
    }))))
}

/// `DELETE /v1/auth/session`: signs out.
#[utoipa::path(
    delete,
    path = "/v1/auth/session",
    summary = "Sign out",
    description = "Ends the session.",
    security(("session" = [])),
    responses((status = 204, description = "It is done.")),
)]
pub(crate) async fn end(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let who = signed_in(&app, &headers).await?;
    sign_in(&app)?.end_session(who.user, who.session).await.map_err(|fault| problem(&app, fault))?;
    Ok(done())
}
