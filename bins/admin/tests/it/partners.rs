//! Partners' records and money, as the tool shows them.

use crate::fixture::{Access, Fixture};
use crate::reads::{charge, record};
use opencredits_ledger::Ledger;
use opencredits_units::UnixMs;
use serde_json::{Value, json};

/// 16 September 2025: whenever this runs, what was earned then has matured.
const LONG_AGO: UnixMs = UnixMs::new(1_758_000_000_000);

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Ada has spent half a dollar through an app with a share of 40 %, which is 0.04 dollars.
fn past() -> Fixture {
    let fixture = Fixture::new(Access::Files);
    fixture.person("Ada", "500");
    let app = fixture.json(&["partner", "add", "Editor", "--share-bps", "4000"])["partner"].clone();
    let key = fixture.json(&["key", "add", "Ada", "--partner", "Editor"])["record"]["id"].clone();
    let wallet = fixture.json(&["user", "list"])["users"][0]["wallet"].clone();
    let ledger = Ledger::open(fixture.dir.join("ledger.db")).unwrap();
    charge(&ledger, LONG_AGO, text(&wallet), text(&app["earnings"]), &record(text(&key), "b/two", 100_000, 4_000));
    drop(ledger);
    fixture
}

#[test]
fn a_payout_is_asked_for_recorded_once_and_shown_with_its_reason() {
    let fixture = past();
    let shown = |name: &str| fixture.json(&["partner", "show", "Editor"])["earnings"][name]["usd"].clone();
    assert_eq!((shown("accrued"), shown("matured")), (json!("0.04"), json!("0.04")));
    let asked = fixture.error(&["partner", "payout", "Editor", "--all"]);
    assert!(asked.contains("--yes") && asked.contains("all that has matured"), "{asked}");
    assert!(asked.contains("0.04"), "what has matured is shown: {asked}");
    for stops in [vec!["partner", "suspend", "Editor"], vec!["user", "suspend", "Ada"]] {
        assert!(fixture.error(&stops).contains("--yes"), "{stops:?}");
    }
    let much = fixture.error(&["partner", "payout", "Editor", "--usd", "0.05", "--yes"]);
    assert!(much.contains("0.04 USD of the commission of Editor have matured"), "{much}");
    let pay = |id: &str| fixture.json(&["partner", "payout", "Editor", "--usd", "0.03", "--yes", "--id", id]);
    let first = fixture.json(&["partner", "payout", "Editor", "1", "--yes", "--reason", "bank transfer 7"]);
    assert_eq!((&first["replayed"], &first["amount"]["usd"]), (&json!(false), &json!("0.01")));
    let id = "entry_0000000000000000000000000z";
    assert_eq!((&pay(id)["replayed"], &pay(id)["replayed"]), (&json!(false), &json!(true)));
    assert_eq!((shown("paid_out"), shown("matured")), (json!("0.04"), json!("0")));
    let other = fixture.error(&["partner", "payout", "Editor", "--usd", "0.01", "--yes", "--id", id]);
    assert!(other.contains(id), "{other}");
    let changes = fixture.json(&["audit"]);
    let of_payouts = changes["changes"].as_array().unwrap().iter().filter(|one| one["action"] == "partner.payout");
    let details: Vec<_> = of_payouts.map(|one| text(&one["detail"]).to_owned()).collect();
    assert_eq!(details.len(), 2);
    assert!(details[0].starts_with("0.01 USD, ") && details[0].ends_with(": bank transfer 7"), "{details:?}");
    let book = fixture.text(&["ledger", "report"]);
    assert!(book.lines().any(|line| line.starts_with("assets") && line.ends_with("-0.04")), "{book}");
}

