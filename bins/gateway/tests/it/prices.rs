//! Price books, loaded by a real gateway from files and URLs, and kept for its next start.

use crate::fixture::{Fixture, ask, bearer};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A book of one model that the sandbox serves.
fn book(id: &str, input: &str) -> String {
    let line = json!({
        "id": id, "vendor": "sandbox-chat", "upstream_model": "gpt", "context_window": 128_000, "max_output_tokens": 9_000,
        "prices": {"input": input, "output": "2"},
    });
    format!("{line}\n")
}

/// Puts the book of a source into force.
fn refresh(fixture: &Fixture, from: Option<&str>, accept: &[&str]) -> (u16, Value) {
    ask(fixture, &json!({"do": "prices", "prices_do": "refresh", "from": from, "accept": accept, "apply": true}))
}

/// Answers every connection so, until the test ends.
fn serve(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/book.jsonl", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 4_096]).unwrap();
            let _closed_early = stream.write_all(answer.as_bytes());
        }
    });
    url
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[test]
fn a_book_is_sold_at_once_and_after_the_next_start_and_the_compiled_in_one_can_be_put_back() {
    let fixture = Fixture::new();
    let file = fixture.file("book.jsonl", &book("book/one", "1"));
    // The job would load the book by itself at the start.
    let catalog = format!("[catalog]\nprices_file = \"{file}\"\nrefresh_hours = 0\n");
    let config = fixture.file("config.toml", &catalog);
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    let key = gateway.key();
    let sells = |gateway: &crate::fixture::Gateway| gateway.get("/v1/models", &key).contains("book/one");
    assert!(!sells(&gateway));
    let (status, compared) = ask(&fixture, &json!({"do": "prices", "prices_do": "refresh"}));
    assert_eq!((status, &compared["refreshed"]["outcome"]), (200, &json!("compared")));
    assert_eq!(compared["refreshed"]["added"], json!([{"model": "book/one", "vendor": "sandbox-chat"}]));
    assert!(!sells(&gateway), "a comparison changes nothing");
    let (_, applied) = refresh(&fixture, None, &[]);
    assert_eq!(applied["refreshed"]["outcome"], "applied", "{applied}");
    assert!(sells(&gateway));
    let body = r#"{"model": "book/one", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}"#;
    let answer = gateway.send("POST", "/v1/chat/completions", (&bearer(&key), body));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    gateway.terminate();
    gateway.ended();
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    assert!(sells(&gateway), "the next start has it too");
    let version = applied["refreshed"]["version"].as_str().unwrap();
    assert!(gateway.opening.contains(version), "{}", gateway.opening);
    let (_, listed) = ask(&fixture, &json!({"do": "prices", "prices_do": "list"}));
    let builtin = applied["refreshed"]["before"].clone();
    assert_eq!((&listed["books"][0]["version"], &listed["books"][1]["version"]), (&json!(version), &builtin));
    let back = json!({"do": "prices", "prices_do": "roll_back", "version": builtin, "apply": true});
    assert_eq!(ask(&fixture, &back).1["refreshed"]["outcome"], "applied");
    assert!(!sells(&gateway));
    gateway.terminate();
    gateway.ended();
}

