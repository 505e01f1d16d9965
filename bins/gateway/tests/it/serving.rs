//! Serving: its end, its folder, its keys at vendors.

use crate::fixture::{Fixture, ask, bearer, config_of, eventually, failed, rest_of};
use opencredits_testkit::ReplayUpstream;
use serde_json::json;
use std::fs::Permissions;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

fn chat(model: &str, text: &str) -> String {
    format!(r#"{{"model":"{model}","max_tokens":20,"stream":true,"messages":[{{"role":"user","content":"{text}"}}]}}"#)
}

#[test]
fn after_an_orderly_end_the_files_have_everything_without_their_logs() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[]);
    let grant =
        json!({ "do": "grant_credits", "user": "sample person", "amount": { "usd": "1" }, "id": null, "reason": "x" });
    assert_eq!(ask(&fixture, &grant).0, 200);
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success(), "{log}");
    let copied = fixture.data().with_file_name("copied");
    for folder in ["", "test"] {
        std::fs::create_dir(copied.join(folder)).unwrap();
        for name in ["store.db", "ledger.db"] {
            let of = |file: String| fixture.data().join(folder).join(file);
            let rest = std::fs::metadata(of(format!("{name}-wal"))).map_or(0, |file| file.len());
            assert_eq!(rest, 0, "{folder}/{name}-wal");
            std::fs::copy(of(name.to_owned()), copied.join(folder).join(name)).unwrap();
        }
    }
    let store = opencredits_sqlite::open(copied.join("store.db")).unwrap();
    let count = |sql: &str| store.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM users WHERE label = 'sample person'"), 1);
    let kept = opencredits_ledger::Ledger::open(copied.join("ledger.db")).unwrap();
    assert!(kept.verify().unwrap().is_clean());
}

#[test]
fn a_stream_is_finished_and_charged_when_the_gateway_is_told_to_end() {
    let fixture = Fixture::new();
    let gateway = fixture.start(&["dev"], &[]);
    let key = gateway.key();
    assert!(gateway.get("/readyz", "").ends_with("ready\n"));
    let body = chat("sandbox/gpt", "sandbox:slow 50");
    let mut stream = gateway.open("POST", "/v1/chat/completions", (&bearer(&key), &body));
    stream.read_exact(&mut [0; 64]).unwrap();
    gateway.terminate();
    let rest = rest_of(stream);
    assert!(rest.contains("data: [DONE]") && rest.contains("\"generation_id\":\"gen_"), "{rest}");
    let (status, log) = gateway.ended();
    assert!(status.success() && log.contains("clean=true"), "{log}");
    let again = fixture.start(&["dev"], &[]);
    let balance = again.get("/v1/credits/balance", &key);
    assert!(balance.contains("{\"balance\":999."), "what was streamed is charged: {balance}");
}

#[test]
fn a_folder_has_one_gateway() {
    let fixture = Fixture::new();
    let first = fixture.start(&["dev"], &[]);
    let (printed, error) = failed(fixture.run(&["dev"], &[]));
    assert!(error.contains("stop it") && printed.is_empty(), "{printed}{error}");
    assert!(first.get("/v1/key", &first.key()).starts_with("HTTP/1.1 200"), "the first one goes on");
}

#[test]
fn a_vendor_is_asked_with_our_key_from_the_environment_or_from_a_file() {
    let upstream = ReplayUpstream::start(Vec::new()).unwrap();
    let fixture = Fixture::new();
    let config = fixture.file("config.toml", &config_of(&upstream.base_url()));
    let secret = fixture.file("key", "key-from-a-file\n");
    let mut user_key = String::new();
    let ways = [
        ("HOUSE_API_KEY", "key-from-the-environment", "key-from-the-environment"),
        ("HOUSE_API_KEY_FILE", &secret, "key-from-a-file"),
    ];
    for (at, (variable, value, expect)) in ways.into_iter().enumerate() {
        let gateway = fixture.start(&["--config", &config, "dev"], &[(variable, value)]);
        if at == 0 {
            user_key = gateway.key();
        }
        let answer = gateway.send("POST", "/v1/chat/completions", (&bearer(&user_key), &chat("house/small", "Hi")));
        let received = upstream.received();
        let last = received.last().unwrap_or_else(|| panic!("nothing was sent: {answer}"));
        assert_eq!(last.header("authorization"), Some(&*format!("Bearer {expect}")));
        assert_eq!(last.header("x-secret"), Some("header-canary"));
        assert!(!last.mentions(&user_key));
        gateway.terminate();
        let (status, log) = gateway.ended();
        assert!(status.success() && !log.contains(expect) && !log.contains("canary"), "{log}");
    }
}

#[test]
fn a_data_folder_that_is_open_to_others_is_told_with_the_remedy() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.data()).unwrap();
    for (mode, told) in [(0o700, false), (0o750, true), (0o707, true)] {
        std::fs::set_permissions(fixture.data(), Permissions::from_mode(mode)).unwrap();
        let opening = &fixture.start(&[], &[]).opening;
        assert_eq!(opening.contains(&format!("chmod 700 {}", fixture.data().display())), told, "{mode:o}: {opening}");
    }
}

#[test]
fn the_log_says_how_tables_were_brought_up_to_date_to_an_operator_who_asks_alone() {
    let check = |filter: &str, told: bool| {
        let fixture = Fixture::new();
        let gateway = fixture.start(&[], &[("OPENCREDITS_LOG_FILTER", filter)]);
        assert_eq!(gateway.opening.contains("refinery"), told, "{filter}: {}", gateway.opening);
    };
    check("info", false);
    check("opencredits_gateway=info,Debug", false);
    check("info,refinery_core=info", true);
}

#[test]
fn a_log_that_nobody_reads_stops_no_request_and_tells_later_how_many_lines_were_lost() {
    let fixture = Fixture::new();
    let config = fixture.file("config.toml", "");
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    let key = gateway.key();
    let unread = gateway.unread();
    // The log names the line of a config that cannot be read: some of them are more than has room.
    fixture.file("config.toml", &format!("x = \"{}", "y".repeat(1 << 20)));
    for _ in 0..20 {
        gateway.signal("-HUP");
        assert_eq!(ask(&fixture, &json!({ "do": "reload", "apply": true })).0, 400);
        assert!(gateway.get("/v1/credits/balance", &key).starts_with("HTTP/1.1 200"));
    }
    drop(unread);
    let said = "lines of the log were lost";
    eventually("the loss is told", || gateway.log().contains(said));
    gateway.terminate();
    let (status, log) = gateway.ended();
    assert!(status.success());
    let (_, lost) = log.split_once(said).and_then(|(_, after)| after.split_once("lost=")).unwrap();
    let lost: u64 = lost.split_whitespace().next().unwrap().parse().unwrap();
    assert!(lost > 0);
}
