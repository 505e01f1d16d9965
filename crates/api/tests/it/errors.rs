//! Every type of error, in the words of every API, by a request that runs into it.

use crate::app::{Answer, MEMORY_MAX, OUR_KEY, Scripted, TestApp, request};
use crate::attachments;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body::Frame;
use http_body_util::StreamBody;
use opencredits_api::errors::{ApiSurface, ErrorType, Retryable, Row};
use opencredits_service::accounts::NewKey;
use opencredits_store::{Standing, User};
use opencredits_units::{AccountId, UserId};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

const HOST: &str = "upstream.example";
const VENDORS: &str = r#"
    [[vendor]]
    id = "v"
    dialect = "openai-chat"
    base_url = "http://upstream.example/v1"
    auth = "none"

    [[vendor]]
    id = "bytes"
    dialect = "gemini-generate"
    base_url = "http://bytes.example/v1beta"
    auth = "none"
"#;
const MODELS: &str = r#"
    [[model]]
    id = "a/model"
    vendor = "v"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "10" }

    [[model]]
    id = "a/bytes"
    vendor = "bytes"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "10" }

    [[model]]
    id = "a/other"
    vendor = "v"
    context_window = 100000
    max_output_tokens = 1000
    prices = { input = "1", output = "10" }
"#;
const ANSWER: &str = r#"{"id":"c","choices":[{"index":0,"finish_reason":"stop","message":{"content":"Hi"}}],
"usage":{"prompt_tokens":20,"completion_tokens":7,"total_tokens":27}}"#;
const SKINS: [ApiSurface; 4] =
    [ApiSurface::OpenaiChat, ApiSurface::AnthropicMessages, ApiSurface::OpenaiResponses, ApiSurface::GeminiGenerate];

/// An application and the people and keys that run into errors.
struct House {
    app: TestApp,
    person: User,
    key: String,
}

impl House {
    async fn new() -> Self {
        let app = TestApp::answering(VENDORS, MODELS, "application/json", ANSWER);
        let app = app.with_front(|settings| settings.body_read = Duration::from_millis(200));
        let (person, key) = app.person(10).await;
        Self { app, person, key }
    }

    /// The key of somebody who is in the store like this.
    async fn key_of(&self, change: impl Fn(User) -> User) -> String {
        let number = self.app.accounts.list_users(UserId::default(), 100).await.unwrap().len();
        let id = UserId::from_bits(u128::try_from(number).unwrap());
        let user = change(User { id, label: format!("somebody {number}"), ..self.person.clone() });
        self.app.store.add_user(&user).await.unwrap();
        self.app.key_with(TestApp::plain_key(&user)).await
    }

    async fn send(&self, surface: ApiSurface, key: &str) -> Answer {
        self.app.send(ask(surface, "a/model", key)).await
    }

    /// The answer where the provider answers so.
    async fn told(&self, surface: ApiSurface, status: u16, code: &str) -> Answer {
        let body = json!({"error": {"message": "no", "type": code, "code": code}}).to_string();
        // The wait that it asks for is longer than anybody waits here.
        self.app.script(HOST, &[Scripted::Answer(status, Some("9"), body)]);
        self.send(surface, &self.key).await
    }

    /// A request with more than there is room for.
    async fn too_much(&self, kind: ErrorType, mut sent: Request<Body>) -> Answer {
        if kind == ErrorType::HeadTooLarge {
            sent.headers_mut().insert("x-large", HeaderValue::from_str(&"x".repeat(64 << 10)).unwrap());
            return self.app.send(sent).await;
        }
        // Others have all of the memory.
        let mut others = Arc::clone(self.app.app.gateway.memory()).reservation([None; 2]);
        others.grow_to(MEMORY_MAX).unwrap();
        *sent.body_mut() = Body::from(" ".repeat(100_000));
        self.app.send(sent).await
    }

