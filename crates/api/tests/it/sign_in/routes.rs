//! What every route does with a body that is too large or malformed, with a request of another site, and with an address to go to.
//!
//! The routes of programs are those of the OpenAPI document, and the others are read from the source: so a new one is tried
//! as well.

use super::Signing;
use crate::app::{Answer, request};
use http::Method;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Larger than any route takes, but for inference.
const LARGE_BYTES: usize = 2 << 20;
/// Stands in each body. An answer may name it where it is the name of a member, and never repeats it as a value.
const CANARY: &str = "canary-of-the-body";
/// Routes that read no body: what they do needs none, or the address says all of it.
const WITHOUT_BODY: [&str; 4] =
    ["/mails/unsubscribe", "/v1/credits/portal", "/v1/account/passkeys/options", "/v1/auth/passkey/options"];
/// Routes that pass over members that they do not know, unless strict mode is asked for.
const PASSES_OVER_UNKNOWN: [&str; 1] = ["/v1/credits/pricing"];
/// Routes that change something and are in nobody's name: they need a secret in the body, or ask for one to be mailed.
const IN_NOBODYS_NAME: [&str; 11] = [
    "/mails/unsubscribe",
    "/v1/auth/code",
    "/v1/auth/link",
    "/v1/auth/passkey/options",
    "/v1/auth/session",
    "/v1/account/deletion/cancel",
    "/v1/credits/pricing",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/device_authorization",
    "/api/v1/auth/keys",
];

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every method and path of the router.
async fn routes(site: &Signing) -> Vec<(Method, String)> {
    let mut found = BTreeSet::new();
    let document = site.app.get("/openapi.json", "").await.json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let names = operations.as_object().unwrap().keys().filter(|name| METHODS.contains(&&***name));
        found.extend(names.map(|name| (plain(path), name.clone())));
    }
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let named = |name: &str| methods.iter().find(|method| method.as_str().eq_ignore_ascii_case(name)).unwrap().clone();
    found.into_iter().map(|(path, method)| (named(&method), path)).collect()
}

fn collect(folder: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            read(&std::fs::read_to_string(path).unwrap(), found);
        }
    }
}

fn read(source: &str, found: &mut BTreeSet<(String, String)>) {
    for call in source.split(".route(\"").skip(1) {
        let (path, rest) = call.split_once('"').unwrap();
        let mut depth = 1;
        let end = rest.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        let handlers = &rest[..end.unwrap()];
        for method in METHODS {
            let is_there = [" ", "."].iter().any(|before| handlers.contains(&format!("{before}{method}(")));
            if is_there {
                found.insert((plain(path), method.to_owned()));
            }
        }
    }
}

/// A path with a value in each place.
fn plain(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "x1" } else { part }).collect::<Vec<_>>().join("/")
}

fn is_inference(path: &str) -> bool {
    let chat = ["/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/responses", "/v1/embeddings"];
    chat.contains(&path)
}

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = format!("{}\"{CANARY}\"{}", "[".repeat(20_000), "]".repeat(20_000));
    vec![
        ("cut", format!("{{\"{CANARY}\": ").into_bytes()),
        ("a list", format!("[\"{CANARY}\"]").into_bytes()),
        ("null", b"null".to_vec()),
        ("no JSON", CANARY.as_bytes().to_vec()),
        ("no text", [0xff, 0xfe, 0x00, 0x80].repeat(9)),
        ("deep", deep.into_bytes()),
        ("unknown fields", format!("{{\"{CANARY}\": \"<script>\", \"\\u0000\": 1e999}}").into_bytes()),
        ("numbers", format!("{{\"email\": 1, \"amount\": -1e308, \"name\": {{}}, \"x\": \"{CANARY}\"}}").into_bytes()),
        ("large", format!("{{\"a\": \"{CANARY}{}\"}}", "a".repeat(LARGE_BYTES)).into_bytes()),
    ]
}

async fn send(site: &Signing, (method, path): (&Method, &str), token: &str, (kind, body): (&str, Vec<u8>)) -> Answer {
    let mut request = request(method.clone(), path, token, String::new()).map(|_| axum::body::Body::from(body));
    request.headers_mut().insert("content-type", kind.parse().unwrap());
    site.app.send(request).await
}

