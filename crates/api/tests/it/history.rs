//! What people read about the past: requests, transactions, activity.

use crate::app::{Answer, TestApp, request};
use http::Method;
use opencredits_keys::ManagementKey;
use opencredits_store::{ManagementKeyRecord, User};
use opencredits_units::{KeyId, NanoUsd, UnixMs};
use serde_json::{Value, json};
use std::time::Duration;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn chat(model: &str) -> Value {
    json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]})
}

/// A management key of this person.
async fn manager(app: &TestApp, user: &User, n: u8) -> String {
    let secret = ManagementKey::generate([n; 32]);
    let record = ManagementKeyRecord {
        id: KeyId::at(NOW, [n; 10]),
        owner: user.id,
        digest: secret.digest(),
        hint: secret.hint().to_owned(),
        name: "reports".to_owned(),
        created_at: NOW,
        revoked_at: None,
    };
    app.store.add_management_key(&record).await.unwrap();
    secret.reveal().to_owned()
}

async fn ask(app: &TestApp, key: &str, model: &str) -> String {
    let answer = app.post("/v1/chat/completions", key, &chat(model)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.header("x-generation-id").to_owned()
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let list = answer.json();
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// A person with three keys' requests: plain, through an app, and on the next day.
struct Past {
    app: TestApp,
    user: User,
    manager: String,
    plain: String,
    through: String,
    partner: String,
    /// Newest first.
    all: Vec<String>,
}

async fn past() -> Past {
    let app = TestApp::new().await;
    let (user, plain) = app.person(10).await;
    let partner = app.partner().await;
    let through = app.key(&user, Some(&partner), None).await;
    let manager = manager(&app, &user, 1).await;
    let mut all = Vec::new();
    for (key, model) in [(&plain, "sandbox/gpt"), (&through, "sandbox/gpt"), (&plain, "sandbox/claude")] {
        all.push(ask(&app, key, model).await);
        app.pass(Duration::from_millis(5));
    }
    app.pass(DAY);
    all.push(ask(&app, &plain, "sandbox/gpt").await);
    all.reverse();
    Past { app, user, manager, plain, through, partner: partner.id.to_string(), all }
}

#[tokio::test]
async fn a_management_key_sees_all_requests_of_its_person_and_a_user_key_its_own() {
    let Past { app, manager: managing, plain, through, all, .. } = past().await;
    assert_eq!(ids(&app.get("/v1/generations", &managing).await), all);
    assert_eq!(ids(&app.get("/v1/generations", &through).await), [all[2].clone()]);
    let own = [all[0].clone(), all[1].clone(), all[3].clone()];
    assert_eq!(ids(&app.get("/v1/generations", &plain).await), own);
    let (stranger, key) = app.person(1).await;
    let strange = manager(&app, &stranger, 2).await;
    for other in [&key, &strange] {
        assert_eq!(ids(&app.get("/v1/generations", other).await), [""; 0]);
        assert_eq!(app.get(&format!("/v1/generation?id={}", all[0]), other).await.status, 404);
        let activity = app.get("/v1/activity", other).await.json();
        assert_eq!(activity["data"], json!([]));
    }
    assert_eq!(app.get("/v1/generations", "").await.status, 401);
}

#[tokio::test]
async fn requests_are_filtered_and_paged() {
    let Past { app, manager, partner, all, .. } = past().await;
    let first = app.get("/v1/generations?limit=1", &manager).await.json();
    let key = first["data"][0]["key_id"].as_str().unwrap();
    assert_eq!(
        (&first["data"][0]["status"], &first["data"][0]["app_id"], &first["has_more"], &first["entries_behind"]),
        (&json!("completed"), &Value::Null, &json!(true), &json!(0))
    );
    let day = "2026-09-21";
    let next = "2026-09-22";
    for (query, expect) in [
        ("model=sandbox/gpt".to_owned(), vec![0, 2, 3]),
        ("model=Sandbox%2FClaude".to_owned(), vec![1]),
        (format!("app_id={partner}"), vec![2]),
        (format!("app={partner}"), vec![2]),
        (format!("partner={partner}&model=sandbox/claude"), vec![]),
        (format!("key_id={key}"), vec![0, 1, 3]),
        ("status=completed".to_owned(), vec![0, 1, 2, 3]),
        ("status=cancelled".to_owned(), vec![]),
        (format!("from={next}"), vec![0]),
        (format!("to={day}"), vec![1, 2, 3]),
        (format!("from={day}&to={day}"), vec![1, 2, 3]),
        (format!("from={day}T00:00:00Z&to={day}T00:00:00Z"), vec![]),
    ] {
        let found = ids(&app.get(&format!("/v1/generations?{query}"), &manager).await);
        let expect: Vec<String> = expect.into_iter().map(|at: usize| all[at].clone()).collect();
        assert_eq!(found, expect, "{query}");
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..10 {
        let page = app.get(&format!("/v1/generations?limit=1&cursor={cursor}"), &manager).await;
        found.extend(ids(&page));
        match page.json()["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, all);
}

#[tokio::test]
async fn parameters_that_cannot_be_are_refused_by_name() {
    let Past { app, manager, .. } = past().await;
    for (path, param) in [
        ("/v1/generations?limit=0", "limit"),
        ("/v1/generations?limit=101", "limit"),
        ("/v1/generations?cursor=x", "cursor"),
        ("/v1/generations?key_id=x", "key_id"),
        ("/v1/generations?app=x", "app"),
        ("/v1/generations?status=x", "status"),
        ("/v1/generations?from=x", "from"),
        ("/v1/transactions?cursor=x", "cursor"),
        ("/v1/transactions?to=2026", "to"),
        ("/v1/activity?group_by=person", "group_by"),
        ("/v1/activity?format=xml", "format"),
    ] {
        let answer = app.get(path, &manager).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert_eq!(answer.json()["error"]["metadata"]["param"], param, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn transactions_are_a_persons_money_and_need_a_management_key() {
    let Past { app, user, manager, plain, .. } = past().await;
    app.pass(DAY);
    let amount = NanoUsd::new(500_000_000);
    let reason = "a birthday".to_owned();
    let grant = opencredits_service::accounts::Grant { user: user.id, amount, id: None, reason };
    app.accounts.grant_credits(grant).await.unwrap();
    let list = app.get("/v1/transactions", &manager).await.json();
    let rows: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|row| (&row["type"], &row["amount"], &row["reason"])).collect();
    let grant = json!("grant");
    assert_eq!(rows, [(&grant, &json!(50), &json!("a birthday")), (&grant, &json!(1000), &json!("test"))]);
    assert_eq!(list["data"][0]["amount_usd"], "0.5");
    let first = app.get("/v1/transactions?limit=1", &manager).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("/v1/transactions?limit=1&cursor={cursor}"), &manager).await.json();
    assert_eq!((&first["data"][0], &second["data"][0]), (&list["data"][0], &list["data"][1]));
    assert_eq!(app.get("/v1/transactions", &plain).await.status, 403);
}

#[tokio::test]
async fn activity_adds_up_to_what_was_charged_in_each_form() {
    let Past { app, user, manager, through, .. } = past().await;
    let spent = 10_000_000_000 - app.available(&user);
    let by_day = app.get("/v1/activity?group_by=day", &manager).await.json();
    let rows = by_day["data"].as_array().unwrap();
    let days: Vec<_> =
        rows.iter().map(|row| (row["date"].as_str().unwrap(), row["requests"].as_u64().unwrap())).collect();
    assert_eq!(days, [("2026-09-22", 1), ("2026-09-21", 3)]);
    let sum: f64 = rows.iter().map(|row| row["total_cost"].as_f64().unwrap()).sum();
    assert!((sum * 1e9 - spent as f64).abs() < 0.5, "{sum} {spent}");
    let own = app.get("/v1/activity?group_by=key,app", &through).await.json();
    assert_eq!((own["data"].as_array().unwrap().len(), &own["data"][0]["requests"]), (1, &json!(1)));
    let lines = app.get("/v1/activity?format=ndjson&group_by=model", &manager).await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let models: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((models.len(), &models[0]["model"], &models[0]["requests"]), (2, &json!("sandbox/claude"), &json!(1)));
    let mut csv =
        request(Method::GET, "/v1/activity?group_by=model&from=2026-09-21&to=2026-09-21", &manager, String::new());
    csv.headers_mut().insert("accept", "text/csv;q=0.9, */*;q=0.1".parse().unwrap());
    let csv = app.send(csv).await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 3, "{}", csv.text);
    assert!(lines[0].starts_with("model,requests,prompt_tokens,") && lines[1].starts_with("sandbox/"), "{}", csv.text);
    let none = app.get("/v1/activity?format=csv&from=2020-01-01&to=2020-01-02", &manager).await;
    assert_eq!(none.text.lines().count(), 1, "the head of a table without rows: {}", none.text);
}

#[tokio::test]
async fn a_bill_has_everything_to_recompute_it_and_what_was_booked() {
    let Past { app, through, manager, all, .. } = past().await;
    for key in [&through, &manager] {
        let data = app.get(&format!("/v1/generation?id={}", all[2]), key).await.json()["data"].clone();
        let bill = &data["bill"];
        assert_eq!((&bill["recomputed"], &bill["is_bounded"]), (&bill["total"], &json!(false)), "{data}");
        assert!(bill["rounding"].as_str().unwrap().contains("rounded once"));
        let legs = bill["legs"].as_array().unwrap();
        let names: Vec<_> = legs.iter().map(|leg| leg["account"].as_str().unwrap()).collect();
        assert_eq!(names, ["wallet", "providers", "revenue", "partner"], "{bill}");
        let nano = |leg: &Value| opencredits_units::Decimal::parse(leg["amount"].as_str().unwrap(), 9).unwrap();
        assert_eq!(legs.iter().map(nano).sum::<i128>(), 0);
        assert_eq!(legs[3]["amount"], bill["commission"]);
    }
}

#[tokio::test]
async fn a_span_that_ends_before_it_begins_is_refused_and_names_both_ends() {
    let Past { app, manager, .. } = past().await;
    let partner = app.accounts.add_partner_key("an app", "reports".to_owned()).await.unwrap().1.reveal().to_owned();
    for (path, key) in [
        ("/v1/generations", &manager),
        ("/v1/transactions", &manager),
        ("/v1/activity", &manager),
        ("/v1/partner/usage", &partner),
    ] {
        let answer = app.get(&format!("{path}?from=2026-09-22&to=2026-09-21"), key).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert!(answer.text.contains("from 2026-09-22 is after to 2026-09-21"), "{path}: {}", answer.text);
        assert_eq!(answer.json()["error"]["metadata"]["param"], "from", "{path}");
        let answer = app.get(&format!("{path}?from=2026-09-20&to=2026-09-20"), key).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_in_strict_mode_and_ignored_otherwise() {
    let Past { app, manager, all, .. } = past().await;
    let partner = app.accounts.add_partner_key("an app", "reports".to_owned()).await.unwrap().1.reveal().to_owned();
    let generation = format!("/v1/generation?id={}&", all[0]);
    let paths = [
        ("/v1/generations?", &manager),
        ("/v1/transactions?", &manager),
        ("/v1/activity?", &manager),
        ("/v1/keys?", &manager),
        (generation.as_str(), &manager),
        ("/v1/partner?", &partner),
        ("/v1/partner/usage?", &partner),
        ("/v1/partner/statements?", &partner),
        ("/v1/partner/payouts?", &partner),
    ];
    for (path, key) in paths {
        let path = format!("{path}modle=x");
        assert_eq!(app.get(&path, key).await.status, 200, "{path}");
        let mut strict = request(Method::GET, &path, key, String::new());
        strict.headers_mut().insert("x-opencredits-strict", "true".parse().unwrap());
        let answer = app.send(strict).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert!(answer.text.contains("there is no parameter modle; there "), "{path}: {}", answer.text);
        assert_eq!(answer.json()["error"]["metadata"]["param"], "modle", "{path}");
    }
    let app = app.with_front(|settings| settings.strict = true);
    for (path, key) in paths {
        assert_eq!(app.get(&format!("{path}modle=x"), key).await.status, 400, "{path}");
        assert_eq!(app.get(path.trim_end_matches(['?', '&']), key).await.status, 200, "{path}");
    }
    let known =
        "/v1/generations?from=2026-09-21&to=2026-09-22&limit=5&cursor=&status=completed&model=x&key_id=&app_id=";
    assert_eq!(app.get(known, &manager).await.status, 200);
}
