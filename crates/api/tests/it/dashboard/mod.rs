//! The pages of signed-in people, over the router.

mod own;
mod partner;
mod partner_pages;
mod shown;
mod sorted;

use crate::app::{Answer, TestApp, request};
use crate::payments::sandbox_payments;
use http::{HeaderValue, Method};
use opencredits_api::IdentityApp;
use opencredits_keys::{HashKey, SessionToken};
use opencredits_service::sign_in::{
    ActionLimits, LinkKeys, SecretMails, SessionLifetimes, SignIn, SignInKeys, SignInLimits, SignInPorts,
    SignInSettings, SignInTables, SignUp,
};
use opencredits_store::{SessionId, SessionRecord, User};
use serde_json::json;
use std::sync::Arc;

/// Every page that needs no id.
const PAGES: [&str; 9] = [
    "/dashboard",
    "/dashboard/activity",
    "/dashboard/requests",
    "/dashboard/keys",
    "/dashboard/keys/new",
    "/dashboard/apps",
    "/dashboard/transactions",
    "/dashboard/top-up",
    "/dashboard/account",
];

/// An application in which people sign in, that sells play credits.
pub(crate) async fn site() -> TestApp {
    let app = TestApp::new().await;
    let payments = sandbox_payments(&app);
    signing(app.with_payments(payments))
}

/// An application in which people sign in.
fn signing(app: TestApp) -> TestApp {
    let most = ActionLimits { address: 100, network: 100, overall: 100 };
    let settings = SignInSettings {
        terms_version: "1".to_owned(),
        sign_up: SignUp::Open,
        lifetimes: SessionLifetimes::default(),
        limits: SignInLimits { mails: most, answers: most },
        public_url: "https://credits.example".to_owned(),
        site_name: "OpenCredits".to_owned(),
    };
    let keys = SignInKeys { hash: HashKey::new([1; 32]), links: LinkKeys::new(vec![HashKey::new([2; 32])]).unwrap() };
    let ports = SignInPorts {
        accounts: app.accounts.clone(),
        mails: SecretMails::off(),
        clock: app.fixed.clone(),
        entropy: app.fixed.clone(),
    };
    let sign_in = SignIn::new(SignInTables::of(app.store.clone()), ports, keys, settings);
    app.with_identity(IdentityApp { sign_in: Arc::new(sign_in), privacy: None })
}

/// The token of a new session of a person.
pub(crate) async fn session(app: &TestApp, user: &User, n: u8) -> String {
    let token = SessionToken::generate([n; 32]);
    let now = app.gateway().clock().now();
    let record = SessionRecord {
        id: SessionId::at(now, [n; 10]),
        digest: token.digest(),
        user: user.id,
        browser: "Firefox on Linux".to_owned(),
        created_at: now,
        used_at: now,
        ended_at: None,
    };
    app.store.begin_session(&record, None, 50).await.unwrap();
    token.reveal().to_owned()
}

/// What stands in `<main>` of a page.
pub(crate) async fn fragment(app: &TestApp, path: &str, token: &str) -> Answer {
    let mut request = request(Method::GET, path, token, String::new());
    request.headers_mut().insert("opencredits-fragment", HeaderValue::from_static("main"));
    request.headers_mut().insert("accept", HeaderValue::from_static("text/html"));
    app.send(request).await
}

/// A page that must be there.
pub(crate) async fn page(app: &TestApp, path: &str, token: &str) -> String {
    let answer = fragment(app, path, token).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    // Slashes are escaped in attributes, which says the same.
    answer.text.replace("&#x2f;", "/")
}

/// Sends a request of a key, and gives its id.
pub(crate) async fn ask(app: &TestApp, key: &str, model: &str) -> String {
    let body = json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]});
    let answer = app.post("/v1/chat/completions", key, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.header("x-generation-id").to_owned()
}