#[tokio::test]
async fn no_route_fails_over_a_body_or_takes_one_that_is_wrong() {
    let site = Signing::new().await;
    let (user, key) = site.app.person(20).await;
    let routes = routes(&site).await;
    assert!(routes.len() > 90, "the routes were read: {routes:?}");
    let mut session = site.token("ada@example.org").await;
    let management = site.app.accounts.add_management_key(user.id, "laptop".to_owned()).await.unwrap();
    let management = management.1.reveal().to_owned();
    for (method, path) in routes.iter().filter(|(method, _)| method != Method::GET) {
        for (name, body) in bodies() {
            for kind in ["application/json", "application/x-www-form-urlencoded", "text/plain"] {
                // A key may make so many changes in a minute.
                site.app.pass(Duration::from_secs(1));
                for token in ["", &session, &key, &management] {
                    let answer = send(&site, (method, path), token, (kind, body.clone())).await;
                    let status = answer.status.as_u16();
                    let what = format!("{method} {path}, {name} as {kind}: {status} {}", answer.text);
                    assert!(status < 500, "{what}");
                    let is_a_name = ["cut", "unknown fields", "large"].contains(&name);
                    assert!(is_a_name || !answer.text.contains(CANARY), "{what}");
                    assert!(!answer.text.contains("<script>"), "{what}");
                    let ignores =
                        ["unknown fields", "numbers"].contains(&name) && PASSES_OVER_UNKNOWN.contains(&&**path);
                    let takes_none = ignores || WITHOUT_BODY.contains(&&**path) || method == Method::DELETE;
                    assert!(takes_none || (400..500).contains(&status), "{what}");
                    if name == "large" && status != 401 && !takes_none && !is_inference(path) {
                        let expect = [400, 403, 404, 405, 413, 415, 422, 429];
                        assert!(expect.contains(&status), "{what}");
                    }
                }
                if method == Method::DELETE {
                    session = site.token("ada@example.org").await;
                    break;
                }
            }
            if method == Method::DELETE {
                break;
            }
        }
    }
}

#[tokio::test]
async fn no_route_changes_anything_for_a_form_of_another_site() {
    let site = Signing::new().await;
    let token = site.token("ada@example.org").await;
    for (method, path) in routes(&site).await.iter().filter(|(method, _)| method != Method::GET) {
        if IN_NOBODYS_NAME.contains(&&**path) || path.starts_with("/sandbox/") || path.starts_with("/test/") {
            continue;
        }
        let mut request = request(method.clone(), path, "", "{}".to_owned());
        // What a browser sends along by itself.
        let along = [
            ("cookie", format!("opencredits.session={token}; session={token}")),
            ("origin", "https://evil.example".to_owned()),
            ("content-type", "text/plain".to_owned()),
        ];
        for (name, value) in along {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = site.app.send(request).await;
        let status = answer.status.as_u16();
        assert!([400, 401, 403, 404, 405].contains(&status), "{method} {path}: {status} {}", answer.text);
    }
    assert_eq!(site.standing(&token).await, 200, "the session is as it was");
}

#[tokio::test]
async fn no_route_sends_anybody_to_another_site_or_sets_a_cookie() {
    let site = Signing::new().await;
    let token = site.token("ada@example.org").await;
    let targets =
        ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "https:evil.example"];
    for (method, path) in routes(&site).await.iter().filter(|(method, _)| method == Method::GET) {
        for target in targets {
            let query: Vec<String> =
                ["next", "redirect", "redirect_uri", "return_to", "url", "callback_url", "success_url"]
                    .iter()
                    .map(|name| {
                        format!("{name}={}", form_urlencoded::byte_serialize(target.as_bytes()).collect::<String>())
                    })
                    .collect();
            let mut request = request(method.clone(), &format!("{path}?{}", query.join("&")), &token, String::new());
            request.headers_mut().insert("accept", "text/html".parse().unwrap());
            let answer = site.app.send(request).await;
            let to = answer.headers.get("location").map(|to| to.to_str().unwrap_or_default().to_owned());
            let is_ours =
                to.as_ref().is_none_or(|to| to.starts_with('/') && !to.starts_with("//") && !to.contains('\\'));
            assert!(is_ours, "{path} goes to {to:?}");
            assert!(!answer.headers.contains_key("set-cookie"), "{path}");
            assert!(
                !answer.text.contains("href=\"https://evil.example") && !answer.text.contains("\"javascript:"),
                "{path}"
            );
            assert!(answer.status.as_u16() < 500, "{path}: {}", answer.text);
        }
    }
}
