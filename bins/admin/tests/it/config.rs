//! The config file, read and changed by commands where no gateway runs.

use crate::fixture::{Access, Fixture};

const FILE: &str = "# Ours.\n[billing]\nmarkup_bps = 2500 # 25 %\n\n# The rest.\n[offer]\nallow = [\"openai/*\"]\n";

/// Runs a command on a config of this text; what it printed or how it failed, and the text after.
fn check(before: &str, command: &[&str], printed: Result<&str, &str>, after: &str) {
    let fixture = Fixture::new(Access::Files);
    let path = fixture.dir.join("config.toml");
    std::fs::write(&path, before).unwrap();
    let arguments = [&["--config", path.to_str().unwrap()], command].concat();
    match printed {
        Ok(expect) => {
            let text = fixture.text(&arguments);
            assert!(text.contains(expect), "{command:?}: {text}");
        }
        Err(expect) => {
            let text = fixture.error(&arguments);
            assert!(text.contains(expect), "{command:?}: {text}");
        }
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), after, "{command:?}");
}

#[test]
fn a_setting_is_read_set_and_unset_in_its_place() {
    check(FILE, &["config", "get", "billing.markup_bps"], Ok("2500\n"), FILE);
    check(FILE, &["config", "get", "log.filter"], Ok("\"info\" (default)"), FILE);
    check(FILE, &["config", "get", "server.country"], Ok("not set"), FILE);
    let raised = FILE.replace("2500", "3000");
    check(FILE, &["config", "set", "billing.markup_bps", "3000", "--yes"], Ok("billing.markup_bps"), &raised);
    check(FILE, &["markup", "set", "3000", "--yes"], Ok("3000"), &raised);
    let country = format!("{FILE}\n[server]\ncountry = \"12\"\n");
    check(FILE, &["config", "set", "server.country", "12", "--yes"], Ok("server.country"), &country);
    let without = FILE.replace("markup_bps = 2500 # 25 %\n", "");
    check(FILE, &["config", "unset", "billing.markup_bps", "--yes"], Ok("nothing would change now"), &without);
    check(
        FILE,
        &["config", "set", "server.threads", "2", "--yes"],
        Ok("needs a restart"),
        &format!("{FILE}\n[server]\nthreads = 2\n"),
    );
}

#[test]
fn entries_of_lists_come_and_go() {
    let more = FILE.replace("[\"openai/*\"]", "[\"openai/*\", \"sandbox/*\"]");
    check(FILE, &["model", "offer", "add", "sandbox/*", "--yes"], Ok("offer.allow"), &more);
    check(&more, &["model", "offer", "remove", "sandbox/*", "--yes"], Ok("offer.allow"), FILE);
    let vendor = "[[vendor]]\nid = \"house\"\ndialect = \"openai-chat\"\nbase_url = \"http://127.0.0.1:1/v1\"\nauth = \"none\"\n";
    let with = format!("{FILE}\n{vendor}");
    check(
        FILE,
        &["vendor", "add", "house", "--url", "http://127.0.0.1:1/v1", "--yes"],
        Ok("vendor.house.base_url"),
        &with,
    );
    check(&with, &["vendor", "add", "house", "--url", "http://127.0.0.1:1/v1", "--yes"], Err("already"), &with);
    check(&with, &["vendor", "remove", "house", "--yes"], Ok("vendor.house.id"), FILE);
    check(FILE, &["vendor", "remove", "house", "--yes"], Err("no [[vendor]] house"), FILE);
    let rule = format!("{FILE}\n[[markup]]\nmodels = [\"openai/*\"]\nbps = 900\n");
    check(FILE, &["markup", "set", "900", "--model", "openai/*", "--yes"], Ok("markup.0"), &rule);
}

#[test]
fn what_the_check_refuses_or_nobody_agreed_to_is_not_written() {
    check(FILE, &["config", "set", "billing.markup_bps", "3000"], Err("Add --yes"), FILE);
    check(FILE, &["config", "set", "billing.exposure_max_usd", "-1", "--yes"], Err("billing.exposure_max_usd"), FILE);
    check(FILE, &["config", "set", "billing.markup_bps", "many", "--yes"], Err("markup_bps"), FILE);
    check(FILE, &["config", "set", "billing.markup", "1", "--yes"], Err("no setting billing.markup"), FILE);
    check(FILE, &["config", "set", "payments.key", "canary", "--yes"], Err("payments.key_file"), FILE);
    check(FILE, &["config", "set", "offer.allow", "[\"a\", 1]", "--yes"], Err("invalid type"), FILE);
    check(FILE, &["vendor", "add", "house", "--url", "nonsense", "--yes"], Err("house"), FILE);
    check("[billing", &["config", "set", "billing.markup_bps", "1", "--yes"], Err("TOML"), "[billing");
    check(FILE, &["reload"], Err("no gateway runs"), FILE);
}
