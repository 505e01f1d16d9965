//! The config, read again while the gateway serves.

use crate::fixture::{Fixture, Gateway, ask, bearer, eventually};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Requests of the test under load, and reloads meanwhile, where the environment says nothing else.
const REQUESTS: usize = 300;
const RELOADS: usize = 10;
/// Clients at once.
const CLIENTS: usize = 4;
/// Tokens of an answer of the double, beside those that tell its round.
const TOKENS: u64 = 100;

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how many there are")]
fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A vendor that answers every chat, with as many prompt tokens beyond a hundred as the header `x-round` says.
fn vendor_double() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || while answer_one(&stream).is_some() {});
        }
    });
    url
}

fn answer_one(stream: &TcpStream) -> Option<()> {
    let (mut reader, mut round, mut length, mut lists) = (BufReader::new(stream), 0, 0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim().to_ascii_lowercase();
        let value = |name: &str| line.strip_prefix(name).and_then(|value| value.trim().parse::<u64>().ok());
        round = value("x-round:").unwrap_or(round);
        length = value("content-length:").unwrap_or(length);
        lists |= line.starts_with("get ");
        if line.is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; usize::try_from(length).unwrap()]).ok()?;
    let body = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "small",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}],
        "usage": {"prompt_tokens": TOKENS + round, "completion_tokens": 5, "total_tokens": TOKENS + round + 5},
    });
    let body = if lists { json!({"data": [{"id": "small"}]}) } else { body }.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    (&mut &*stream).write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).ok()
}

/// The config of a round: its number is in the vendor, in the price and in the markup.
fn config(url: &str, round: u64) -> String {
    let model = |id: &str, vendor: &str, upstream: &str| {
        format!(
            "[[model]]\nid = \"{id}\"\nvendor = \"{vendor}\"\nupstream_model = \"{upstream}\"\ncontext_window = 8000\nmax_output_tokens = 1000\nprices = {{ input = \"0.{round:03}\", output = \"0.1\" }}\n"
        )
    };
    format!(
        "[billing]\nmarkup_bps = {round}\n[[vendor]]\nid = \"house\"\ndialect = \"openai-chat\"\nbase_url = \"{url}/v1\"\nauth = \"none\"\nheaders = {{ x-round = \"{round}\" }}\n{}{}[[markup]]\nmodels = [\"load/*\"]\nbps = {}\n",
        model("load/house", "house", "small"),
        model("load/inside", "sandbox-chat", "gpt"),
        1_000 + round,
    )
}

/// A price book of this round.
fn book(round: u64) -> String {
    let line = json!({
        "id": "book/one", "vendor": "sandbox-chat", "upstream_model": "gpt", "context_window": 128_000, "max_output_tokens": 9_000,
        "prices": {"input": format!("0.{round:03}"), "output": "0.1"},
    });
    format!("{line}\n")
}

fn reload(fixture: &Fixture) -> Value {
    let (status, answer) = ask(fixture, &json!({"do": "reload", "apply": true}));
    assert_eq!(status, 200, "{answer}");
    answer["reload"].clone()
}

