//! A test key, whatever is sent with it, moves no real credits and reaches no provider.

use crate::app::{Answer, TestApp, request};
use axum::body::Body;
use http::{Method, Request};
use opencredits_catalog::ModelKind;
use opencredits_keys::{Mode, TestKey, UserKey};
use opencredits_service::accounts::{NewTestKey, NewUser};
use serde_json::{Value, json};
use std::net::TcpListener;

/// The live side as it must stay.
struct LiveSide {
    head: Option<String>,
    accounts: String,
    /// Its file, where it is one.
    stored: Option<Vec<u8>>,
}

impl LiveSide {
    fn of(app: &TestApp) -> Self {
        app.ledger.flush().unwrap();
        Self {
            head: app.ledger.head().unwrap().map(|head| head.to_string()),
            accounts: format!("{:?}", app.ledger.accounts()),
            stored: app.ledger.embedded().map(|_| std::fs::read(app.folder.path().join("ledger.db")).unwrap()),
        }
    }

    fn is_unchanged(&self, app: &TestApp) {
        let now = Self::of(app);
        assert_eq!((&now.head, &now.accounts), (&self.head, &self.accounts));
        assert!(now.stored == self.stored, "the file of the live ledger has changed");
        assert_eq!(app.asked(), [""; 0], "a provider was called");
    }
}

async fn test_key(app: &TestApp) -> NewTestKey {
    let partner = app.partner().await;
    app.accounts.add_test_key(&partner.name, "laptop".to_owned()).await.unwrap()
}

/// The path and the body of a request to each API.
fn apis(model: &str) -> [(String, Value); 4] {
    let said = json!([{"role": "user", "content": "Hello"}]);
    [
        ("/v1/chat/completions".to_owned(), json!({"model": model, "max_tokens": 20, "messages": said})),
        ("/v1/messages".to_owned(), json!({"model": model, "max_tokens": 20, "messages": said})),
        ("/v1/responses".to_owned(), json!({"model": model, "max_output_tokens": 20, "input": "Hello"})),
        (
            format!("/v1beta/models/{model}:generateContent"),
            json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "generationConfig": {"maxOutputTokens": 20}}),
        ),
    ]
}

fn is_of_test_mode(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {}", answer.text);
    assert_eq!(answer.header("opencredits-mode"), "test", "{what}");
}

#[tokio::test]
async fn a_test_key_reaches_no_provider_with_any_api_and_any_model() {
    let app = TestApp::with_test_mode();
    let (_, live_key) = app.person(10).await;
    let test = test_key(&app).await;
    let key = test.secret.reveal();
    let live = LiveSide::of(&app);
    let models: Vec<_> = app.gateway().catalog().models().to_vec();
    assert!(models.len() > 100, "{}", models.len());
    for (at, model) in models.iter().enumerate() {
        if model.kind == ModelKind::Embedding {
            let body = json!({"model": &*model.id, "input": "Hello"});
            is_of_test_mode(&app.post("/v1/embeddings", key, &body).await, &model.id);
            continue;
        }
        // Each model through one of the APIs, and some through all.
        let apis = apis(&model.id);
        let some = if at % 40 == 0 { &apis[..] } else { std::slice::from_ref(&apis[at % 4]) };
        for (path, body) in some {
            is_of_test_mode(&app.post(path, key, body).await, &format!("{path} {}", model.id));
        }
    }
    let balance = app.get("/v1/credits/balance", key).await.json()["balance"].as_f64().unwrap();
    assert!(balance > 9_000.0 && balance < 10_000.0, "play credits pay, at real prices: {balance}");
    live.is_unchanged(&app);
    // What the live side would have done: this test can fail.
    let _whatever = app.post(&apis("openai/gpt-4o-mini")[0].0, &live_key, &apis("openai/gpt-4o-mini")[0].1).await;
    assert!(!app.asked().is_empty(), "the live key's request goes to a provider");
}

