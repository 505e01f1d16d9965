//! What goes wrong names the thing and the remedy.

use crate::fixture::{Access, Fixture, run};
use opencredits_ledger::Ledger;
use std::os::unix::fs::PermissionsExt;

fn check(fixture: &Fixture, arguments: &[&str], expect: &str) {
    let error = fixture.error(arguments);
    assert!(error.contains(expect), "{arguments:?}: {error}");
}

#[test]
fn each_refusal_names_the_thing_and_the_remedy_over_both_ways() {
    for access in [Access::Files, Access::Socket] {
        let fixture = Fixture::new(access);
        fixture.text(&["user", "add", "Ada"]);
        check(&fixture, &["balance", "Eve"], "no user Eve; list users with `opencredits-admin user list`");
        check(&fixture, &["user", "add", "Ada"], "there is a user Ada already, user_");
        check(&fixture, &["key", "add", "Ada", "--partner", "App"], "no partner App; list partners with");
        check(&fixture, &["key", "revoke", "key_00000000000000000000000001", "--yes"], "list a user's keys with");
        check(&fixture, &["credits", "grant", "Ada", "much"], "much is no amount of credits");
        check(&fixture, &["credits", "grant", "Ada", "0"], "the amount is not above zero");
        check(
            &fixture,
            &["key", "add", "Ada", "--model", "gpt-5-mni"],
            "there is no model \"gpt-5-mni\"; did you mean",
        );
        check(&fixture, &["key", "add", "Ada", "--limit-usd", "0"], "the limit is not above zero");
    }
}

#[test]
fn a_wrong_command_line_is_refused_before_anything_is_opened() {
    let fixture = Fixture::new(Access::Files);
    check(&fixture, &["balance"], "--user <USER>");
    check(&fixture, &["credits", "grant", "Ada"], "--credits <CREDITS>");
    check(&fixture, &["credits", "grant", "Ada", "1", "--usd", "1"], "cannot be used with");
    check(&fixture, &["key", "revoke", "user_00000000000000000000000001"], "it begins with key_");
    check(&fixture, &["key", "add", "Ada", "--limit-usd", "1", "--limit-credits", "1"], "cannot be used with");
    assert!(!fixture.dir.join("ledger.db").exists());
}

#[test]
fn a_data_folder_with_a_typing_mistake_is_not_made() {
    let fixture = Fixture::new(Access::Files);
    let dir = fixture.dir.join("dta");
    let output = run(&dir, &["user", "list"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("there is no data folder") && error.contains("--data"), "{error}");
    assert!(!dir.exists());
}

#[test]
fn a_ledger_that_another_process_has_open_is_left_alone() {
    let fixture = Fixture::new(Access::Files);
    let _open = Ledger::open(fixture.dir.join("ledger.db")).unwrap();
    check(&fixture, &["user", "list"], "stop it, or speak to it through its admin socket");
}

#[test]
fn a_gateway_that_is_just_starting_is_waited_for() {
    let fixture = Fixture::new(Access::Files);
    let starting = Ledger::open(fixture.dir.join("ledger.db")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(400));
            drop(starting);
        });
        assert!(fixture.run(&["user", "list"]).status.success());
    });
}

#[test]
fn a_socket_that_a_killed_gateway_left_is_passed_by() {
    let fixture = Fixture::new(Access::Files);
    let path = fixture.dir.join("admin.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    fixture.text(&["user", "add", "Ada"]);
}

#[test]
fn an_answer_that_is_lost_says_how_to_ask_again() {
    let fixture = Fixture::new(Access::Files);
    let listener = std::os::unix::net::UnixListener::bind(fixture.dir.join("admin.sock")).unwrap();
    let hanging_up = std::thread::spawn(move || drop(listener.accept().unwrap()));
    check(&fixture, &["credits", "grant", "Ada", "1"], "the outcome is unknown; ask again with --id entry_");
    hanging_up.join().unwrap();
}

#[test]
fn files_made_by_the_tool_are_for_their_owner_alone() {
    let fixture = Fixture::new(Access::Files);
    fixture.text(&["user", "add", "Ada"]);
    let mode = std::fs::metadata(fixture.dir.join("store.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn a_config_is_checked_and_shown_without_a_data_folder() {
    let fixture = Fixture::new(Access::Files);
    let file = fixture.dir.join("config.toml");
    let file = file.to_str().unwrap();
    std::fs::write(file, "[catalog]\nsandbox = true\n").unwrap();
    let text = fixture.text(&["config", "check", file]);
    assert!(text.contains("markup_bps = 2500") && text.contains("the config is good; "), "{text}");
    let json = fixture.json(&["--config", file, "config", "check"]);
    assert_eq!(json["config"]["billing"]["credit_price_usd"], "0.01");
    assert!(json["models"].as_u64().unwrap() > 0);
    std::fs::write(file, "").unwrap();
    let text = fixture.text(&["config", "check", file]);
    assert!(text.contains("warning: no model is offered; put a vendor's key"), "{text}");
    assert!(!fixture.dir.join("ledger.db").exists());
    std::fs::write(file, "[server]\nlisen = \"x\"\n").unwrap();
    check(&fixture, &["config", "check", file], "lisen");
    std::fs::write(file, MODEL_WITHOUT_VENDOR).unwrap();
    check(&fixture, &["config", "check", file], "no [[vendor]] names");
    check(&fixture, &["config", "check", "missing.toml"], "cannot use missing.toml");
}

#[test]
fn a_compiled_in_vendor_is_printed_as_a_config_takes_it() {
    let fixture = Fixture::new(Access::Files);
    let file = fixture.dir.join("config.toml");
    let file = file.to_str().unwrap();
    for vendor in ["openai", "openrouter", "google", "xai"] {
        let text = fixture.text(&["config", "vendor", vendor]);
        assert!(text.starts_with("[[vendor]]\n") && text.contains(&format!("id = \"{vendor}\"")), "{text}");
        std::fs::write(file, &text).unwrap();
        assert!(fixture.text(&["config", "check", file]).contains("the config is good; "), "{text}");
    }
    check(&fixture, &["config", "vendor", "nobody"], "no vendor \"nobody\" is compiled in");
}

const MODEL_WITHOUT_VENDOR: &str = r#"
[[model]]
id = "local/m"
vendor = "nobody"
upstream_model = "m"
name = "M"
context_window = 100
max_output_tokens = 10
prices = { input = "1", output = "1" }
"#;
