//! Test mode of the real process: on disk, killed, started again, switched off, and beside a live vendor that counts.

use crate::fixture::{Fixture, Gateway, bearer, config_of};
use opencredits_ledger::Ledger;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Sends a request to the admin socket in a folder, and returns the body of the answer.
fn admin(data: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(data.join("admin.sock")).unwrap();
    let length = request.len();
    let head = "POST /admin HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n";
    write!(stream, "{head}content-length: {length}\r\n\r\n{request}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// A test key of a new partner.
fn test_key(data: &Path) -> String {
    admin(data, r#"{"do":"add_partner","name":"Editor","share_bps":null}"#);
    let order =
        r#"{"do":"partners","partner_do":"applications","application_do":"test_key","partner":"Editor","name":"k"}"#;
    let answer = admin(data, order);
    let (_, rest) = answer.split_once(r#""key":"oc_sk_test_"#).unwrap_or_else(|| panic!("{answer}"));
    format!("oc_sk_test_{}", rest.split('"').next().unwrap())
}

fn ask(gateway: &Gateway, key: &str, model: &str) -> String {
    let body = format!(r#"{{"model":"{model}","max_tokens":20,"messages":[{{"role":"user","content":"Hi"}}]}}"#);
    gateway.send("POST", "/v1/chat/completions", (&bearer(key), &body))
}

fn body(answer: &str) -> String {
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn a_test_key_gets_answers_for_a_live_vendors_model_and_the_vendor_is_not_called() {
    let vendor = TcpListener::bind("127.0.0.1:0").unwrap();
    vendor.set_nonblocking(true).unwrap();
    let fixture = Fixture::new();
    let config = fixture.file("config.toml", &config_of(&format!("http://{}", vendor.local_addr().unwrap())));
    let gateway = fixture.start(&["--config", &config], &[("HOUSE_API_KEY", "k")]);
    let key = test_key(&fixture.data());
    for model in ["house/small", "sandbox/gpt"] {
        let answer = ask(&gateway, &key, model);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("opencredits-mode: test"), "{model}: {answer}");
    }
    assert!(ask(&gateway, &key, "openai/gpt-4o-mini").starts_with("HTTP/1.1 404"), "what is not on sale is not here");
    assert!(vendor.accept().is_err(), "the live vendor was called");
    let live = gateway.get("/v1/models", "");
    assert!(live.contains("house/small") && !live.contains("sandbox/gpt"), "the live offer has no sandbox: {live}");
}

#[test]
fn a_killed_gateway_has_both_modes_again() {
    let fixture = Fixture::new();
    let first = fixture.start(&["dev"], &[]);
    let live = first.key();
    let key = test_key(&fixture.data());
    for key in [&live, &key] {
        assert!(ask(&first, key, "sandbox/gpt").starts_with("HTTP/1.1 200"));
    }
    let balances = |gateway: &Gateway| [&live, &key].map(|key| body(&gateway.get("/v1/credits/balance", key)));
    let before = balances(&first);
    assert_ne!(before[0], before[1]);
    // What is accepted is on disk a moment later.
    std::thread::sleep(std::time::Duration::from_millis(500));
    first.signal("-KILL");
    drop(first.ended());
    let second = fixture.start(&["dev"], &[]);
    assert_eq!(balances(&second), before);
    assert!(ask(&second, &key, "sandbox/claude").starts_with("HTTP/1.1 200"));
    second.terminate();
    let (ended, log) = second.ended();
    assert!(ended.success(), "{log}");
    for dir in [fixture.data(), fixture.data().join("test")] {
        let ledger = Ledger::open(dir.join("ledger.db")).unwrap();
        assert!(ledger.verify().unwrap().is_clean());
        assert!(ledger.holds().is_empty());
    }
}

#[test]
fn test_mode_sells_play_credits_whatever_the_live_mode_sells() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&[], &[]);
    let key = test_key(&fixture.data());
    let headers = format!("{}content-type: application/json\r\nidempotency-key: p-1\r\n", bearer(&key));
    let order = r#"{"amount":"25","currency":"usd","email":"ada@example.org"}"#;
    let begun = gateway.send("POST", "/v1/credits/checkout", (&headers, order));
    let (_, rest) = begun.split_once("/test/checkout/").unwrap_or_else(|| panic!("{begun}"));
    let path = format!("/test/checkout/{}", rest.split('"').next().unwrap());
    assert!(gateway.get(&path, "").contains("Pay"), "a page without a key");
    let form = ("content-type: application/x-www-form-urlencoded\r\n", "choice=pay");
    assert!(gateway.send("POST", &path, form).starts_with("HTTP/1.1 303"));
    assert!(gateway.get("/v1/credits/balance", &key).contains("{\"balance\":12500"), "10,000 and 2,500 credits");
    assert!(gateway.get("/v1/credits/offer", "").starts_with("HTTP/1.1 404"), "nothing is sold live");
}

#[test]
fn a_switched_off_test_mode_has_no_folder_and_no_keys() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[("OPENCREDITS_TEST_ENABLED", "false")]);
    assert!(!fixture.data().join("test").exists());
    let added = admin(&fixture.data(), r#"{"do":"add_partner","name":"Editor","share_bps":null}"#);
    assert!(!added.contains("oc_pk_test_"), "{added}");
    let answer = gateway.get("/v1/key", &format!("oc_sk_test_{}", "0".repeat(38)));
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("test mode is switched off"), "{answer}");
    assert!(gateway.get("/readyz", "").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_partner_without_terms_of_its_own_has_those_of_the_config_in_test_mode_too() {
    let fixture = Fixture::new();
    let config = fixture.file("config.toml", "[billing]\nmarkup_bps = 5000\npartner_share_bps = 3000\n");
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    let key = test_key(&fixture.data());
    let answer = ask(&gateway, &key, "sandbox/gpt");
    let (_, rest) = answer.split_once("x-generation-id: ").unwrap_or_else(|| panic!("{answer}"));
    let id = rest.lines().next().unwrap();
    let told = gateway.get(&format!("/v1/generation?id={id}"), &key);
    let told: serde_json::Value = serde_json::from_str(&body(&told)).unwrap_or_else(|_| panic!("{told}"));
    let bill = &told["data"]["bill"];
    assert_eq!((bill["markup_bps"].as_u64(), bill["partner_share_bps"].as_u64()), (Some(5_000), Some(3_000)), "{bill}");
    assert_ne!(bill["commission"], "0", "{bill}");
}
