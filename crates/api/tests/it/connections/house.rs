//! An application in which people sign in and connect apps.

use crate::app::{Answer, TestApp, request};
use axum::body::Body;
use http::{Method, Request};
use opencredits_api::IdentityApp;
use opencredits_keys::{HashKey, SessionToken};
use opencredits_service::accounts::PublishableKeyEdit;
use opencredits_service::config::Config;
use opencredits_service::connections::{ConnectionParts, ConnectionTables, ConnectionTerms, Connections, Unregistered};
use opencredits_service::sign_in::{
    LinkKeys, SecretMails, SignIn, SignInKeys, SignInPorts, SignInSettings, SignInTables, SignUp,
};
use opencredits_service::{Clock as _, UsageReads};
use opencredits_store::{Partner, SessionId, SessionRecord, User};
use opencredits_units::{NanoUsd, UnixMs};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) const ISSUER: &str = "https://credits.example";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const BACK: &str = "https://app.example/back";
pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The application, an app of a partner, and a person who is signed in.
pub(crate) struct House {
    pub(crate) app: TestApp,
    pub(crate) partner: Partner,
    /// The partner's publishable key.
    pub(crate) client: String,
    pub(crate) user: User,
    pub(crate) session: String,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(ConnectionTerms::default()).await
    }

    /// The same where apps that are not registered may ask.
    pub(crate) async fn open() -> Self {
        let unregistered = Unregistered::CapMax(NanoUsd::new(5_000_000_000));
        Self::with(ConnectionTerms { unregistered, ..ConnectionTerms::default() }).await
    }

    async fn with(terms: ConnectionTerms) -> Self {
        let app = TestApp::new().await;
        let (identity, connections) = (sign_in(&app), connected(&app, terms));
        let app = app.with_identity(identity).with_connections(connections);
        let partner = app.partner().await;
        let client = partner.publishable_key.clone();
        let (user, _) = app.person(20).await;
        let house = Self { session: session(&app, &user, 1).await, app, partner, client, user };
        let partner = house.partner.clone();
        house.register(&partner, &[BACK, "http://127.0.0.1/back", "com.example.app:/key"]).await;
        house
    }

    /// Registers redirect URLs for the first key of a partner.
    pub(crate) async fn register(&self, partner: &Partner, urls: &[&str]) {
        let key = self.app.accounts.publishable_keys(&partner.id.to_string()).await.unwrap().remove(0);
        let redirect_urls = Some(urls.iter().map(|url| (*url).to_owned()).collect());
        let edit = PublishableKeyEdit { redirect_urls, ..PublishableKeyEdit::default() };
        self.app.accounts.edit_publishable_key(key.id, edit).await.unwrap();
    }

    /// Another browser of the person's.
    pub(crate) async fn other_session(&self, n: u8) -> String {
        session(&self.app, &self.user, n).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.app.send(request(method, path, &self.session, body)).await
    }

    /// A form, as apps send it.
    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.form_text(path, &query(fields)).await
    }

    pub(crate) async fn form_text(&self, path: &str, form: &str) -> Answer {
        let request = Request::builder().method(Method::POST).uri(path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.app.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// The query of an authorization request that holds.
    pub(crate) fn asked(&self) -> String {
        query(&[
            ("response_type", "code"),
            ("client_id", &self.client),
            ("redirect_uri", BACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "a state & more"),
        ])
    }

    /// What the person decides at a page.
    pub(crate) async fn decide(&self, path: &str, query: &str, decision: &str) -> Answer {
        self.call(Method::POST, path, &json!({"query": query, "decision": decision, "cap_usd": "3"})).await
    }

    /// A code that the person has allowed.
    pub(crate) async fn code(&self) -> String {
        let answer = self.decide("/oauth/authorize", &self.asked(), "allow").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        parameter(answer.json()["redirect_to"].as_str().unwrap(), "code").unwrap()
    }

    pub(crate) async fn exchange(&self, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", &*self.client),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", BACK),
        ];
        self.form("/oauth/token", &fields).await
    }

    /// Access and refresh token of a new connection.
    pub(crate) async fn tokens(&self) -> (String, String) {
        let code = self.code().await;
        tokens(&self.exchange(&code).await)
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("client_id", &*self.client), ("refresh_token", token)];
        self.form("/oauth/token", &fields).await
    }

    /// Whether a key is accepted.
    pub(crate) async fn works(&self, key: &str) -> bool {
        let answer = self.app.get("/v1/credits/balance", key).await;
        assert!([200, 401].contains(&answer.status.as_u16()), "{}", answer.text);
        answer.status == 200
    }

    /// Spends some cents by a key.
    pub(crate) async fn spend(&self, key: &str) -> Answer {
        let body =
            json!({"model": "sandbox/gpt", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]});
        self.app.post("/v1/chat/completions", key, &body).await
    }

    pub(crate) async fn apps(&self) -> Vec<Value> {
        let answer = self.call(Method::GET, "/v1/apps", &Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["data"].as_array().unwrap().clone()
    }
}

/// The tokens of an answer that grants some.
pub(crate) fn tokens(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let of = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
    (of("access_token"), of("refresh_token"))
}

/// The error of an endpoint of OAuth.
pub(crate) fn refusal(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("cache-control"), "no-store", "{}", answer.text);
    (answer.status.as_u16(), answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

/// Fields as a query or a form.
pub(crate) fn query(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A parameter of a URL.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

async fn session(app: &TestApp, user: &User, n: u8) -> String {
    let token = SessionToken::generate([n; 32]);
    let now = app.fixed.now();
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

fn sign_in(app: &TestApp) -> IdentityApp {
    let ports = SignInPorts {
        accounts: app.accounts.clone(),
        mails: SecretMails::off(),
        clock: app.fixed.clone(),
        entropy: app.fixed.clone(),
    };
    let keys = SignInKeys { hash: HashKey::new([1; 32]), links: LinkKeys::new(vec![HashKey::new([2; 32])]).unwrap() };
    let of_config = Config::default().identity;
    let settings = SignInSettings {
        terms_version: "1".to_owned(),
        sign_up: SignUp::Open,
        lifetimes: of_config.lifetimes(),
        limits: of_config.limits(),
        public_url: ISSUER.to_owned(),
        site_name: "OpenCredits".to_owned(),
    };
    let tables = SignInTables::of(app.store.clone());
    IdentityApp { sign_in: Arc::new(SignIn::new(tables, ports, keys, settings)), privacy: None }
}

pub(crate) fn connected(app: &TestApp, terms: ConnectionTerms) -> Connections {
    Connections::new(ConnectionParts {
        tables: ConnectionTables::of(app.store.clone()),
        accounts: app.accounts.clone(),
        usage: Arc::new(UsageReads::new(app.ledger.clone(), app.store.clone())),
        clock: app.fixed.clone(),
        entropy: app.fixed.clone(),
        hash_key: HashKey::new([3; 32]),
        issuer: opencredits_identity::oauth::Issuer::from_base_url(ISSUER).unwrap(),
        terms,
    })
}

/// The time of the application.
pub(crate) fn now(house: &House) -> UnixMs {
    house.app.fixed.now()
}