fn chat(gateway: &Gateway, key: &str, model: &str) -> (u16, String) {
    let text = "the same words again ".repeat(20);
    let body = json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": text}]}).to_string();
    let headers = format!("{}content-type: application/json\r\n", bearer(key));
    let answer = gateway.send("POST", "/v1/chat/completions", (&headers, &body));
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

/// The id in the answer's headers.
fn generation(answer: &str) -> String {
    let (_, rest) = answer.split_once("x-generation-id: ").unwrap_or_else(|| panic!("{answer}"));
    rest.lines().next().unwrap().to_owned()
}

/// The bill of a request: model, book, markup, quantity and rate of the input.
fn bill(gateway: &Gateway, key: &str, id: &str) -> (String, String, u64, u64, String) {
    let answer = gateway.get(&format!("/v1/generation?id={id}"), key);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let data = serde_json::from_str::<Value>(body).unwrap_or_else(|_| panic!("{answer}"))["data"].clone();
    let lines = data["bill"]["lines"].as_array().unwrap();
    let input = lines.iter().find(|line| line["what"] == "input").unwrap_or_else(|| panic!("{data}"));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    (
        text(&data["model"]),
        text(&data["bill"]["price_book"]),
        data["bill"]["markup_bps"].as_u64().unwrap(),
        input["quantity"].as_u64().unwrap(),
        text(&input["rate"]),
    )
}

/// The round whose price this rate is, which is in dollars for a token.
fn round_of(rate: &str) -> u64 {
    let (_, digits) = rate.split_once('.').unwrap_or_else(|| panic!("{rate}"));
    format!("{digits:0<9}")[..9].parse().unwrap()
}

#[test]
fn requests_under_reloads_are_all_served_and_each_is_priced_by_one_config() {
    let (requests, reloads) = (number("TEST_RELOAD_REQUESTS", REQUESTS), number("TEST_RELOADS", RELOADS));
    let (fixture, url) = (Fixture::new(), vendor_double());
    let path = fixture.file("config.toml", &config(&url, 1));
    let gateway = Arc::new(fixture.start(&["--config", &path, "dev"], &[]));
    let key = gateway.key();
    let book_path = fixture.file("book.jsonl", "");
    let put_book = |round: u64| {
        fixture.file("book.jsonl", &book(round));
        let order = json!({"do": "prices", "prices_do": "refresh", "from": book_path, "accept": ["*"], "apply": true});
        let (_, answer) = ask(&fixture, &order);
        assert_eq!(answer["refreshed"]["outcome"], "applied", "{answer}");
        answer["refreshed"]["version"].as_str().unwrap().to_owned()
    };
    let mut books = HashMap::from([(put_book(1), 1)]);
    let (sent, ended, ids) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)), Arc::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (gateway, key, ids): (_, _, Arc<Mutex<Vec<String>>>) =
                (Arc::clone(&gateway), key.clone(), Arc::clone(&ids));
            let (sent, ended) = (Arc::clone(&sent), Arc::clone(&ended));
            std::thread::spawn(move || {
                loop {
                    let at = sent.fetch_add(1, Ordering::SeqCst);
                    if at >= requests && ended.load(Ordering::SeqCst) {
                        break;
                    }
                    let model = ["load/house", "load/inside", "book/one"][at % 3];
                    let (status, answer) = chat(&gateway, &key, model);
                    assert_eq!(status, 200, "{model}: {answer}");
                    ids.lock().unwrap().push(generation(&answer));
                }
            })
        })
        .collect();
    for round in 2..=u64::try_from(reloads).unwrap() + 1 {
        // The reloads are spread over the requests.
        let at = requests * usize::try_from(round - 1).unwrap() / (reloads + 1);
        while sent.load(Ordering::SeqCst) < at && clients.iter().any(|client| !client.is_finished()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        books.insert(put_book(round), round);
        fixture.file("config.toml", &config(&url, round));
        let changed = reload(&fixture);
        assert!(changed["changes"].as_array().unwrap().len() >= 5, "{changed}");
    }
    ended.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().unwrap();
    }
    let ids = ids.lock().unwrap();
    assert!(ids.len() >= requests, "{}", ids.len());
    let mut seen = std::collections::BTreeSet::new();
    for id in ids.iter() {
        let (model, book, markup, quantity, rate) = bill(&gateway, &key, id);
        let round = round_of(&rate);
        seen.insert(round);
        match &*model {
            "book/one" => assert_eq!(books.get(&book), Some(&round), "{id}: {book} {rate}"),
            "load/house" => assert_eq!((markup, quantity), (1_000 + round, TOKENS + round), "{id}: {rate}"),
            _ => assert_eq!(markup, 1_000 + round, "{id}: {rate}"),
        }
    }
    assert!(seen.len() > reloads / 2, "few rounds were met: {seen:?}");
    let (_, checked) =
        ask(&fixture, &json!({"do": "check_bills", "from_ms": 0, "until_ms": 4_000_000_000_000_u64, "after": null}));
    assert_eq!((&checked["clean"], &checked["checked"]), (&json!(true), &json!(ids.len())), "{checked}");
}

/// A gateway on this config, and its key.
fn started(fixture: &Fixture, config: &str) -> (Gateway, String) {
    let path = fixture.file("config.toml", config);
    let gateway = fixture.start(&["--config", &path, "dev"], &[]);
    let key = gateway.key();
    (gateway, key)
}

#[test]
fn a_hangup_reads_the_config_again_and_ends_nothing() {
    let fixture = Fixture::new();
    let (gateway, key) = started(&fixture, "[offer]\ndeny = [\"sandbox/claude*\"]\n");
    let body = r#"{"model":"sandbox/gpt","max_tokens":20,"stream":true,"messages":[{"role":"user","content":"sandbox:slow 50"}]}"#;
    let mut stream = gateway.open("POST", "/v1/chat/completions", (&bearer(&key), body));
    stream.read_exact(&mut [0; 64]).unwrap();
    let sells = |model: &str| gateway.get("/v1/models", &key).contains(&format!("\"{model}\""));
    assert!(sells("sandbox/gpt"));
    fixture.file("config.toml", "[offer]\ndeny = [\"sandbox/gpt\"]\n");
    gateway.signal("-HUP");
    eventually("the model is not offered any more", || !sells("sandbox/gpt"));
    let rest = crate::fixture::rest_of(stream);
    assert!(rest.contains("data: [DONE]") && rest.contains("\"generation_id\":\"gen_"), "it ends as it began: {rest}");
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success() && log.contains("offer.deny"), "{log}");
}