    /// A request that runs into this error.
    async fn run_into(&self, kind: ErrorType, surface: ApiSurface) -> Answer {
        let good = || ask(surface, "a/model", &self.key);
        let with_body = |body: Body| {
            let (head, _) = good().into_parts();
            Request::from_parts(head, body)
        };
        match kind {
            ErrorType::InvalidRequest => self.app.send(with_body(Body::from("{"))).await,
            ErrorType::UnsupportedParameter => {
                let unknown = with_body(Body::from(body(surface, "a/model", Some("nonsense"))));
                self.app.send(headed(unknown, "x-opencredits-strict", "1")).await
            }
            ErrorType::UnsupportedMediaType => self.app.send(headed(good(), "content-encoding", "compress")).await,
            ErrorType::ContextLengthExceeded => self.told(surface, 400, "context_length_exceeded").await,
            ErrorType::ContentPolicyViolation => self.told(surface, 400, "content_policy_violation").await,
            ErrorType::Authentication => self.send(surface, "").await,
            ErrorType::PaymentRequired => self.send(surface, &self.app.person(0).await.1).await,
            ErrorType::LimitReached => self.send(surface, &self.app.key(&self.person, None, Some(1)).await).await,
            ErrorType::PermissionDenied => {
                let key = self.key_of(|user| User { standing: Standing::Suspended, ..user }).await;
                self.send(surface, &key).await
            }
            ErrorType::TermsRequired => panic!("inference asks for no terms"),
            ErrorType::ModelNotAllowed => {
                let allowed_models = Some(vec!["a/other".to_owned()]);
                let key = self.app.key_with(NewKey { allowed_models, ..TestApp::plain_key(&self.person) }).await;
                self.send(surface, &key).await
            }
            ErrorType::NotFound => self.app.send(ask(surface, "nobody/knows", &self.key)).await,
            ErrorType::MethodNotAllowed => {
                self.app.send(request(Method::DELETE, &path(surface, "a/model"), &self.key, String::new())).await
            }
            ErrorType::ClientTimeout => {
                let silent = futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>();
                self.app.send(with_body(Body::new(StreamBody::new(silent)))).await
            }
            ErrorType::DuplicateRequest => {
                self.app.script(HOST, &[Scripted::Answer(200, None, ANSWER.to_owned())]);
                let twice = || {
                    let mut sent = good();
                    sent.headers_mut().insert("idempotency-key", HeaderValue::from_static(path_of(surface)));
                    sent
                };
                assert_eq!(self.app.send(twice()).await.status, 200);
                self.app.send(twice()).await
            }
            ErrorType::HeadTooLarge | ErrorType::Unavailable => self.too_much(kind, good()).await,
            ErrorType::PayloadTooLarge => self.app.send(with_body(Body::from("x".repeat((1 << 20) + 1)))).await,
            ErrorType::ImageDownloadFailed | ErrorType::ImageTooLarge | ErrorType::UnsupportedImageFormat => {
                let (head, kind, length) = match kind {
                    ErrorType::ImageDownloadFailed => ("404 Not Found", "image/png", 4),
                    ErrorType::ImageTooLarge => ("200 OK", "image/png", 5_000),
                    _ => ("200 OK", "text/html", 4),
                };
                let address = attachments::server_of(head, kind, length).await;
                self.app.send(with_body(Body::from(looking_at(surface, &address)))).await
            }
            ErrorType::RateLimitExceeded => self.told(surface, 429, "rate_limit_exceeded").await,
            // A person whose wallet the books do not know.
            ErrorType::Server => {
                let key = self.key_of(|user| User { wallet: AccountId::from_bits(9_999), ..user }).await;
                self.send(surface, &key).await
            }
            ErrorType::ProviderUnavailable => self.told(surface, 401, "invalid_api_key").await,
            ErrorType::ProviderOverloaded => self.told(surface, 503, "overloaded").await,
            ErrorType::ProviderTimeout => self.told(surface, 504, "timeout").await,
        }
    }
}

const fn path_of(surface: ApiSurface) -> &'static str {
    match surface {
        ApiSurface::OpenaiChat => "/v1/chat/completions",
        ApiSurface::AnthropicMessages => "/v1/messages",
        ApiSurface::OpenaiResponses => "/v1/responses",
        ApiSurface::GeminiGenerate => "/v1beta/models/MODEL:generateContent",
    }
}

fn path(surface: ApiSurface, model: &str) -> String {
    path_of(surface).replace("MODEL", model)
}

fn body(surface: ApiSurface, model: &str, more: Option<&str>) -> String {
    let mut body = match surface {
        ApiSurface::OpenaiResponses => json!({"model": model, "input": "Hello"}),
        ApiSurface::GeminiGenerate => json!({"contents": [{"parts": [{"text": "Hello"}]}]}),
        _ => json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}),
    };
    if let Some(field) = more {
        body[field] = 1.into();
    }
    body.to_string()
}

/// A request that names a picture, to a model whose provider takes bytes.
fn looking_at(surface: ApiSurface, address: &str) -> String {
    let of = |content: Value| json!([{"role": "user", "content": content}]);
    let body = match surface {
        ApiSurface::AnthropicMessages => {
            let image = json!([{"type": "image", "source": {"type": "url", "url": address}}]);
            json!({"model": "a/bytes", "max_tokens": 20, "messages": of(image)})
        }
        ApiSurface::OpenaiResponses => {
            json!({"model": "a/bytes", "input": of(json!([{"type": "input_image", "image_url": address}]))})
        }
        _ => {
            let image = json!([{"type": "image_url", "image_url": {"url": address}}]);
            json!({"model": "a/bytes", "max_tokens": 20, "messages": of(image)})
        }
    };
    body.to_string()
}

