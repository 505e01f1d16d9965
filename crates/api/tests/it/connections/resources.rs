//! Tokens that are for one resource, and clients of test mode.

use super::house::{BACK, CHALLENGE, House, VERIFIER, parameter, query, refusal, tokens};
use crate::app::Answer;
use http::Method;
use opencredits_keys::{Mode, PublishableKey};
use serde_json::{Value, json};

const API: &str = "https://credits.example/v1";
const ORIGIN: &str = "https://credits.example";

impl House {
    /// The tokens of a person who agreed to these resources.
    async fn granted(&self, resources: &[&str], asked: &[&str]) -> Answer {
        let wanted: Vec<(&str, &str)> = resources.iter().map(|&resource| ("resource", resource)).collect();
        let asking = format!("{}&{}", self.asked(), query(&wanted));
        let decided = self.decide("/oauth/authorize", &asking, "allow").await;
        let code = parameter(decided.json()["redirect_to"].as_str().unwrap(), "code").unwrap();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &*self.client),
            ("code", &code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", BACK),
        ];
        fields.extend(asked.iter().map(|&resource| ("resource", resource)));
        self.form("/oauth/token", &fields).await
    }

    async fn refreshed(&self, token: &str, asked: &str) -> Answer {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &*self.client),
            ("refresh_token", token),
            ("resource", asked),
        ];
        self.form("/oauth/token", &fields).await
    }

    /// What the API under `/v1`, and the one beside it, say to a token.
    async fn at(&self, token: &str) -> (u16, u16) {
        let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]});
        let beside = self.app.post("/v1beta/models/sandbox/gpt:generateContent", token, &body).await;
        (self.spend(token).await.status.as_u16(), beside.status.as_u16())
    }
}

#[tokio::test]
async fn a_token_is_refused_outside_of_its_resource() {
    let house = House::new().await;
    let check = async |resources: &[&str], asked: &[&str], expect: (u16, u16)| {
        let (access, _) = tokens(&house.granted(resources, asked).await);
        assert_eq!(house.at(&access).await, expect, "{resources:?} {asked:?}");
    };
    check(&[], &[], (200, 200)).await;
    check(&[ORIGIN], &[], (200, 200)).await;
    check(&[API], &[], (200, 401)).await;
    check(&[], &[API], (200, 401)).await;
    check(&[ORIGIN], &[API], (200, 401)).await;
    check(&[ORIGIN, API], &[ORIGIN], (200, 200)).await;
    let (access, _) = tokens(&house.granted(&[API], &[]).await);
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]});
    let answer = house.app.post("/v1beta/models/sandbox/gpt:generateContent", &access, &body).await;
    assert!(answer.text.contains("another resource"), "{}", answer.text);
}

#[tokio::test]
async fn a_token_of_another_origin_is_refused_everywhere() {
    let house = House::new().await;
    let (access, _) = tokens(&house.granted(&[API], &[]).await);
    assert!(house.works(&access).await);
    let digest = opencredits_keys::UserKey::digest_of(&access).unwrap();
    let key = house.app.store.key_by_digest(&digest).await.unwrap().unwrap().id;
    for other in
        ["https://elsewhere.example/v1", "https://credits.example.elsewhere.example/v1", "http://credits.example/v1"]
    {
        house.app.store.set_resources(key, &[other.to_owned()]).await.unwrap();
        house.app.app.gateway.keyring().forget_all();
        assert!(!house.works(&access).await, "{other}");
        assert_eq!(house.at(&access).await, (401, 401), "{other}");
        assert_eq!(house.app.get("/v1/key", &access).await.status, 401, "{other}");
    }
}

#[tokio::test]
async fn a_token_endpoint_gives_no_more_than_the_person_agreed_to() {
    let house = House::new().await;
    let target = (400, "invalid_target".to_owned());
    assert_eq!(refusal(&house.granted(&[API], &[ORIGIN]).await), target, "the whole origin is more");
    assert_eq!(refusal(&house.granted(&[], &["https://evil.example/v1"]).await), target, "none of ours");
    let (_, refresh) = tokens(&house.granted(&[ORIGIN], &[]).await);
    let narrowed = house.refreshed(&refresh, API).await;
    let (access, refresh) = tokens(&narrowed);
    assert_eq!(house.at(&access).await, (200, 401), "a refresh narrows the next token");
    let (access, refresh) = tokens(&house.refreshed(&refresh, ORIGIN).await);
    assert_eq!(house.at(&access).await, (200, 200), "and not what was agreed to");
    assert_eq!(refusal(&house.refreshed(&refresh, "https://evil.example/v1").await), target);
    assert_eq!(house.refresh(&refresh).await.status, 200, "a refusal uses no token up");
}

#[tokio::test]
async fn a_client_of_test_mode_gets_no_key_of_a_person() {
    let house = House::new().await;
    let test = PublishableKey::generate(Mode::Test, [4; 32]).as_str().to_owned();
    let asked = [
        ("response_type", "code"),
        ("client_id", &*test),
        ("redirect_uri", BACK),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let decided = house.decide("/oauth/authorize", &query(&asked), "allow").await;
    assert!((400..500).contains(&decided.status.as_u16()), "{}", decided.text);
    assert!(!decided.text.contains("oc_code_"));
    let device = house.form("/oauth/device_authorization", &[("client_id", &test)]).await;
    assert_eq!(refusal(&device), (401, "invalid_client".to_owned()));
    let body = json!({ "publishable_key": test, "cap_usd": "1" });
    let connected = house.call(Method::POST, "/v1/apps", &body).await;
    assert!((400..500).contains(&connected.status.as_u16()), "{}", connected.text);
    assert_eq!(house.apps().await, Vec::<Value>::new(), "nothing is connected");
}
