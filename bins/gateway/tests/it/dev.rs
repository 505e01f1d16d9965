//! `dev`: what it prints can be pasted, and a second start keeps what the first one made.

use crate::fixture::{Fixture, Gateway, failed};
use opencredits_store::{SqliteStore, Standing, User, Users};
use opencredits_units::{AccountId, UnixMs, UserId};

/// A command as a shell would split it, with quotes of both kinds and lines that go on.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in command.replace("\\\n", " ").chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, _) if letter.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Sends what a `curl` line says.
fn paste(gateway: &Gateway, command: &str) -> String {
    let (mut target, mut headers, mut body) = (String::new(), String::new(), String::new());
    let mut words = words(command).into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-N" => {}
            "-H" => headers.push_str(&format!("{}\r\n", words.next().unwrap())),
            "-d" => body = words.next().unwrap(),
            url => target = url.strip_prefix(&gateway.local_url()).unwrap().to_owned(),
        }
    }
    let method = if body.is_empty() { "GET" } else { "POST" };
    gateway.send(method, &target, (&headers, &body))
}

#[test]
fn what_dev_prints_can_be_pasted_and_a_second_start_keeps_the_data() {
    let fixture = Fixture::new();
    let first = fixture.start(&["dev"], &[]);
    let commands: Vec<&str> = first.greeting.split("    curl ").skip(1).collect();
    assert_eq!(commands.len(), 3, "{}", first.greeting);
    for (command, expect) in commands.iter().zip(["\"credits\":", "event: message_stop", "\"balance\":"]) {
        let answer = paste(&first, command);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(expect), "{command}: {answer}");
    }
    let url = first.greeting.split("Models: ").nth(1).unwrap().lines().next().unwrap();
    let models = first.get(url.strip_prefix(&first.local_url()).unwrap(), "");
    assert!(models.contains("\"sandbox/gpt\""), "{models}");
    let (key, balance) = (first.key(), first.get("/v1/credits/balance", &first.key()));
    first.terminate();
    assert!(first.ended().0.success());

    let second = fixture.start(&["dev"], &[]);
    assert!(!second.greeting.contains("oc_sk_") && second.greeting.contains("as you left it"), "{}", second.greeting);
    let hint = format!("opencredits-admin --data {} key add \"sample person\"", fixture.data().display());
    assert!(second.greeting.contains(&hint) && !second.greeting.contains("cargo"), "{}", second.greeting);
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&second.get("/v1/credits/balance", &key)), body(&balance));
}

#[test]
fn a_folder_that_has_other_people_gets_the_sample_person_too() {
    let fixture = Fixture::new();
    drop(fixture.start(&[], &[]));
    let ada = User {
        id: UserId::from_bits(1),
        wallet: AccountId::from_bits(1),
        label: "Ada".to_owned(),
        created_at: UnixMs::new(1),
        standing: Standing::Good,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(fixture.data().join("store.db")).unwrap();
        store.add_user(&ada).await.unwrap();
    });
    let first = fixture.start(&["dev"], &[]);
    assert!(first.get("/v1/credits/balance", &first.key()).contains("{\"balance\":1000"), "{}", first.greeting);
}

#[test]
fn a_port_that_is_taken_costs_nobody_the_key_that_is_shown_once() {
    let fixture = Fixture::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (printed, error) = failed(fixture.run(&["dev"], &[("OPENCREDITS_SERVER_LISTEN", &address)]));
    assert!(error.contains(&address) && printed.is_empty(), "{printed}{error}");
    assert!(fixture.start(&["dev"], &[]).key().starts_with("oc_sk_"));
}

#[test]
fn a_code_to_sign_in_is_printed_and_signs_in_and_the_keys_stay() {
    let fixture = Fixture::new();
    let sign_in = |mut gateway: Gateway| {
        let asked = gateway.send("POST", "/v1/auth/code", ("", r#"{"email":"ada@example.org"}"#));
        assert!(asked.starts_with("HTTP/1.1 202"), "{asked}");
        let challenge = asked.split("\"challenge\":\"").nth(1).unwrap().split('"').next().unwrap();
        let code = gateway.printed_code();
        let body = format!(r#"{{"challenge":"{challenge}","code":"{code}","accept":{{"terms":"1","age_16":true}}}}"#);
        let begun = gateway.send("POST", "/v1/auth/session", ("", &body));
        assert!(begun.starts_with("HTTP/1.1 201"), "{begun}");
        let token = begun.split("\"session_token\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        gateway.terminate();
        let (status, log) = gateway.ended();
        assert!(status.success());
        assert!(!log.contains("ada@") && !log.contains(&code) && !log.contains(&token), "{log}");
        token
    };
    let token = sign_in(fixture.start(&["dev"], &[]));
    let second = fixture.start(&["dev"], &[]);
    assert!(second.get("/v1/auth/session", &token).starts_with("HTTP/1.1 200"), "a session survives a restart");
    sign_in(second);
}