#[test]
fn a_hangup_without_a_config_file_says_that_there_is_nothing_to_read() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[]);
    gateway.signal("-HUP");
    let (status, refused) = ask(&fixture, &json!({"do": "reload", "apply": true}));
    assert_eq!(status, 400, "{refused}");
    assert!(refused["refused"].as_str().unwrap().contains("--config"), "{refused}");
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success() && log.contains("without --config"), "{log}");
}

#[test]
fn a_config_that_is_wrong_changes_nothing_and_names_the_setting() {
    let fixture = Fixture::new();
    let (gateway, key) = started(&fixture, "[billing]\nmarkup_bps = 1000\n");
    let before = gateway.get("/v1/models", &key);
    let check = |text: &str, expect: &str| {
        fixture.file("config.toml", text);
        for apply in [false, true] {
            let (status, refused) = ask(&fixture, &json!({"do": "reload", "apply": apply}));
            let words = refused["refused"].as_str().unwrap_or_default();
            assert!(status == 400 && words.contains(expect), "{text}: {status} {refused}");
        }
        let (id, _) = (chat(&gateway, &key, "sandbox/gpt").1, ());
        assert_eq!(bill(&gateway, &key, &generation(&id)).2, 1_000, "{text}");
    };
    let other = "[billing]\nmarkup_bps = 7\n";
    check(&format!("{other}[billing"), "TOML parse error");
    check(&format!("{other}markup = 1"), "markup");
    check("[billing]\nmarkup_bps = 7\nexposure_max_usd = \"-1\"", "billing.exposure_max_usd");
    check(
        &format!(
            "{other}[[model]]\nid = \"a/b\"\nvendor = \"nobody\"\ncontext_window = 9\nmax_output_tokens = 9\nupstream_model = \"b\"\nprices = {{ input = \"1\", output = \"1\" }}"
        ),
        "nobody",
    );
    let vendor = "[[vendor]]\nid = \"house\"\ndialect = \"openai-chat\"\nauth = \"none\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";
    check(&format!("{other}{vendor}headers = {{ \"x y\" = \"1\" }}"), "house");
    check(&format!("{other}[log]\nfilter = \"loud\""), "log.filter");
    // What only the next start would need is checked as well.
    check(&format!("{other}[payments]\nprocessor = \"stripe\"\nkey_file = \"/nowhere/key\""), "/nowhere/key");
    let (status, refused) = ask(&fixture, &json!({"do": "reload", "apply": true, "text": other}));
    assert!(status == 400 && refused.to_string().contains("only compared"), "{refused}");
    assert_eq!(
        gateway.get("/v1/models", &key).split_once("\r\n\r\n").unwrap().1,
        before.split_once("\r\n\r\n").unwrap().1
    );
    std::fs::remove_file(fixture.data().with_file_name("config.toml")).unwrap();
    gateway.signal("-HUP");
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success(), "{log}");
}

#[test]
fn what_needs_a_restart_says_so_and_the_rest_is_in_force_at_once_and_recorded() {
    let fixture = Fixture::new();
    let (gateway, _) = started(&fixture, "");
    let features = || gateway.get("/v1/features", "");
    assert!(!features().contains("\"PT\""));
    let text =
        "[server]\ncountry = \"PT\"\nthreads = 3\n[site]\nname = \"Acme\"\n[data]\nkey_file = \"/nowhere/canary\"\n";
    let wrong = ask(&fixture, &json!({"do": "reload", "text": text}));
    assert!(wrong.0 == 400 && wrong.1.to_string().contains("/nowhere/canary"), "{wrong:?}");
    let text = text.split("[data]").next().unwrap();
    let (_, compared) = ask(&fixture, &json!({"do": "reload", "text": text}));
    assert_eq!(
        (&compared["reload"]["applied"], &compared["reload"]["changes"][0]["setting"]),
        (&json!(false), &json!("server.country"))
    );
    assert!(!features().contains("\"PT\""), "a comparison changes nothing");
    fixture.file("config.toml", text);
    let reloaded = reload(&fixture);
    assert_eq!(reloaded["changes"], json!([{"setting": "server.country", "before": null, "after": "\"PT\""}]));
    let waits: Vec<_> = reloaded["needs_restart"].as_array().unwrap().iter().map(|of| of["setting"].clone()).collect();
    assert_eq!(waits, ["server.threads", "site.name"]);
    assert!(features().contains("\"PT\""));
    let again = reload(&fixture);
    assert_eq!((&again["changes"], again["needs_restart"].as_array().unwrap().len()), (&json!([]), 2));
    let (_, audit) = ask(&fixture, &json!({"do": "list_changes", "after": null, "max": 100}));
    let audit = audit.to_string();
    assert_eq!(audit.matches("config.reload").count(), 1, "{audit}");
    assert!(audit.contains("server.country: not set -> \\\"PT\\\""), "{audit}");
    gateway.terminate();
    let (_, log) = gateway.ended();
    assert!(log.contains("server.threads, site.name"), "{log}");
}

