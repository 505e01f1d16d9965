//! The canary: marked prompts, images and keys go through every route, and no byte of them is left anywhere.

use crate::app::{TestApp, request};
use base64::Engine;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tracing_subscriber::filter::LevelFilter;

/// Stands in every prompt, and comes back in every answer of `sandbox:echo`.
const MARK: &str = "cAnArY7f3aPrOmPt";

/// What must be nowhere: the mark, its base64 as images carry it, and the key.
fn marks(key: &str) -> Vec<Vec<u8>> {
    let image = base64::engine::general_purpose::STANDARD.encode(MARK.repeat(3));
    let escaped: String = MARK.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
    [MARK.to_owned(), image[..30].to_owned(), escaped, key.to_owned(), key.trim_start_matches("oc_sk_").to_owned()]
        .into_iter()
        .map(String::into_bytes)
        .collect()
}

fn bodies() -> Vec<(&'static str, Value)> {
    let image = base64::engine::general_purpose::STANDARD.encode(MARK.repeat(3));
    let mut all = Vec::new();
    for text in [
        "Hello",
        "sandbox:echo",
        "sandbox:error 400",
        "sandbox:error 500",
        "sandbox:error 401",
        "sandbox:cut 2",
        "sandbox:refusal",
        "sandbox:empty",
    ] {
        for stream in [false, true] {
            let content = format!("{text} {MARK}");
            all.push((
                "/v1/chat/completions",
                json!({
                    "model": "sandbox/gpt", "max_tokens": 50, "stream": stream, "user": MARK, "prompt_cache_key": MARK,
                    "metadata": {"note": MARK},
                    "messages": [{"role": "user", "content": [
                        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{image}")}},
                        {"type": "text", "text": content},
                    ]}],
                }),
            ));
            all.push((
                "/v1/messages",
                json!({
                    "model": "sandbox/claude", "max_tokens": 50, "stream": stream, "system": MARK,
                    "metadata": {"user_id": MARK},
                    "messages": [{"role": "user", "content": content}],
                }),
            ));
        }
    }
    for path in ["/v1/chat/completions", "/v1/messages"] {
        all.push((path, json!({"model": MARK, "messages": [MARK]})));
        all.push((path, json!({"model": "sandbox/gpt", "max_tokens": MARK, "messages": MARK})));
        all.push((path, json!({"model": "sandbox/claude", MARK: 1, "container": MARK, "messages": []})));
    }
    all
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[tokio::test]
async fn no_byte_of_a_prompt_an_image_or_a_key_is_left_on_the_machine() {
    let app = TestApp::new().await;
    let log = File::create(app.folder.path().join("all.log")).unwrap();
    // Everything that any part of the program could log, at the finest level.
    let lines =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).json().with_writer(Mutex::new(log)).finish();
    let logging = tracing::subscriber::set_default(lines);
    tracing::info!("the log is written");
    let (_, key) = app.person(100).await;
    for (path, body) in bodies() {
        app.post(path, &key, &body).await;
        let wrong_key = key.replace("oc_sk_", "oc_sk_0");
        app.post(path, &wrong_key, &body).await;
    }
    let slow = json!({"model": "sandbox/gpt", "max_tokens": 50, "stream": true,
        "messages": [{"role": "user", "content": format!("sandbox:slow 5 {MARK}")}]});
    let mut left = app.open(request(Method::POST, "/v1/chat/completions", &key, slow.to_string())).await;
    left.body_mut().frame().await.unwrap().unwrap();
    drop(left);
    for path in ["/v1/key", "/v1/credits/balance", "/v1/models", "/v1/credits/pricing", "/v1/features"] {
        app.get(path, &key).await;
        app.get(&format!("{path}?{MARK}={MARK}"), &key).await;
    }
    while !app.ledger.holds().is_empty() {
        tokio::task::yield_now().await;
    }
    app.ledger.flush().unwrap();
    drop(logging);

    let mut found = Vec::new();
    files(app.folder.path(), &mut found);
    let names: Vec<String> = found.iter().map(|file| file.display().to_string()).collect();
    assert!(names.iter().any(|name| name.ends_with("ledger.db-wal")), "{names:?}");
    let mut log_bytes = 0;
    for file in &found {
        let bytes = std::fs::read(file).unwrap();
        log_bytes += if file.ends_with("all.log") { bytes.len() } else { 0 };
        for mark in marks(&key) {
            let place = memchr::memmem::find(&bytes, &mark);
            assert_eq!(place, None, "{} holds {:?}", file.display(), String::from_utf8_lossy(&mark));
        }
    }
    assert!(log_bytes > 500, "the log was not written, so it proves nothing");
}