fn ask(surface: ApiSurface, model: &str, key: &str) -> Request<Body> {
    request(Method::POST, &path(surface, model), key, body(surface, model, None))
}

fn check(answer: &Answer, surface: ApiSurface, row: Row) {
    let Row { status, error_type, messages_type, rpc_status, retryable } = row;
    let at = format!("{error_type} {surface:?}: {}", answer.text);
    let whole = answer.json();
    let error = &whole["error"];
    let (words, metadata, id) = match surface {
        ApiSurface::OpenaiChat | ApiSurface::OpenaiResponses => {
            assert_eq!(error["code"], status.as_u16(), "{at}");
            ([&error["type"], &error["metadata"]["error_type"]], &error["metadata"], &whole["request_id"])
        }
        ApiSurface::AnthropicMessages => {
            assert_eq!((&whole["type"], &error["type"]), (&json!("error"), &json!(messages_type)), "{at}");
            ([&error["error_type"], &error["metadata"]["error_type"]], &error["metadata"], &whole["request_id"])
        }
        ApiSurface::GeminiGenerate => {
            assert_eq!((&error["code"], &error["status"]), (&json!(status.as_u16()), &json!(rpc_status)), "{at}");
            let details = &error["details"][0];
            ([&details["error_type"], &details["metadata"]["error_type"]], &details["metadata"], &details["request_id"])
        }
    };
    assert_eq!((answer.status, words), (status, [&Value::from(error_type); 2]), "{at}");
    assert_eq!(metadata["retryable"], retryable == Retryable::Yes, "{at}");
    assert_eq!(id, answer.header("x-request-id"), "{at}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{at}");
}

const fn is_of_pictures(kind: ErrorType) -> bool {
    matches!(kind, ErrorType::ImageDownloadFailed | ErrorType::ImageTooLarge | ErrorType::UnsupportedImageFormat)
}

#[tokio::test]
async fn every_error_is_told_in_the_words_of_every_api() {
    let house = House::new().await;
    // Signing in alone asks for terms.
    for kind in ErrorType::ALL.into_iter().filter(|kind| *kind != ErrorType::TermsRequired) {
        for surface in SKINS {
            // The router knows no path of this API: another method finds nothing.
            if surface == ApiSurface::GeminiGenerate && is_of_pictures(kind) {
                // What its files lie at is for the provider alone to fetch.
                continue;
            }
            let is_unknown = kind == ErrorType::MethodNotAllowed && surface == ApiSurface::GeminiGenerate;
            let expect = if is_unknown { ErrorType::NotFound } else { kind };
            check(&house.run_into(kind, surface).await, surface, expect.row());
        }
    }
    house.app.settled();
}

/// The same request with a header.
fn headed(mut request: Request<Body>, name: &'static str, value: &'static str) -> Request<Body> {
    request.headers_mut().insert(name, HeaderValue::from_static(value));
    request
}

/// The same request for a stream.
fn streaming(surface: ApiSurface, key: &str) -> Request<Body> {
    let path = path(surface, "a/model").replace(":generateContent", ":streamGenerateContent?alt=sse");
    let mut asked: Value = serde_json::from_str(&body(surface, "a/model", None)).unwrap();
    if surface != ApiSurface::GeminiGenerate {
        asked["stream"] = true.into();
    }
    request(Method::POST, &path, key, asked.to_string())
}

#[tokio::test]
async fn our_key_at_a_vendor_is_in_no_error_that_repeats_the_vendors_words() {
    let house = House::new().await;
    let error = json!({"error": {"message": format!("no such field for key {OUR_KEY}"), "code": OUR_KEY}}).to_string();
    let chunk = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
    let long =
        json!({"error": {"message": format!("no such field for key {OUR_KEY}"), "code": "context_length_exceeded"}});
    let long = long.to_string();
    let stream = |events: &[&str]| {
        Scripted::Stream(events.iter().map(|event| Ok(Bytes::from(format!("data: {event}\n\n")))).collect())
    };
    let refused = Scripted::Answer(400, None, error.clone());
    for surface in SKINS {
        for (streamed, answer) in [
            (false, refused.clone()),
            (true, refused.clone()),
            (false, Scripted::Answer(200, None, long.clone())),
            (true, stream(&[&long])),
            (true, stream(&[chunk, &long])),
        ] {
            house.app.script(HOST, &[answer]);
            let asked = if streamed { streaming(surface, &house.key) } else { ask(surface, "a/model", &house.key) };
            let answer = house.app.send(asked).await;
            assert!(answer.text.contains("no such field for key …"), "{surface:?} {streamed}: {}", answer.text);
            assert!(!answer.text.contains(OUR_KEY), "{surface:?} {streamed}: {}", answer.text);
        }
    }
    house.app.drained().await;
}
