//! Applications and test mode, on the files and through the socket.

use crate::fixture::{Access, Fixture};
use serde_json::{Value, json};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn apply(fixture: &Fixture, name: &str) -> Value {
    let words = ["partner", "apply", name, "--owner", "Ada", "--url", "https://editor.example"];
    fixture.json(&[&words[..], &["--origin", "https://editor.example"]].concat())
}

fn check(access: Access) {
    let fixture = Fixture::new(access);
    fixture.text(&["user", "add", "Ada"]);
    let applied = apply(&fixture, "Editor");
    assert!(text(&applied["test"]["key"]).starts_with("oc_sk_test_"), "{applied}");
    assert!(text(&applied["test"]["publishable_key"]).starts_with("oc_pk_test_"), "{applied}");
    let id = text(&applied["application"]["id"]);
    assert!(fixture.error(&["partner", "show", id]).contains("no partner"), "it is one in test mode only");
    assert_eq!(fixture.json(&["--test", "partner", "show", id])["partner"]["name"], "Editor");
    assert_eq!(fixture.json(&["--test", "balance", "Editor"])["balance"]["available"]["credits"], "10000");
    assert!(fixture.error(&["balance", "Editor"]).contains("no user Editor"), "and its credits are there only");

    let listed = fixture.text(&["partner", "applications"]);
    assert!(listed.contains(id) && listed.contains("open"), "{listed}");
    let approved = fixture.json(&["partner", "approve", id, "--share-bps", "3000", "--markup", "2500"]);
    assert_eq!((&approved["partner"]["id"], &approved["partner"]["share_bps"]), (&json!(id), &json!(3_000)));
    assert_eq!(approved["partner"]["markup_bps"], 2_500);
    assert_eq!(approved["test_publishable_key"], applied["test"]["publishable_key"]);
    let keys = fixture.json(&["partner", "publishable", "list", "Editor"]);
    assert_eq!(keys["keys"][0]["origins"], json!(["https://editor.example"]));

    let other = apply(&fixture, "Other");
    let other = text(&other["application"]["id"]);
    let further = fixture.json(&["partner", "test-key", other, "--name", "phone"]);
    assert!(text(&further["test"]["key"]).starts_with("oc_sk_test_"), "an applicant may have a further key: {further}");
    fixture.text(&["partner", "reject", other, "--reason", "no such page"]);
    assert!(fixture.error(&["partner", "approve", other]).contains("it is decided"));
    let all = fixture.text(&["partner", "applications", "--all"]);
    assert!(all.contains("rejected: no such page") && all.contains("approved"), "{all}");

    let further = fixture.json(&["partner", "test-key", "Editor"]);
    assert_eq!(further["test"]["label"], "Editor");
    assert_eq!(fixture.json(&["--test", "balance", "Editor"])["balance"]["available"]["credits"], "10000");
    fixture.text(&["--test", "credits", "grant", "Editor", "5"]);
    assert_eq!(fixture.json(&["--test", "balance", "Editor"])["balance"]["available"]["credits"], "10005");
    assert_eq!(fixture.json(&["--test", "ledger", "verify"])["clean"], true);
    let live = fixture.json(&["ledger", "entries"]);
    assert_eq!(live["entries"], json!([]), "play credits are in the ledger of test mode alone");
    let added = fixture.text(&["partner", "add", "Third"]);
    assert!(added.contains("publishable key: oc_pk_") && added.contains("in test mode: oc_pk_test_"), "{added}");
    let referrals = fixture.text(&["partner", "referrals", "Third"]);
    assert!(referrals.contains("fewer than five people"), "{referrals}");
}

#[test]
fn an_application_leads_from_test_mode_to_a_partner_on_files() {
    check(Access::Files);
}

#[test]
fn an_application_leads_from_test_mode_to_a_partner_through_the_socket() {
    check(Access::Socket);
}