#[test]
fn a_statement_is_of_a_month_and_a_table_for_spreadsheets() {
    let fixture = past();
    let of = |month: &str| fixture.json(&["partner", "statement", "Editor", "--month", month])["statement"].clone();
    let september = of("2025-09");
    assert_eq!(
        (&september["requests"], &september["from"], &september["to"]),
        (&json!(1), &json!("2025-09-01"), &json!("2025-09-30"))
    );
    let amounts =
        ["charged", "commission", "taken_back", "paid_out", "balance"].map(|name| september[name]["usd"].clone());
    assert_eq!(amounts, ["0.5", "0.04", "0", "0", "0.04"].map(Value::from));
    assert_eq!((&of("2025-08")["balance"]["usd"], &of("2025-10")["balance"]["usd"]), (&json!("0"), &json!("0.04")));
    let csv = fixture.text(&["partner", "statement", "Editor", "--month", "2025-09", "--csv"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[1].starts_with("Editor,2025-09,2025-09-01,2025-09-30,1,0.5,0.04,0,0,0.04,0.04"), "{csv}");
    let wrong = fixture.error(&["partner", "statement", "Editor", "--month", "September"]);
    assert!(wrong.contains("write it as 2026-11"), "{wrong}");
}

#[test]
fn a_partner_is_changed_suspended_and_has_keys() {
    let fixture = past();
    let changed = fixture.json(&["partner", "edit", "Editor", "--name", "Writer", "--owner", "Ada", "--default-share"]);
    let partner = &changed["partner"];
    assert_eq!(
        (&partner["name"], &partner["share_bps"], &partner["suspended"]),
        (&json!("Writer"), &Value::Null, &json!(false))
    );
    assert!(text(&partner["owner"]).starts_with("user_"));
    let greedy = fixture.error(&["partner", "edit", "Writer", "--share-bps", "10001"]);
    assert!(greedy.contains("the whole markup"), "{greedy}");
    let config = fixture.dir.join("config.toml");
    std::fs::write(&config, "[billing]\npartner_share_bps = 4000\npartner_share_bps_max = 5000\n").unwrap();
    let bounded =
        fixture.error(&["--config", text(&json!(config)), "partner", "edit", "Writer", "--share-bps", "5001"]);
    assert!(bounded.contains("billing.partner_share_bps_max"), "{bounded}");
    assert!(fixture.text(&["partner", "suspend", "Writer", "--reason", "fraud", "--yes"]).contains("suspended"));
    assert!(fixture.text(&["partner", "resume", "Writer"]).contains("good"));
    let nobody = fixture.json(&["partner", "edit", "Writer", "--no-owner"]);
    assert_eq!(nobody["partner"]["owner"], Value::Null);
    let added = fixture.json(&["partner", "key", "add", "Writer", "--name", "reports"]);
    assert!(text(&added["key"]).starts_with("oc_rk_"));
    let id = text(&added["record"]["id"]).to_owned();
    let revoked = fixture.json(&["partner", "key", "revoke", &id, "--yes"]);
    assert!(revoked["record"]["revoked_at_ms"].is_number());
    let listed = fixture.text(&["partner", "key", "list", "Writer"]);
    assert!(listed.contains("reports") && listed.contains("revoked"), "{listed}");
    let actions: Vec<Value> =
        fixture.json(&["audit"])["changes"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect();
    for action in ["partner.edit", "partner.suspend", "partner.resume", "partner.key_add", "partner.key_revoke"] {
        assert!(actions.contains(&json!(action)), "{action}: {actions:?}");
    }
}

#[test]
fn a_partner_has_several_publishable_keys_with_origins_and_redirects() {
    let fixture = past();
    let publishable = |arguments: &[&str]| {
        let arguments = [&["partner", "publishable"], arguments].concat();
        fixture.json(&arguments)["keys"].as_array().unwrap().clone()
    };
    let first = publishable(&["list", "Editor"]);
    assert_eq!((first.len(), &first[0]["name"], &first[0]["origins"]), (1, &json!("first"), &json!([])));
    let origins = ["--origin", "https://a.example", "--origin", "http://localhost:3000"];
    let added = publishable(
        &[&["add", "Editor", "--name", "web", "--redirect", "https://a.example/back"], &origins[..]].concat(),
    );
    assert!(text(&added[0]["key"]).starts_with("oc_pk_") && added[0]["key"] != first[0]["key"]);
    assert_eq!(added[0]["origins"], json!(["https://a.example", "http://localhost:3000"]));
    let id = text(&added[0]["id"]).to_owned();
    let edited = publishable(&["edit", &id, "--any-origin"]);
    assert_eq!((&edited[0]["origins"], &edited[0]["redirect_urls"]), (&json!([]), &json!(["https://a.example/back"])));
    let wrong = fixture.error(&["partner", "publishable", "edit", &id, "--redirect", "javascript:alert(1)"]);
    assert!(wrong.contains("a redirect URL is neither https nor"), "{wrong}");
    assert!(publishable(&["revoke", &id, "--yes"])[0]["revoked_at_ms"].is_number());
    let listed = fixture.text(&["partner", "publishable", "list", "Editor"]);
    assert!(listed.contains("revoked") && listed.contains("in force"), "{listed}");
}

#[test]
fn a_markup_beyond_the_bounds_of_the_config_is_shown_with_what_is_charged() {
    let fixture = Fixture::new(Access::Files);
    fixture.text(&["partner", "add", "Editor"]);
    let config = fixture.dir.join("config.toml");
    let bound = |bps: u32| std::fs::write(&config, format!("[billing]\npartner_markup_bps_max = {bps}\n")).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    bound(5_000);
    fixture.text(&[&config[..], &["partner", "edit", "Editor", "--markup", "4000"]].concat());
    let shown = fixture.text(&[&config[..], &["partner", "show", "Editor"]].concat());
    assert!(shown.contains("4000 bps\n"), "{shown}");
    bound(3_000);
    let bounded = [&config[..], &["partner", "show", "Editor"]].concat();
    let shown = fixture.text(&bounded);
    assert!(shown.contains("4000 bps, beyond the config's bounds: 3000 bps are charged"), "{shown}");
    assert_eq!(fixture.json(&bounded)["partner"]["markup_charged_bps"], 3_000);
}
