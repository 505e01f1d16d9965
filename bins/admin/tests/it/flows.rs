//! What an operator does, the same over both ways.

use crate::fixture::{Access, Fixture};
use serde_json::{Value, json};

const WAYS: [Access; 2] = [Access::Files, Access::Socket];

/// The names of a JSON object's fields, in order.
fn fields(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_person_gets_credits_and_a_key_over_both_ways() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        assert!(fixture.text(&["user", "add", "Ada"]).starts_with("added Ada as user_"), "{access:?}");
        let granted = fixture.text(&["credits", "grant", "--user", "Ada", "--credits", "500"]);
        assert!(granted.starts_with("500 credits ($5) were given (entry_"), "{granted}");
        assert!(granted.ends_with("Ada has 500 credits ($5) available\n"), "{granted}");
        fixture.text(&["credits", "grant", "Ada", "--usd", "2.5"]);
        let balance = fixture.json(&["balance", "Ada"]);
        assert_eq!(balance["balance"]["available"], json!({"usd": "7.5", "credits": "750"}));
        let added = fixture.text(&["key", "add", "--user", "Ada", "--name", "laptop"]);
        assert!(added.contains("\n    oc_sk_"), "{added}");
        let keys = fixture.text(&["key", "list", "Ada"]);
        assert!(keys.contains("laptop") && keys.contains("in force"), "{keys}");
        assert!(!keys.contains("oc_sk_"), "a secret is shown once");
        let verified = fixture.text(&["ledger", "verify"]);
        let accounts = opencredits_service::books::NAMES.len() + 1;
        let checked = format!("checked 2 entries, {accounts} accounts and 0 open holds: everything adds up");
        assert_eq!(verified, checked + "\nthe hash chain covers all of them\n");
        assert_eq!(fixture.text(&["ledger", "holds"]), "there are no open holds\n");
    }
}

#[test]
fn what_is_done_through_the_socket_is_there_for_the_files_afterwards() {
    let mut fixture = Fixture::new(Access::Socket);
    fixture.person("Ada", "12");
    fixture.stop_gateway();
    assert!(!fixture.dir.join("admin.sock").exists());
    let text = fixture.text(&["balance", "Ada"]);
    assert!(text.contains("available  12       0.12"), "{text}");
}

#[test]
fn the_same_grant_twice_gives_once() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        fixture.text(&["user", "add", "Ada"]);
        let grant = ["credits", "grant", "Ada", "7", "--id", "entry_00000000000000000000000001"];
        assert_eq!(fixture.json(&grant)["replayed"], false);
        assert_eq!(fixture.json(&grant)["replayed"], true);
        assert!(fixture.text(&grant).contains("had been given before; nothing more was given"));
        assert_eq!(fixture.json(&["balance", "Ada"])["balance"]["available"]["credits"], "7");
    }
}

#[test]
fn a_revoked_key_stays_in_the_list() {
    let fixture = Fixture::new(Access::Files);
    fixture.text(&["user", "add", "Ada"]);
    let added = fixture.json(&["key", "add", "Ada"]);
    let id = added["record"]["id"].as_str().unwrap();
    assert!(fixture.error(&["key", "revoke", id]).contains("cannot be undone"));
    assert!(fixture.text(&["key", "revoke", id, "--yes"]).contains("has been revoked since 20"));
    fixture.text(&["key", "revoke", id, "--yes"]);
    assert!(fixture.text(&["key", "list", "Ada"]).contains("revoked 20"));
}

#[test]
fn a_limited_key_says_what_is_left() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        fixture.text(&["user", "add", "Ada"]);
        fixture.text(&[
            "key",
            "add",
            "Ada",
            "--limit-credits",
            "50",
            "--model",
            "gpt-5-mini",
            "--expires-in-days",
            "3",
        ]);
        fixture.text(&["key", "add", "Ada", "--limit-usd", "1"]);
        let keys = fixture.json(&["key", "list", "Ada"]);
        assert_eq!(keys["keys"][0]["limit"]["available"]["credits"], "50");
        assert_eq!(keys["keys"][0]["models"], json!(["gpt-5-mini"]));
        assert_eq!(keys["keys"][1]["limit"]["amount"]["usd"], "1");
        let text = fixture.text(&["key", "list", "Ada"]);
        assert!(text.contains("50 of 50") && text.contains("until 20"), "{text}");
    }
}

