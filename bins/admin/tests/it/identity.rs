//! Roles and sessions of people.

use crate::fixture::{Access, Fixture};
use opencredits_keys::SessionToken;
use opencredits_store::{SessionRecord, Sessions, SqliteStore, Users};
use opencredits_units::UnixMs;
use serde_json::json;

#[test]
fn a_role_is_given_shown_and_recorded() {
    for access in [Access::Files, Access::Socket] {
        let fixture = Fixture::new(access);
        fixture.person("Ada", "12");
        assert_eq!(fixture.text(&["user", "role", "Ada"]), "Ada has no role\n");
        assert_eq!(fixture.text(&["user", "role", "Ada", "operator"]), "Ada is an operator\n");
        assert_eq!(fixture.json(&["user", "role", "Ada"])["role"], "operator");
        assert!(fixture.text(&["audit"]).contains("user.role"));
        assert_eq!(fixture.text(&["user", "role", "Ada", "none"]), "Ada has no role\n");
        assert!(fixture.error(&["user", "role", "Ada", "owner"]).contains("operator"));
        assert!(fixture.error(&["user", "role", "Eve", "operator"]).contains("no user Eve"));
    }
}

#[test]
fn sessions_are_listed_and_ended_all_at_once() {
    let fixture = Fixture::new(Access::Files);
    fixture.person("Ada", "12");
    assert!(fixture.text(&["user", "sessions", "Ada"]).contains("nobody is signed in"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(fixture.dir.join("store.db")).unwrap();
        let user = store.user_by_label("Ada").await.unwrap().unwrap().id;
        for n in [1, 2] {
            let at = UnixMs::new(1_790_000_000_000);
            let session = SessionRecord {
                id: opencredits_store::SessionId::at(at, [n; 10]),
                digest: SessionToken::generate([n; 32]).digest(),
                user,
                browser: "Firefox on Linux".to_owned(),
                created_at: at,
                used_at: at,
                ended_at: None,
            };
            store.begin_session(&session, None, 10).await.unwrap();
        }
    });
    let listed = fixture.text(&["user", "sessions", "Ada"]);
    assert_eq!(listed.matches("Firefox on Linux").count(), 2, "{listed}");
    assert_eq!(fixture.json(&["user", "sessions", "Ada"])["sessions"][0]["browser"], "Firefox on Linux");
    assert_eq!(fixture.json(&["user", "sessions", "Ada", "--end-all"])["ended"], json!(2));
    assert_eq!(fixture.text(&["user", "sessions", "Ada", "--end-all"]), "ended 0 sessions of Ada\n");
    assert!(fixture.text(&["audit"]).contains("user.end_sessions"));
}
