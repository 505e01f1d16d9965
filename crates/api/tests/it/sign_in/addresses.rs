//! A person changes their address.

use super::{Signing, wrong};
use http::Method;
use serde_json::{Value, json};

const PATH: &str = "/v1/account/email";

struct Change {
    old: (Value, String),
    new: (Value, String),
}

impl Change {
    async fn begin(site: &Signing, token: &str, from: &str, to: &str) -> Self {
        let begun = site.post(PATH, token, json!({ "email": to })).await;
        assert_eq!(begun.status, 202, "{}", begun.text);
        let challenge = |name: &str| begun.json()[name].clone();
        let old = (challenge("challenge_old"), site.code(from).await);
        Self { old, new: (challenge("challenge_new"), site.code(to).await) }
    }

    fn body(&self) -> Value {
        json!({"challenge_old": self.old.0, "code_old": self.old.1,
            "challenge_new": self.new.0, "code_new": self.new.1})
    }
}

async fn put(site: &Signing, token: &str, body: &Value) -> u16 {
    site.send(Method::PUT, PATH, token, body).await.status.as_u16()
}

#[tokio::test]
async fn both_addresses_are_asked_and_the_new_one_signs_in_from_then_on() {
    let site = Signing::new().await;
    let begun = site.enter("ada@example.org").await;
    let token = super::token(&begun);
    let change = Change::begin(&site, &token, "ada@example.org", "new@example.org").await;
    for (name, code) in [("code_old", &change.old.1), ("code_new", &change.new.1)] {
        let mut body = change.body();
        body[name] = json!(wrong(code));
        assert_eq!(put(&site, &token, &body).await, 400, "{name}");
    }
    let mut swapped = change.body();
    swapped["challenge_old"] = change.new.0.clone();
    swapped["code_old"] = json!(change.new.1);
    assert_eq!(put(&site, &token, &swapped).await, 400, "the new address does not consent for the old");
    let stranger = site.token("eve@example.org").await;
    assert_eq!(put(&site, &stranger, &change.body()).await, 400, "a code is its person's");
    let changed = site.send(Method::PUT, PATH, &token, &change.body()).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["user"]["email"]), (200, &json!("new@example.org")));
    assert_eq!(put(&site, &token, &change.body()).await, 400, "once");
    assert_eq!(site.enter("new@example.org").await["user"]["id"], begun["user"]["id"]);
    assert_ne!(site.enter("ada@example.org").await["user"]["id"], begun["user"]["id"], "the old one is free");
}

#[tokio::test]
async fn an_address_that_another_has_is_refused_once_it_is_proven() {
    let site = Signing::new().await;
    let (token, eve) = (site.token("ada@example.org").await, site.enter("eve@example.org").await);
    let change = Change::begin(&site, &token, "ada@example.org", "eve@example.org").await;
    let refused = site.send(Method::PUT, PATH, &token, &change.body()).await;
    assert_eq!((refused.status.as_u16(), refused.text.contains("another account")), (400, true), "{}", refused.text);
    assert_eq!(site.enter("eve@example.org").await["user"]["id"], eve["user"]["id"]);
}

#[tokio::test]
async fn consent_ends_with_the_address_that_gave_it() {
    let site = Signing::new().await;
    let begun = site.enter("ada@example.org").await;
    let token = super::token(&begun);
    let change = Change::begin(&site, &token, "ada@example.org", "new@example.org").await;
    let user = begun["user"]["id"].as_str().unwrap().parse().unwrap();
    site.app.store.set_email(user, "operator-set@example.org").await.unwrap();
    assert_eq!(put(&site, &token, &change.body()).await, 400);
    let email = site.app.store.email_of(user).await.unwrap().unwrap();
    assert_eq!(email.address, "operator-set@example.org");
}
