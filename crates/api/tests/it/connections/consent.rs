//! The consent pages, and who decides there.

use super::house::{House, query};
use crate::app::request;
use http::Method;
use opencredits_service::accounts::{NewPartner, PartnerEdit};
use opencredits_store::Standing;
use serde_json::json;

#[tokio::test]
async fn the_page_names_app_models_cap_markup_share_and_host() {
    let house = House::new().await;
    let page = house.app.get(&format!("/oauth/authorize?{}", house.asked()), "").await;
    let models = house.app.get("/v1/models", "").await.json()["data"].as_array().unwrap().len();
    for text in [
        "Let an app use your credits?".to_owned(),
        format!("All {models} models that are on sale here."),
        "price and 25% on it.".to_owned(),
        "an app gets 40% of that markup.".to_owned(),
        "<code>app.example</code>".to_owned(),
        "value=\"10\"".to_owned(),
    ] {
        let plain = page.text.replace("&#x27;", "'").replace("&#x2f;", "/");
        assert!(plain.contains(&text), "{text} in {plain}");
    }
    assert!(!page.text.contains("not registered"), "it is registered");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{policy}");
}

#[tokio::test]
async fn nothing_of_the_query_stands_on_the_page() {
    let house = House::open().await;
    let canary = "\"><script>canary()</script>";
    let state = query(&[("state", canary), ("scope", canary), ("canary", canary)]);
    let callback = query(&[("callback_url", "https://evil.example/<script>canary()</script>")]);
    for path in [
        format!("/oauth/authorize?{}&{state}", house.asked().replace("state", "other")),
        format!("/oauth/authorize?{}", query(&[("client_id", canary)])),
        format!("/auth?{callback}"),
        format!("/connect?{}", query(&[("publishable_key", canary)])),
        format!("/device?{}", query(&[("user_code", canary)])),
    ] {
        let page = house.app.get(&path, "").await;
        assert!(!page.text.contains("<script>canary"), "{path}: {}", page.text);
    }
    let edit = PartnerEdit { name: Some(canary.to_owned()), ..PartnerEdit::default() };
    house.app.accounts.edit_partner(&house.partner.id.to_string(), edit).await.unwrap();
    let page = house.app.get(&format!("/oauth/authorize?{}", house.asked()), "").await;
    assert!(page.text.contains("canary()") && !page.text.contains("<script>canary"), "{}", page.text);
}

#[tokio::test]
async fn only_a_signed_in_person_in_good_standing_decides() {
    let house = House::new().await;
    let body = json!({"query": house.asked(), "decision": "allow"});
    let (_, own_key) = house.app.person(1).await;
    let management = house.app.accounts.add_management_key(house.user.id, "cli".to_owned()).await.unwrap().1;
    for (key, status) in
        [("", 401), ("oc_ses_wrong", 401), (&*own_key, 401), (management.reveal(), 401), (&*house.session, 200)]
    {
        for path in ["/oauth/authorize", "/v1/apps"] {
            let answer = house.app.post(path, key, &body).await;
            let expect = if path == "/v1/apps" && status == 200 { 400 } else { status };
            assert_eq!(answer.status, expect, "{path} {key}: {}", answer.text);
        }
    }
    house.app.accounts.set_standing(&house.user.id.to_string(), Standing::Suspended, String::new()).await.unwrap();
    let answer = house.app.post("/oauth/authorize", &house.session, &body).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
}