#[test]
fn a_book_comes_from_an_address_within_its_bounds_and_what_fails_changes_nothing() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[]);
    let key = gateway.key();
    let check = |answer: String, expect: &str| {
        let (status, refused) = refresh(&fixture, Some(&serve(answer)), &[]);
        let words = refused["refused"].as_str().unwrap_or_default();
        assert!(status >= 400 && words.contains(expect), "{status} {refused}");
    };
    check("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(), "it answered 404");
    check("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_owned(), "302");
    check("HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n".to_owned(), "more than 8388608 bytes");
    check("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{".to_owned(), "cannot load prices");
    check(ok("<html>"), "line 1");
    check(ok(&book("book/one", "1").repeat(2)), "one name");
    let (_, refused) = refresh(&fixture, Some("/nowhere/book"), &[]);
    assert!(refused["refused"].as_str().unwrap().contains("/nowhere/book"), "{refused}");
    let (_, none) = refresh(&fixture, None, &[]);
    assert!(none["refused"].as_str().unwrap().contains("--from"), "{none}");
    let (_, free) = refresh(&fixture, Some(&serve(ok(&book("book/one", "0")))), &[]);
    assert_eq!(
        (&free["refreshed"]["outcome"], &free["refreshed"]["findings"][0]["model"]),
        (&json!("refused"), &json!("book/one"))
    );
    assert!(!gateway.get("/v1/models", &key).contains("book/one"));
    let (_, free) = refresh(&fixture, Some(&serve(ok(&book("book/one", "0")))), &["book/one"]);
    assert_eq!(free["refreshed"]["outcome"], "applied", "{free}");
    assert!(gateway.get("/v1/models", &key).contains("book/one"));
    gateway.terminate();
    gateway.ended();
}

#[test]
fn everything_that_was_found_may_be_accepted_at_once_and_a_vendor_that_nobody_knows_is_named() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[]);
    let key = gateway.key();
    let unknown = book("book/three", "1").replace("sandbox-chat", "sandbox-chatt");
    let both = [book("book/one", "0"), book("book/two", "0"), unknown].concat();
    let file = fixture.file("book.jsonl", &both);
    let (_, one) = refresh(&fixture, Some(&file), &["book/one"]);
    assert_eq!(one["refreshed"]["outcome"], "refused", "{one}");
    assert_eq!(one["refreshed"]["unknown_vendors"], json!(["sandbox-chatt"]));
    let (_, all) = refresh(&fixture, Some(&file), &["*"]);
    assert_eq!(all["refreshed"]["outcome"], "applied", "{all}");
    let found = all["refreshed"]["findings"].as_array().unwrap();
    let models: Vec<_> = found.iter().map(|finding| finding["model"].as_str().unwrap()).collect();
    assert!(models.contains(&"book/one") && models.contains(&"book/two"), "what was accepted is shown: {models:?}");
    let models = gateway.get("/v1/models", &key);
    assert!(models.contains("book/one") && models.contains("book/two") && !models.contains("book/three"), "{models}");
    let (_, audit) = ask(&fixture, &json!({"do": "list_changes", "after": null, "max": 100}));
    assert!(audit.to_string().contains("accepted: all "), "{audit}");
    gateway.terminate();
    gateway.ended();
}

#[test]
fn a_pipe_is_no_price_book_and_does_not_keep_the_process() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[]);
    let pipe = fixture.data().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (_, refused) = refresh(&fixture, Some(pipe.to_str().unwrap()), &[]);
    assert!(refused["refused"].as_str().unwrap_or_default().contains("no regular file"), "{refused}");
    let since = now();
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success() && since.elapsed() < Duration::from_secs(5), "{:?} {log}", since.elapsed());
}

#[expect(clippy::disallowed_methods, reason = "a test measures how long a process takes to end")]
fn now() -> Instant {
    Instant::now()
}

/// A server that never answers.
fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (format!("http://{}/book.jsonl", listener.local_addr().unwrap()), listener)
}

#[test]
fn at_the_end_a_job_and_an_admin_request_are_waited_for_together() {
    let fixture = Fixture::new();
    let (url, _listener) = silent();
    let config =
        fixture.file("config.toml", &format!("[catalog]\nprices_url = \"{url}\"\n[server]\nshutdown_ms = 1000\n"));
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    // A request whose body never comes: the socket waits for it.
    let mut request = UnixStream::connect(fixture.data().join("admin.sock")).unwrap();
    write!(request, "POST /admin HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{{").unwrap();
    let running = json!({"do": "jobs", "job": "list"});
    let is_loading = || {
        let (_, listed) = ask(&fixture, &running);
        let jobs = listed["jobs"].as_array().unwrap_or_else(|| panic!("{listed}")).clone();
        jobs.iter().any(|job| job["name"] == "refresh-prices" && job["running_since_ms"].is_u64())
    };
    assert!((0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        is_loading()
    }));
    let since = now();
    gateway.terminate();
    let (status, log) = gateway.ended();
    let took = since.elapsed();
    assert!(status.success() && log.contains("was cut off"), "{log}");
    // Five seconds each.
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(9), "{took:?} {log}");
}
