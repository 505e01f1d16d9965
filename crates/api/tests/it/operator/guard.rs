//! Who may see what.

use super::{PAGES, Shop, confirmation};
use crate::app::{TestApp, request};
use crate::dashboard::{fragment, session, site};
use http::Method;
use opencredits_store::{Role, Standing};
use serde_json::{Value, json};

/// Somebody who asks.
struct Actor {
    who: &'static str,
    token: String,
    /// What every route answers.
    status: u16,
}

async fn actors(shop: &Shop) -> Vec<Actor> {
    let (suspended, _) = shop.app.person(0).await;
    shop.app.store.set_role(suspended.id, Role::Operator).await.unwrap();
    shop.app.store.set_standing(suspended.id, Standing::Suspended).await.unwrap();
    let (was, _) = shop.app.person(0).await;
    shop.app.store.set_role(was.id, Role::Operator).await.unwrap();
    shop.app.store.set_role(was.id, Role::None).await.unwrap();
    let actor = |who, token: String, status| Actor { who, token, status };
    vec![
        actor("nobody", String::new(), 401),
        actor("a key", shop.key.clone(), 401),
        actor("a person", session(&shop.app, &shop.person, 1).await, 404),
        actor("a suspended operator", session(&shop.app, &suspended, 2).await, 404),
        actor("who was an operator", session(&shop.app, &was, 3).await, 404),
        actor("an operator", shop.token.clone(), 200),
    ]
}

/// What is told of a path at which there is nothing.
async fn nothing(app: &TestApp, token: &str) -> String {
    fragment(app, "/nothing", token).await.text
}

#[tokio::test]
async fn pages_are_for_operators_and_nobody_else_learns_that_there_are_any() {
    let shop = Shop::open().await;
    for Actor { who, token, status } in actors(&shop).await {
        for path in shop.pages() {
            let answer = fragment(&shop.app, &path, &token).await;
            assert_eq!(answer.status.as_u16(), status, "{who} {path}: {}", answer.text);
            let is_shown = answer.text.contains("data-operator");
            assert_eq!(is_shown, status == 200, "{who} {path}");
            if status == 404 {
                // The path, shortened, and the request's id come last.
                let words = |text: &str| text.split("<dt>Path").next().unwrap().to_owned();
                let (told, elsewhere) = (words(&answer.text), words(&nothing(&shop.app, &token).await));
                assert_eq!(told, elsewhere, "{who} {path}: it says what every wrong path says");
            }
            if status == 200 {
                assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            }
        }
    }
}

#[tokio::test]
async fn acts_are_for_operators_and_change_nothing_for_others() {
    let shop = Shop::open().await;
    let act = json!({"do": "grant", "user": shop.person.id, "credits": "100", "reason": "test"});
    let before = shop.app.available(&shop.person);
    let (id, confirm) = confirmation(&shop.preview(&shop.token, &act).await);
    for Actor { who, token, status } in actors(&shop).await.into_iter().filter(|actor| actor.status != 200) {
        let seen = shop.preview(&token, &act).await;
        assert_eq!(seen.status.as_u16(), status, "{who}: {}", seen.text);
        let done = shop.perform(&token, &act, (&id, &confirm)).await;
        assert_eq!(done.status.as_u16(), status, "{who}: {}", done.text);
        let malformed = shop.app.post("/v1/operator/actions", &token, &json!({"x": 1})).await;
        assert_eq!(malformed.status.as_u16(), status, "{who}: a body is not read before the role is known");
        assert!(!done.text.contains("operator") || done.text.contains("there is nothing at"), "{who}: {}", done.text);
        for path in ["/v1/operator/actions", "/operator/preview"] {
            let other = shop.app.send(request(Method::GET, path, &token, String::new())).await;
            assert_eq!(other.status.as_u16(), 404, "{who} {path}: another method finds nothing");
        }
    }
    assert_eq!(shop.app.available(&shop.person), before);
}

#[tokio::test]
async fn a_shell_is_the_same_for_everybody_and_has_no_figure() {
    let shop = Shop::open().await;
    for path in shop.pages() {
        let without = shop.app.get(&path, "").await;
        let with = shop.app.get(&path, &shop.token).await;
        assert_eq!((without.status.as_u16(), &without.text), (200, &with.text), "{path}");
        assert!(!without.text.contains("Ada") && !without.text.contains("data-operator"), "{path}");
        let place = without.text.split("<nav").nth(1).unwrap().split('>').next().unwrap();
        assert!(place.contains("hidden"), "{path}: the places of operators are not shown: {place}");
    }
}

#[tokio::test]
async fn without_an_executor_there_is_nothing_at_these_paths() {
    let app = site().await;
    let (operator, _) = app.person(0).await;
    app.store.set_role(operator.id, Role::Operator).await.unwrap();
    let token = session(&app, &operator, 1).await;
    for path in PAGES {
        assert_eq!(fragment(&app, path, &token).await.status, 404, "{path}");
    }
    assert_eq!(app.post("/v1/operator/actions", &token, &Value::Null).await.status, 404);
}

#[tokio::test]
async fn the_role_is_given_by_no_route() {
    let shop = Shop::open().await;
    for act in [
        json!({"do": "role", "user": shop.person.id, "role": "operator"}),
        json!({"do": "identity", "identity": "role", "user": shop.person.id, "role": "operator"}),
        json!({"do": "backup", "into": "/tmp"}),
        json!({"do": "export", "user": shop.person.id, "to": "/tmp/x"}),
    ] {
        let seen = shop.preview(&shop.token, &act).await;
        assert_eq!(seen.status, 400, "{act}: {}", seen.text);
    }
    assert_eq!(shop.app.store.role_of(shop.person.id).await.unwrap(), Role::None);
}