#[tokio::test]
async fn a_decision_that_is_malformed_decides_nothing() {
    let house = House::new().await;
    let query = house.asked();
    let check = async |body: serde_json::Value, param: &str| {
        let answer = house.call(Method::POST, "/oauth/authorize", &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert_eq!(answer.json()["error"]["param"], param, "{body}");
    };
    check(json!({"decision": "allow"}), "query").await;
    check(json!({"query": query}), "decision").await;
    check(json!({"query": query, "decision": "maybe"}), "decision").await;
    for cap in [json!("0"), json!("-1"), json!("1000.01"), json!("ten"), json!(true), json!("1e3"), json!("")] {
        check(json!({"query": query, "decision": "allow", "cap_usd": cap}), "cap_usd").await;
    }
    check(json!({"query": query, "decision": "allow", "cap_reset": "yearly"}), "cap_reset").await;
    let text = request(Method::POST, "/oauth/authorize", &house.session, "no json".to_owned());
    assert_eq!(house.app.send(text).await.status, 400);
    let long = json!({"query": "a".repeat(20_000), "decision": "allow"});
    assert_eq!(house.call(Method::POST, "/oauth/authorize", &long).await.status, 413);
    assert_eq!(house.apps().await.len(), 0);
}

#[tokio::test]
async fn a_key_goes_to_an_app_on_the_machine_and_to_no_website() {
    let house = House::new().await;
    let of = |redirect: &str| query(&[("publishable_key", &house.client), ("redirect_url", redirect), ("state", "s")]);
    let page = house.app.get(&format!("/connect?{}", of("com.example.app:/key")), "").await;
    assert_eq!((page.status.as_u16(), page.header("referrer-policy")), (200, "no-referrer"));
    let answer = house.decide("/connect", &of("com.example.app:/key"), "allow").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let to = answer.json()["redirect_to"].as_str().unwrap().to_owned();
    let key = to.strip_prefix("com.example.app:/key?key=").unwrap().strip_suffix("&state=s").unwrap().to_owned();
    assert!(house.works(&key).await);
    let to = house.decide("/connect", &of("http://127.0.0.1:51004/back"), "allow").await.json();
    assert!(to["redirect_to"].as_str().unwrap().starts_with("http://127.0.0.1:51004/back?key=oc_sk_"), "{to}");
    assert!(house.works(&key).await, "one machine does not replace another");
    for wrong in ["https://app.example/back", "com.example.other:/key", "https://evil.example/", ""] {
        let page = house.app.get(&format!("/connect?{}", of(wrong)), "").await;
        assert_eq!(page.status, 400, "{wrong}");
        let answer = house.decide("/connect", &of(wrong), "allow").await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text);
    }
    let to = house.decide("/connect", &of("com.example.app:/key"), "deny").await.json();
    assert!(to["redirect_to"].as_str().unwrap().starts_with("com.example.app:/key?error=access_denied"), "{to}");
    assert_eq!(house.apps().await[0]["keys"], 2);
}

#[tokio::test]
async fn of_too_many_keys_of_one_app_the_oldest_is_revoked() {
    let house = House::new().await;
    let of = query(&[("publishable_key", &house.client), ("redirect_url", "com.example.app:/key")]);
    let mut keys = Vec::new();
    for _ in 0..52 {
        house.app.pass(std::time::Duration::from_millis(1));
        let answer = house.decide("/connect", &of, "allow").await;
        let to = answer.json()["redirect_to"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
        keys.push(to.split_once("key=").unwrap().1.to_owned());
    }
    let mut working = 0;
    for key in &keys {
        working += u32::from(house.works(key).await);
    }
    assert_eq!(working, 50);
    assert!(!house.works(&keys[0]).await && !house.works(&keys[1]).await && house.works(&keys[2]).await);
}

#[tokio::test]
async fn another_partner_gets_nothing_of_a_connection() {
    let house = House::new().await;
    let (access, refresh) = house.tokens().await;
    let new = NewPartner { name: "another app".to_owned(), share: None, markup: None };
    let other = house.app.accounts.add_partner(new).await.unwrap();
    let fields = [("client_id", &*other.publishable_key), ("token", &refresh)];
    assert_eq!(house.form("/oauth/revoke", &fields).await.status, 200);
    let fields = [("client_id", &*other.publishable_key), ("token", &access)];
    assert_eq!(house.form("/oauth/revoke", &fields).await.status, 200);
    assert!(house.works(&access).await, "what is another's is not revoked");
    let fields =
        [("grant_type", "refresh_token"), ("client_id", &*other.publishable_key), ("refresh_token", &*refresh)];
    assert_eq!(house.form("/oauth/token", &fields).await.status, 400);
    assert_eq!(house.refresh(&refresh).await.status, 200, "and not used up");
}