#[tokio::test]
async fn no_header_and_no_field_leads_a_test_key_out() {
    let app = TestApp::with_test_mode();
    let (_, live_key) = app.person(10).await;
    let test = test_key(&app).await;
    let key = test.secret.reveal();
    let live = LiveSide::of(&app);
    let (path, plain) = apis("openai/gpt-4o-mini")[0].clone();
    let headers = [
        ("opencredits-mode", "live"),
        ("x-opencredits-mode", "live"),
        ("x-opencredits-strict", "false"),
        ("host", "api.openai.com"),
        ("x-forwarded-host", "api.openai.com"),
        ("forwarded", "host=api.openai.com;proto=https"),
        ("openai-organization", "org-1"),
        ("x-base-url", "https://api.openai.com/v1"),
    ];
    for (name, value) in headers {
        let mut asked = request(Method::POST, &path, key, plain.to_string());
        asked.headers_mut().insert(name, value.parse().unwrap());
        is_of_test_mode(&app.send(asked).await, name);
    }
    let fields = [
        json!({"base_url": "https://api.openai.com/v1"}),
        json!({"api_base": "https://api.openai.com/v1", "api_key": "sk-1"}),
        json!({"provider": {"only": ["openai"]}}),
        json!({"provider": {"order": ["openai"], "allow_fallbacks": false}}),
        json!({"models": ["anthropic/claude-haiku-4-5", "openai/gpt-4o-mini"]}),
        json!({"user": "live", "metadata": {"mode": "live"}}),
    ];
    for field in fields {
        let mut body = plain.clone();
        body.as_object_mut().unwrap().extend(field.as_object().unwrap().clone());
        is_of_test_mode(&app.post(&path, key, &body).await, &field.to_string());
    }
    let absolute = request(Method::POST, "https://api.openai.com/v1/chat/completions", key, plain.to_string());
    is_of_test_mode(&app.send(absolute).await, "an absolute address");
    // A live key beside the test key, in whichever header: neither counts.
    for (first, second) in [(key, live_key.as_str()), (live_key.as_str(), key)] {
        let asked = Request::post(&path).header("authorization", format!("Bearer {first}")).header("x-api-key", second);
        let answer = app.send(asked.body(Body::from(plain.to_string())).unwrap()).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert!(answer.text.contains("differ"), "{}", answer.text);
    }
    live.is_unchanged(&app);
}

#[tokio::test]
async fn test_mode_fetches_no_attachment() {
    let app = TestApp::with_test_mode();
    let test = test_key(&app).await;
    // The live side of this application would fetch from here.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/cat.png", listener.local_addr().unwrap());
    let part = json!({"type": "image_url", "image_url": {"url": url}});
    for model in ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5", "google/gemini-2.5-flash"] {
        let body = json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": [part]}]});
        let answer = app.post("/v1/chat/completions", test.secret.reveal(), &body).await;
        assert!(answer.status == 200 || answer.status == 400, "{model}: {}", answer.text);
        assert_eq!(answer.header("opencredits-mode"), "test");
    }
    assert!(listener.accept().is_err(), "somebody came for the picture");
    assert_eq!(app.asked(), [""; 0]);
}

#[tokio::test]
async fn each_key_sees_its_own_mode_only() {
    let app = TestApp::with_test_mode();
    let (user, live_key) = app.person(10).await;
    let test = test_key(&app).await;
    let key = test.secret.reveal();
    let answer = app.post("/v1/messages", key, &apis("sandbox/claude")[1].1).await;
    is_of_test_mode(&answer, "the sandbox's own model");
    let generation = answer.header("x-generation-id").to_owned();
    let of = |id: &str| format!("/v1/generation?id={id}");
    is_of_test_mode(&app.get(&of(&generation), key).await, "its own generation");
    let foreign = app.get(&of(&generation), &live_key).await;
    assert_eq!((foreign.status.as_u16(), foreign.header("opencredits-mode")), (404, ""), "{}", foreign.text);
    let (mine, theirs) = (app.get("/v1/key", key).await.json(), app.get("/v1/key", &live_key).await.json());
    let told = |answer: &Value| (answer["data"]["mode"].clone(), answer["data"]["is_test"].clone());
    assert_eq!(told(&mine), (json!("test"), json!(true)));
    assert_eq!(told(&theirs), (json!("live"), json!(false)));
    let side = app.test.as_ref().unwrap();
    let (_, managing) = side.accounts.add_management_key(test.user.id, "console".to_owned()).await.unwrap();
    assert!(managing.reveal().starts_with("oc_mk_test_"));
    let credits = app.get("/v1/credits", managing.reveal()).await;
    is_of_test_mode(&credits, "credits");
    assert_eq!(credits.json()["data"]["mode"], "test");
    let (_, managing) = app.accounts.add_management_key(user.id, "console".to_owned()).await.unwrap();
    assert_eq!(app.get("/v1/credits", managing.reveal()).await.json()["data"]["mode"], "live");
    for path in ["/v1/activity", "/v1/generations", "/v1/models"] {
        is_of_test_mode(&app.get(path, key).await, path);
    }
    assert!(app.get("/v1/activity", &live_key).await.json()["data"].as_array().unwrap().is_empty());
    // Keys that nobody has made.
    for stranger in [UserKey::generate([3; 32]).reveal(), TestKey::generate([3; 32]).reveal()] {
        assert_eq!(app.get("/v1/key", stranger).await.status, 401);
    }
    side.ledger.flush().unwrap();
    assert!(side.ledger.verify().unwrap().is_clean());
}