/// The status of a chat, with more members and headers.
fn status(gateway: &Gateway, key: &str, (members, headers): (&str, &str)) -> String {
    let body =
        format!(r#"{{"model":"sandbox/gpt","max_tokens":9,{members}"messages":[{{"role":"user","content":"Hi"}}]}}"#);
    let answer = gateway.send("POST", "/v1/chat/completions", (&format!("{}{headers}", bearer(key)), &body));
    answer.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn settings_of_each_kind_hold_for_the_requests_after_a_reload() {
    let (fixture, url) = (Fixture::new(), vendor_double());
    let (gateway, key) = started(&fixture, "");
    let check = |config: &str, before: &str, after: &str, probe: &dyn Fn() -> String| {
        fixture.file("config.toml", "");
        reload(&fixture);
        assert_eq!(probe(), before, "before {config}");
        fixture.file("config.toml", config);
        let changed = reload(&fixture);
        assert_eq!((changed["changes"].as_array().unwrap().is_empty(), probe()), (false, after.to_owned()), "{config}");
    };
    let holds = |answer: &str, text: &str| answer.contains(text).to_string();
    let plain = || status(&gateway, &key, ("", ""));
    let unknown = || status(&gateway, &key, ("\"nonsense\":1,", ""));
    check("[server]\nstrict = true", "200", "400", &unknown);
    check("[server]\nbody_bytes_max = 20", "200", "413", &plain);
    check("[upstream]\nbody_bytes_max = 20", "200", "502", &plain);
    check("[offer]\nallow = [\"openai/*\"]", "200", "404", &plain);
    let origin = || {
        let answer = gateway.send("GET", "/v1/models", ("origin: https://b.example\r\n", ""));
        holds(&answer, "access-control-allow-origin: *")
    };
    check("[server]\ncors_origins = [\"https://a.example\"]", "true", "false", &origin);
    let enabled = || holds(&gateway.get("/v1/features", ""), "\"opencredits_enabled\":true");
    check("[server]\nenabled = false", "true", "false", &enabled);
    let markup = || bill(&gateway, &key, &generation(&chat(&gateway, &key, "sandbox/gpt").1)).2.to_string();
    check("[billing]\nmarkup_bps = 7", "2500", "7", &markup);
    check("[[markup]]\nmodels = [\"sandbox/*\"]\nbps = 9", "2500", "9", &markup);
    let sold = || holds(&gateway.get("/v1/credits/offer", &key), "\"77.00\"");
    check("[[payments.currency]]\nsuggested = [\"77\"]", "false", "true", &sold);
    let listed = || holds(&gateway.get("/v1/models", &key), "\"house/small\"");
    let terms = "[[discover]]\nvendor = \"house\"\ncontext_window = 8000\nmax_output_tokens = 100\nprices = { input = \"1\", output = \"2\" }";
    let vendor = format!(
        "[[vendor]]\nid = \"house\"\ndialect = \"openai-chat\"\nbase_url = \"{url}/v1\"\nauth = \"none\"\ndiscover = true\n"
    );
    check(&format!("{vendor}{terms}"), "false", "true", &listed);
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success(), "{log}");
}

#[test]
fn a_key_in_a_file_is_exchanged_by_a_reload_and_a_log_filter_holds_from_then_on() {
    let (fixture, upstream) = (Fixture::new(), opencredits_testkit::ReplayUpstream::start(Vec::new()).unwrap());
    let path = fixture.file("config.toml", &crate::fixture::config_of(&upstream.base_url()));
    let secret = fixture.file("key", "key-of-before\n");
    let gateway = fixture.start(&["--config", &path, "dev"], &[("HOUSE_API_KEY_FILE", &secret)]);
    let key = gateway.key();
    let used = || {
        chat(&gateway, &key, "house/small");
        upstream.received().last().unwrap().header("authorization").map(str::to_owned)
    };
    assert_eq!(used().as_deref(), Some("Bearer key-of-before"));
    fixture.file("key", "key-of-after\n");
    let changed = reload(&fixture);
    assert_eq!(
        changed["changes"],
        json!([{"setting": "vendor.house.keys", "before": "1 key, on sale", "after": "1 key, on sale"}])
    );
    assert_eq!(used().as_deref(), Some("Bearer key-of-after"));
    let quiet = format!("{}[log]\nfilter = \"off\"\n", crate::fixture::config_of(&upstream.base_url()));
    fixture.file("config.toml", &quiet);
    reload(&fixture);
    gateway.terminate();
    let (_, log) = gateway.ended();
    assert!(!log.contains("stopped serving") && !log.contains("key-of"), "{log}");
}
