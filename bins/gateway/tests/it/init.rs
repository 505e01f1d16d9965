//! `init`: a config from a few answers, on which a gateway serves.

use crate::fixture::{Fixture, failed};
use opencredits_testkit::Terminal;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_gateway_serves_on_what_init_has_written_and_it_is_never_overwritten() {
    let fixture = Fixture::new();
    let secret = fixture.file("mail-password", "a mail secret\n");
    let site = fixture.data().with_file_name("site");
    let to = site.to_str().unwrap();
    let answers = ["init", "--unattended", "--to", to, "--name", "Example AI", "--mail-server", "ada@127.0.0.1:2525"];
    let more = ["--mail-from", "Example AI <mail@example.com>", "--mail-password-file", &secret];
    let output = fixture.run(&[&answers[..], &more].concat(), &[]);
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && words.contains("Start it with:"),
        "{words}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for file in ["gateway.toml", "keys/identity-hash", "keys/identity-links", "keys/addresses", "keys/smtp-password"] {
        let mode = std::fs::metadata(site.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only the owner reads {file}");
    }
    let config = site.join("gateway.toml");
    let gateway = fixture.start(&["--config", config.to_str().unwrap()], &[]);
    assert!(gateway.get("/readyz", "").ends_with("ready\n"));
    assert!(gateway.send("GET", "/", ("accept: text/html\r\n", "")).contains("Example AI"));
    gateway.terminate();
    assert!(gateway.ended().0.success());
    let before = std::fs::read_to_string(&config).unwrap();
    let (_, error) = failed(fixture.run(&answers[..4], &[]));
    assert!(error.contains("is there already"), "{error}");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
}

#[test]
fn at_a_terminal_it_asks_five_questions_and_shows_no_secret() {
    let fixture = Fixture::new();
    let site = fixture.data().with_file_name("site");
    let asking = fixture.command(&["init", "--to", site.to_str().unwrap()], &[]);
    let Some(terminal) = Terminal::of(&asking, site.parent().unwrap()) else { return };
    for (question, answer) in [
        ("1. Name of the service", "Example AI"),
        ("2. URL under which people reach it", "https://ai.example.com"),
        ("3. Mail server", "ada@smtp.example.com"),
        ("Sender", "Example AI <mail@example.com>"),
        ("Password at the mail server", "a mail secret"),
        ("4. Key of Stripe", ""),
        ("5. Provider that answers", "OPENAI_API_KEY"),
        ("Key of OPENAI_API_KEY", "a vendor secret"),
    ] {
        terminal.shows(question);
        terminal.enter(answer);
    }
    terminal.shows("it ended with 0");
    let screen = terminal.screen().replace(site.parent().unwrap().to_str().unwrap(), "/srv");
    assert!(!screen.contains("secret"), "{screen}");
    insta::assert_snapshot!("asked", screen.trim_end());
    let written = |name: &str| std::fs::read_to_string(site.join(name)).unwrap();
    assert_eq!(written("keys/smtp-password").trim_end(), "a mail secret");
    assert!(written("gateway.toml").contains("https://ai.example.com"));
}

#[test]
fn without_a_terminal_the_questions_are_not_asked() {
    let fixture = Fixture::new();
    let site = fixture.data().with_file_name("site");
    let (_, error) = failed(fixture.run(&["init", "--to", site.to_str().unwrap()], &[]));
    assert!(error.contains("--unattended"), "{error}");
    assert!(!site.join("gateway.toml").exists());
}

#[test]
fn what_the_check_refuses_does_not_stay() {
    let fixture = Fixture::new();
    let site = fixture.data().with_file_name("site");
    let to = site.to_str().unwrap();
    let (_, error) = failed(fixture.run(&["init", "--unattended", "--to", to, "--public-url", "ai.example.com"], &[]));
    assert!(error.contains("server.public_url"), "{error}");
    assert!(!site.join("gateway.toml").exists() && !site.join("keys/addresses").exists());
}