#[test]
fn a_cap_a_change_and_a_suspension_are_recorded_over_both_ways() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        fixture.person("Ada", "12");
        fixture.text(&["partner", "add", "App"]);
        let set = fixture.json(&["user", "limit", "Ada", "--usd", "2", "--reset", "weekly"]);
        assert_eq!((&set["limit"]["amount"]["credits"], &set["limit"]["reset"]), (&json!("200"), &json!("weekly")));
        let set = fixture.json(&["grant", "limit", "Ada", "App", "7"]);
        assert_eq!((&set["limit"]["available"]["credits"], &set["partner"]), (&json!("7"), &json!("App")));
        assert_eq!(fixture.json(&["grant", "limit", "Ada", "App", "none"])["limit"], Value::Null);
        let added = fixture.json(&["key", "add", "Ada", "--limit-credits", "5", "--limit-reset", "daily"]);
        let id = added["record"]["id"].as_str().unwrap();
        fixture.text(&["key", "edit", id, "--name", "desk", "--limit-credits", "9", "--requests-per-minute", "60"]);
        let text = fixture.text(&["key", "list", "Ada"]);
        assert!(text.contains("desk") && text.contains("9 of 9 daily") && text.contains("60 requests/min"), "{text}");
        fixture.text(&["key", "edit", id, "--limit-credits", "none", "--requests-per-minute", "0", "--disable"]);
        let keys = fixture.json(&["key", "list", "Ada"]);
        assert_eq!((&keys["keys"][0]["limit"], &keys["keys"][0]["disabled"]), (&Value::Null, &json!(true)));
        let managing = fixture.json(&["key", "add", "Ada", "--management"]);
        assert!(managing["key"].as_str().unwrap().starts_with("oc_mk_"));
        assert!(fixture.text(&["key", "list", "Ada"]).contains("MANAGEMENT KEY"));
        fixture.text(&["key", "revoke", managing["record"]["id"].as_str().unwrap(), "--yes"]);
        assert_eq!(fixture.json(&["user", "suspend", "Ada", "--reason", "why", "--yes"])["user"]["suspended"], true);
        assert_eq!(fixture.json(&["user", "list"])["users"][0]["suspended"], true);
        assert_eq!(fixture.json(&["user", "resume", "Ada"])["user"]["suspended"], false);
        let changes = fixture.json(&["audit"])["changes"].clone();
        let actions: Vec<&str> =
            changes.as_array().unwrap().iter().map(|change| change["action"].as_str().unwrap()).collect();
        let mut sorted = actions.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let expected = [
            "credits.grant",
            "grant.limit",
            "key.add_management",
            "key.edit",
            "key.revoke_management",
            "user.limit",
            "user.resume",
            "user.suspend",
        ];
        assert_eq!(sorted, expected, "{access:?}");
        assert_eq!(actions.len(), 10);
        let page = fixture.text(&["audit", "--max", "2"]);
        assert!(page.contains("operator") && page.contains("there are more: --after entry_"), "{page}");
        assert!(fixture.error(&["user", "limit", "Ada", "none", "--reset", "daily"]).contains("leave that out"));
        assert!(fixture.error(&["user", "limit", "Ada", "0"]).contains("not above zero"));
        assert!(fixture.error(&["key", "edit", "key_00000000000000000000000000"]).contains("no key"));
        assert!(fixture.text(&["ledger", "verify"]).contains("everything adds up"));
    }
}

#[test]
fn a_partner_is_named_by_id_or_name() {
    let fixture = Fixture::new(Access::Files);
    let added = fixture.json(&["partner", "add", "App", "--share-bps", "4000"]);
    let id = added["partner"]["id"].as_str().unwrap();
    fixture.text(&["user", "add", "Ada"]);
    for name in ["App", id] {
        let key = fixture.json(&["key", "add", "Ada", "--partner", name]);
        assert_eq!(key["record"]["partner"], id);
    }
    let listed = fixture.text(&["partner", "list"]);
    assert!(listed.contains("App") && listed.contains("4000 bps"), "{listed}");
}