#[tokio::test]
async fn the_sandboxs_commands_work_under_every_name() {
    let app = TestApp::with_test_mode();
    let test = test_key(&app).await;
    let ask = async |words: &str, stream: bool| {
        let said = json!([{"role": "user", "content": words}]);
        let body = json!({"model": "openai/gpt-4o-mini", "max_tokens": 50, "stream": stream, "messages": said});
        app.post("/v1/chat/completions", test.secret.reveal(), &body).await
    };
    assert!(ask("sandbox:echo Bonjour", false).await.text.contains("Bonjour"));
    assert_eq!(ask("sandbox:error 400", false).await.status, 400);
    assert_eq!(ask("sandbox:error 503", false).await.status.as_u16() / 100, 5);
    let cut = ask("sandbox:cut 2", true).await;
    assert!(cut.status == 200 && cut.text.contains("error"), "{}", cut.text);
}

#[tokio::test]
async fn a_key_of_the_other_mode_is_refused_where_test_mode_is_off() {
    let app = TestApp::new().await;
    let answer = app.get("/v1/key", TestKey::generate([1; 32]).reveal()).await;
    assert_eq!(answer.status, 401);
    assert!(answer.text.contains("test mode is switched off"), "{}", answer.text);
    assert!(app.accounts.add_test_key("an app", "k".to_owned()).await.is_err());
}

#[tokio::test]
async fn a_partners_publishable_key_of_test_mode_quotes_prices_there() {
    let app = TestApp::with_test_mode();
    let partner = app.partner().await;
    let there = app.accounts.test_partner(&partner).await.unwrap().unwrap();
    assert_eq!(there.id, partner.id);
    assert_eq!(Mode::of_key(&there.publishable_key), Mode::Test);
    let quote = async |key: &str| {
        let body = json!({"publishable_key": key, "models": ["openai/gpt-4o-mini"]});
        app.post("/v1/credits/pricing", "", &body).await
    };
    let (live, test) = (quote(&partner.publishable_key).await, quote(&there.publishable_key).await);
    is_of_test_mode(&test, "a quote");
    assert_eq!((live.status.as_u16(), live.header("opencredits-mode")), (200, ""));
    assert_eq!(live.json(), test.json(), "prices are the real ones");
    let stranger = quote(opencredits_keys::PublishableKey::generate(Mode::Test, [9; 32]).as_str()).await;
    assert_eq!(stranger.status, 400, "{}", stranger.text);
}

#[tokio::test]
async fn a_second_test_key_spends_the_same_play_credits() {
    let app = TestApp::with_test_mode();
    let first = test_key(&app).await;
    let second = app.accounts.add_test_key(&first.partner.id.to_string(), "phone".to_owned()).await.unwrap();
    assert_eq!(first.user, second.user);
    let balance = async |key: &str| app.get("/v1/credits/balance", key).await.json()["balance"].clone();
    assert_eq!(balance(second.secret.reveal()).await, json!(10_000));
    is_of_test_mode(&app.post("/v1/messages", second.secret.reveal(), &apis("sandbox/claude")[1].1).await, "a request");
    assert_eq!(balance(first.secret.reveal()).await, balance(second.secret.reveal()).await);
    // A person of test mode with that label is another one.
    let other = NewUser { id: None, label: "other".to_owned() };
    assert_ne!(app.test.as_ref().unwrap().accounts.add_user(other).await.unwrap().id, first.user.id);
}
