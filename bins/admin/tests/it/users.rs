//! A person as a whole, another label, a new secret; orders without a gateway.

use crate::fixture::{Access, Fixture};
use opencredits_store::conformance::{order, partner};
use opencredits_store::{Order, Orders, Partners, SqliteStore, Users};
use serde_json::{Value, json};

const WAYS: [Access; 2] = [Access::Files, Access::Socket];

#[test]
fn everything_about_a_person_is_shown_and_the_address_only_where_it_is_asked_for() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        fixture.person("Ada", "12");
        fixture.text(&["user", "email", "Ada", "ada@example.org"]);
        fixture.text(&["user", "limit", "Ada", "100", "--reset", "monthly"]);
        fixture.text(&["partner", "add", "Editor"]);
        fixture.text(&["key", "add", "Ada", "--name", "editor", "--partner", "Editor", "--limit-credits", "5"]);
        fixture.text(&["grant", "limit", "Ada", "Editor", "7"]);
        fixture.text(&["key", "add", "Ada", "--management"]);
        let text = fixture.text(&["user", "show", "Ada"]);
        for part in [
            "label        Ada\n",
            "standing     good\n",
            "owes         0 credits ($0)\n",
            "limit        100 of 100 monthly",
            "available  12       0.12\n",
            "app Editor (partner_",
            "limit 7 of 7",
            "5 of 5",
            "MANAGEMENT KEY",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("ada@"), "{text}");
        assert!(fixture.text(&["user", "show", "Ada", "--address"]).contains("address      ada@example.org\n"));
        let details = fixture.json(&["user", "show", "Ada"])["details"].clone();
        assert_eq!((&details["address"], &details["holds_total"]), (&Value::Null, &json!(0)));
        assert_eq!((&details["keys"][0]["name"], &details["debt"]["credits"]), (&json!("editor"), &json!("0")));
        assert_eq!(details["limit"]["amount"]["credits"], "100");
        assert_eq!(fixture.json(&["user", "show", "Ada", "--address"])["details"]["address"], "ada@example.org");
        assert!(fixture.error(&["user", "show", "Eve"]).contains("no user Eve"));
    }
}

#[test]
fn a_person_has_another_label_and_the_record_of_changes_has_neither() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        fixture.person("Ada", "12");
        fixture.person("Bea", "5");
        assert!(fixture.text(&["user", "rename", "Ada", "Countess"]).ends_with(" is Countess now\n"));
        assert!(fixture.error(&["balance", "Ada"]).contains("no user Ada"));
        assert_eq!(fixture.json(&["balance", "Countess"])["balance"]["available"]["credits"], "12");
        assert!(fixture.error(&["user", "rename", "Countess", "Bea"]).contains("there is a user Bea already"));
        assert!(fixture.error(&["user", "rename", "Countess", " "]).contains("is empty"));
        let audit = fixture.text(&["audit"]);
        assert!(audit.contains("user.rename") && !audit.contains("Countess"), "{audit}");
    }
}

#[test]
fn a_key_gets_a_new_secret_and_is_listed_as_rotating_while_the_old_one_is_valid() {
    for access in WAYS {
        let fixture = Fixture::new(access);
        fixture.text(&["user", "add", "Ada"]);
        let added = fixture.json(&["key", "add", "Ada", "--name", "laptop", "--limit-credits", "9"]);
        let id = added["record"]["id"].as_str().unwrap();
        let error = fixture.error(&["key", "rotate", id]);
        assert!(error.contains("ends at once") && error.contains("--yes") && error.contains("--overlap"), "{error}");
        let rotated = fixture.json(&["key", "rotate", id, "--overlap", "1h"]);
        assert_ne!(rotated["key"], added["key"]);
        assert_eq!(rotated["record"]["retiring"][0]["hint"], added["record"]["hint"]);
        for field in ["id", "name", "user", "created_at_ms", "models", "rates"] {
            assert_eq!(rotated["record"][field], added["record"][field], "{field}");
        }
        assert_eq!(rotated["record"]["limit"]["account"], added["record"]["limit"]["account"]);
        let list = fixture.text(&["key", "list", "Ada"]);
        let hint = added["record"]["hint"].as_str().unwrap();
        assert!(list.contains(&format!("rotating, …{hint} until 20")), "{list}");
        let text = fixture.text(&["key", "rotate", id, "--yes"]);
        assert!(text.contains("is not valid any more") && text.contains("    oc_sk_"), "{text}");
        assert!(fixture.text(&["key", "list", "Ada"]).contains("in force"));
        assert!(fixture.error(&["key", "rotate", id, "--overlap", "25h"]).contains("longer than a day"));
        assert_eq!(fixture.text(&["audit"]).matches("key.rotate").count(), 2);
        fixture.text(&["key", "revoke", id, "--yes"]);
        assert!(fixture.error(&["key", "rotate", id, "--yes"]).contains("no key key_"));
    }
}

#[test]
fn orders_are_shown_as_they_are_stored_without_a_gateway_and_a_refund_says_what_it_needs() {
    let fixture = Fixture::new(Access::Files);
    fixture.text(&["user", "add", "Ada"]);
    fixture.text(&["user", "add", "Bea"]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(fixture.dir.join("store.db")).unwrap();
        let ada = store.user_by_label("Ada").await.unwrap().unwrap();
        store.add_partner(&partner(1)).await.unwrap();
        for n in 1..=3 {
            store.add_order(&Order { user: ada.id, ..order(n) }).await.unwrap();
        }
    });
    let id = order(2).id.to_string();
    let listed = fixture.json(&["order", "list", "--user", "Ada", "--max", "2"]);
    assert_eq!((listed["orders"].as_array().unwrap().len(), &listed["next"]), (2, &json!(id)));
    assert_eq!(fixture.json(&["order", "list", "--user", "Bea"])["orders"], json!([]));
    let text = fixture.text(&["order", "show", &id]);
    assert!(text.contains("10.50 eur") && text.contains("as stored; the payment processor was not asked"), "{text}");
    assert_eq!(fixture.json(&["order", "show", &id])["as_stored"], true);
    assert!(fixture.error(&["order", "show", &order(9).id.to_string()]).contains("no order order_"));
    for command in [&["order", "refund", &id, "--reason", "why", "--yes"][..], &["reconcile"]] {
        let error = fixture.error(command);
        assert!(error.contains("needs the payment processor") && error.contains("start the gateway"), "{error}");
    }
}

#[test]
fn an_address_belongs_to_one_person_and_its_change_is_recorded_without_it() {
    for access in [Access::Files, Access::Socket] {
        let fixture = Fixture::new(access);
        fixture.json(&["user", "add", "Ada", "--email", "ada@example.org"]);
        fixture.json(&["user", "add", "Bea"]);
        let taken = "is another person's";
        assert!(fixture.error(&["user", "email", "Bea", "Ada@Example.org"]).contains(taken));
        assert!(fixture.error(&["user", "add", "Cem", "--email", "ada@example.org"]).contains(taken));
        assert!(fixture.error(&["user", "show", "Cem"]).contains("no user Cem"), "nobody is added");
        fixture.json(&["user", "email", "Ada", "--remove"]);
        fixture.json(&["user", "email", "Bea", "ada@example.org"]);
        let audit = fixture.text(&["audit"]);
        assert_eq!(audit.matches("user.email").count(), 3, "{audit}");
        assert!(!audit.contains("example.org"), "{audit}");
    }
}