#[test]
fn entries_are_walked_page_by_page() {
    let fixture = Fixture::new(Access::Files);
    for label in ["Ada", "Bea"] {
        fixture.person(label, "1");
        fixture.text(&["credits", "grant", label, "2", "--reason", "a birthday"]);
    }
    let first = fixture.json(&["ledger", "entries", "--max", "3"]);
    assert_eq!(first["entries"].as_array().unwrap().len(), 3);
    let next = first["next"].as_str().unwrap();
    let rest = fixture.json(&["ledger", "entries", "--after", next]);
    assert_eq!((rest["entries"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    let of_ada = fixture.json(&["ledger", "entries", "--user", "Ada"]);
    assert_eq!(of_ada["entries"].as_array().unwrap().len(), 2);
    let text = fixture.text(&["ledger", "entries", "--user", "Ada"]);
    assert!(text.contains("promotion") && text.contains("a birthday"), "{text}");
    let users = fixture.text(&["user", "list", "--max", "1"]);
    assert!(users.contains("there are more: --after user_"), "{users}");
}

/// Scripts rely on these names: adding is fine, renaming is not.
#[test]
fn the_fields_of_the_json_are_stable() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        let user = fixture.json(&["user", "add", "Ada"]);
        assert_eq!((&user["reply"], fields(&user)), (&json!("user_added"), vec!["reply", "user"]));
        assert_eq!(fields(&user["user"]), ["created_at_ms", "id", "label", "suspended", "wallet"]);
        let granted = fixture.json(&["credits", "grant", "Ada", "1"]);
        assert_eq!(fields(&granted), ["amount", "balance", "id", "replayed", "reply"]);
        let balance = fixture.json(&["balance", "Ada"]);
        assert_eq!(fields(&balance["balance"]), ["available", "held", "label", "posted", "user", "wallet"]);
        let key = fixture.json(&["key", "add", "Ada"]);
        assert_eq!(fields(&key), ["key", "record", "reply"]);
        let record = [
            "created_at_ms",
            "disabled",
            "expires_at_ms",
            "hint",
            "id",
            "limit",
            "models",
            "name",
            "partner",
            "rates",
            "retiring",
            "revoked_at_ms",
            "user",
        ];
        assert_eq!(fields(&key["record"]), record);
        assert_eq!(fields(&fixture.json(&["key", "list", "Ada"])), ["keys", "management", "reply"]);
        let entries = fixture.json(&["ledger", "entries"]);
        assert_eq!(fields(&entries), ["entries", "next", "reply"]);
        assert_eq!(fields(&entries["entries"][0]), ["at_ms", "charged", "id", "kind", "legs", "reason", "usage"]);
        assert_eq!(fields(&fixture.json(&["ledger", "holds"])), ["holds", "reply", "total"]);
        let verified = fixture.json(&["ledger", "verify"]);
        let names =
            ["accounts", "chain", "checked_head", "clean", "entries", "findings", "findings_total", "holds", "reply"];
        assert_eq!(fields(&verified), names);
        assert_eq!(fields(&verified["chain"]), ["entries", "first", "head"]);
        assert_eq!(fields(&fixture.json(&["ledger", "head"])), ["commits", "entries", "head", "reply"]);
        assert_eq!(verified["clean"], true);
    }
}

/// As the operations page tells: the store first, the ledger second, while the gateway runs.
#[test]
fn a_backup_of_a_running_gateway_verifies_where_it_is_restored() {
    let fixture = Fixture::new(Access::Socket);
    fixture.person("Ada", "12");
    let restored = Fixture::new(Access::Files);
    for file in ["store.db", "ledger.db"] {
        let from = rusqlite::Connection::open(fixture.dir.join(file)).unwrap();
        let to = restored.dir.join(file);
        from.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
    }
    fixture.person("Bea", "5");
    assert!(restored.text(&["ledger", "verify"]).starts_with("checked 1 entries"));
    assert_eq!(restored.json(&["balance", "Ada"])["balance"]["available"]["credits"], "12");
    assert!(restored.error(&["balance", "Bea"]).contains("no user Bea"));
}

#[test]
fn a_head_that_was_kept_is_in_the_ledger_later_and_not_in_an_older_or_another_one() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        fixture.person("Ada", "12");
        let early = fixture.text(&["ledger", "head"]);
        let older = Fixture::new(Access::Files);
        for file in ["store.db", "ledger.db"] {
            let from = rusqlite::Connection::open(fixture.dir.join(file)).unwrap();
            from.execute("VACUUM INTO ?1", [older.dir.join(file).to_str().unwrap()]).unwrap();
        }
        fixture.person("Bea", "5");
        let late = fixture.text(&["ledger", "head"]);
        for head in [&early, &late] {
            let verified = fixture.text(&["ledger", "verify", "--head", head.trim()]);
            assert!(verified.ends_with("the ledger has every commit up to the given head\n"), "{verified}");
        }
        older.text(&["ledger", "verify", "--head", early.trim()]);
        let output = older.run(&["ledger", "verify", "--head", late.trim()]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success() && text.contains("with 1 entries, are missing"), "{text}");
        older.person("Eve", "5");
        older.person("Zoe", "5");
        assert!(!older.run(&["ledger", "verify", "--head", late.trim()]).status.success());
        let cut = &early.trim()[..early.trim().len() - 1];
        let error = fixture.error(&["ledger", "verify", "--head", cut]);
        assert!(error.contains("this is no head of a ledger"), "{error}");
    }
}

/// As the operations page tells: every command is refused until the loss is accepted.
#[test]
fn a_ledger_without_its_last_commits_is_not_used_before_their_loss_is_accepted() {
    let fixture = Fixture::new(Access::Files);
    fixture.person("Ada", "12");
    let nothing = fixture.text(&["ledger", "accept-loss"]);
    assert_eq!(nothing, "nothing is lost, and nothing was changed\n");
    let older = std::fs::read(fixture.dir.join("ledger.db")).unwrap();
    fixture.text(&["credits", "grant", "Ada", "5"]);
    std::fs::write(fixture.dir.join("ledger.db"), older).unwrap();
    for command in [&["balance", "Ada"][..], &["ledger", "verify"], &["credits", "grant", "Ada", "1"]] {
        let error = fixture.error(command);
        assert!(error.contains("the last 1 commits, with 1 entries, are missing"), "{error}");
        assert!(error.contains("`ledger accept-loss`"), "{error}");
    }
    let accepted = fixture.json(&["ledger", "accept-loss"]);
    assert_eq!(fields(&accepted), ["loss", "reply"]);
    assert!(fixture.dir.join("ledger.db.head.lost").exists());
    assert_eq!(fixture.json(&["balance", "Ada"])["balance"]["available"]["credits"], "12");
    fixture.text(&["ledger", "verify"]);
}
