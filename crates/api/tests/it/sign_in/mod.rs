//! People sign in: whole flows, and what attacks them.

mod addresses;
mod attacks;
#[path = "../../../../identity/tests/it/authenticator.rs"]
#[expect(dead_code, reason = "shared with the tests of the crate identity, which use all of it")]
mod authenticator;
mod codes;
mod costly;
mod limits;
mod management;
mod passkeys;
pub(crate) mod privacy;
mod routes;
mod sessions;
mod timing;

use crate::app::{Answer, TestApp, request, start};
use async_trait::async_trait;
use http::Method;
use opencredits_api::IdentityApp;
use opencredits_email::{MailError, Mailer, Message, Site};
use opencredits_keys::HashKey;
use opencredits_service::sign_in::{
    ActionLimits, LinkKeys, SecretMailSettings, SecretMails, SessionLifetimes, SignIn, SignInKeys, SignInLimits,
    SignInPorts, SignInSettings, SignInTables, SignUp,
};
use opencredits_units::CreditPrice;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const TERMS: &str = "2026-11";

/// Keeps what it is to send.
#[derive(Default)]
struct Postbox(Mutex<Vec<Message>>);

#[async_trait]
impl Mailer for Postbox {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        self.0.lock().unwrap().push(message.clone());
        Ok(())
    }
}

/// An application in which people sign in, and their mailboxes.
struct Signing {
    app: TestApp,
    post: Arc<Postbox>,
}

fn settings() -> SignInSettings {
    let many = ActionLimits { address: 1_000, network: 1_000, overall: 10_000 };
    SignInSettings {
        terms_version: TERMS.to_owned(),
        sign_up: SignUp::Open,
        lifetimes: SessionLifetimes::default(),
        limits: SignInLimits { mails: many, answers: many },
        public_url: "https://credits.example".to_owned(),
        site_name: "Acme".to_owned(),
    }
}

fn identity(app: &TestApp, post: &Arc<Postbox>, settings: SignInSettings) -> IdentityApp {
    identity_on(app, post, settings, SignInTables::of(app.store.clone()))
}

fn identity_on(app: &TestApp, post: &Arc<Postbox>, settings: SignInSettings, tables: SignInTables) -> IdentityApp {
    let of_mails = SecretMailSettings {
        site: Site { name: "Acme".to_owned(), url: settings.public_url.clone(), credit_price: CreditPrice::default() },
        from: "Acme <mail@acme.example>".parse().unwrap(),
        reply_to: None,
    };
    let (mails, worker) = SecretMails::new(post.clone(), of_mails, (app.fixed.clone(), app.fixed.clone())).unwrap();
    start(worker.run());
    let links = LinkKeys::new(vec![HashKey::new([8; 32])]).unwrap();
    let keys = SignInKeys { hash: HashKey::new([9; 32]), links };
    let ports =
        SignInPorts { accounts: app.accounts.clone(), mails, clock: app.fixed.clone(), entropy: app.fixed.clone() };
    let sign_in = Arc::new(SignIn::new(tables, ports, keys, settings));
    IdentityApp { sign_in, privacy: Some(privacy::app(app)) }
}

/// What signs people in who read their mails themselves.
pub(crate) fn identity_of(app: &TestApp) -> IdentityApp {
    identity(app, &Arc::default(), settings())
}

impl Signing {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: SignInSettings) -> Self {
        let app = TestApp::new().await;
        let post = Arc::new(Postbox::default());
        let identity = identity(&app, &post, settings);
        Self { app: app.with_identity(identity), post }
    }

    fn sign_in(&self) -> &Arc<SignIn> {
        &self.app.app.identity.as_ref().unwrap().sign_in
    }

    async fn send(&self, method: Method, path: &str, session: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = request(method, path, session, body);
        request.headers_mut().insert("user-agent", FIREFOX.parse().unwrap());
        self.app.send(request).await
    }

    async fn post(&self, path: &str, session: &str, body: Value) -> Answer {
        self.send(Method::POST, path, session, &body).await
    }

    /// The newest mail to an address, which is on its way beside the answer.
    async fn mail(&self, to: &str) -> Message {
        for _ in 0..400 {
            let found = self.post.0.lock().unwrap().iter().rposition(|mail| mail.envelope.to.as_str() == to);
            if let Some(at) = found {
                return self.post.0.lock().unwrap().remove(at);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no mail to {to}");
    }

    /// The code in the newest mail to an address.
    async fn code(&self, to: &str) -> String {
        let text = self.mail(to).await.text;
        let code = text.lines().find(|line| line.len() == 7 && line.bytes().all(|b| b == b' ' || b.is_ascii_digit()));
        code.unwrap_or_else(|| panic!("no code in {text}")).to_owned()
    }

    /// Asks for a code, and gives the challenge and the code.
    async fn ask(&self, email: &str) -> (Value, String) {
        let asked = self.post("/v1/auth/code", "", json!({ "email": email })).await;
        assert_eq!(asked.status, 202, "{}", asked.text);
        (asked.json()["challenge"].clone(), self.code(email).await)
    }

    /// Signs in with a code; the answer.
    async fn enter(&self, email: &str) -> Value {
        let (challenge, code) = self.ask(email).await;
        let body = json!({ "challenge": challenge, "code": code, "accept": accept() });
        let begun = self.post("/v1/auth/session", "", body).await;
        assert_eq!(begun.status, 201, "{}", begun.text);
        begun.json()
    }

    /// The token of a new session.
    async fn token(&self, email: &str) -> String {
        token(&self.enter(email).await)
    }

    /// The status of the session with this token.
    async fn standing(&self, token: &str) -> u16 {
        self.send(Method::GET, "/v1/auth/session", token, &Value::Null).await.status.as_u16()
    }

    /// A code for a purpose, mailed to who is signed in.
    async fn confirm(&self, token: &str, email: &str, purpose: &str) -> (Value, String) {
        let asked = self.post("/v1/auth/code", token, json!({ "purpose": purpose })).await;
        assert_eq!(asked.status, 202, "{}", asked.text);
        (asked.json()["challenge"].clone(), self.code(email).await)
    }
}

fn accept() -> Value {
    json!({ "terms": TERMS, "age_16": true })
}

fn token(begun: &Value) -> String {
    begun["session_token"].as_str().unwrap().to_owned()
}

/// A code that is certainly another one.
fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}
