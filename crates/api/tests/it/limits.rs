//! Limits under load, at the boundaries of their periods, and while they change.

use crate::app::{Answer, Scripted, TestApp, request};
use http::Method;
use opencredits_service::accounts::{Actor, NewKey, NewLimit};
use opencredits_service::{LimitBalance, Period, Renewals, jobs};
use opencredits_store::{LimitOwner, LimitReset, SpendingLimit, User};
use opencredits_units::{NanoUsd, PartnerId};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

const DIALECTS: [&str; 5] =
    ["openai-chat", "anthropic-messages", "openai-responses", "gemini-generate", "openai-embeddings"];
/// Requests at once, and for how many of them there is money.
const AT_ONCE: usize = 500;
const COVERED: usize = 100;

/// A vendor and a model for each dialect.
fn app() -> Arc<TestApp> {
    let (mut vendors, mut models) = (String::new(), String::new());
    for dialect in DIALECTS {
        vendors.push_str(&format!(
            "[[vendor]]\nid = \"{dialect}\"\ndialect = \"{dialect}\"\nbase_url = \"http://{dialect}.example/v1\"\nauth = \"none\"\n"
        ));
        let kind = match dialect {
            "openai-embeddings" => "kind = \"embedding\"\nprices = { input = \"1\", output = \"0\" }",
            _ => "prices = { input = \"1\", output = \"10\" }",
        };
        models.push_str(&format!(
            "[[model]]\nid = \"a/{dialect}\"\nvendor = \"{dialect}\"\ncontext_window = 100000\nmax_output_tokens = 1000\n{kind}\n"
        ));
    }
    Arc::new(TestApp::answering(&vendors, &models, "application/json", "{}"))
}

/// A request through the API of this dialect, and what its provider answers: 20 and 7 tokens, or 90 where there is no output, which
/// cost the same.
fn asked(dialect: &str) -> (String, Value, Value) {
    let model = format!("a/{dialect}");
    let messages = json!([{"role": "user", "content": "Hello"}]);
    match dialect {
        "openai-chat" => (
            "/v1/chat/completions".to_owned(),
            json!({"model": model, "max_tokens": 90, "messages": messages}),
            json!({"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "Hi"}}],
                "usage": {"prompt_tokens": 20, "completion_tokens": 7}}),
        ),
        "anthropic-messages" => (
            "/v1/messages".to_owned(),
            json!({"model": model, "max_tokens": 90, "messages": messages}),
            json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
                "content": [{"type": "text", "text": "Hi"}], "usage": {"input_tokens": 20, "output_tokens": 7}}),
        ),
        "openai-responses" => (
            "/v1/responses".to_owned(),
            json!({"model": model, "max_output_tokens": 90, "input": "Hello"}),
            json!({"id": "r", "object": "response", "status": "completed", "output": [{"type": "message",
                "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}],
                "usage": {"input_tokens": 20, "output_tokens": 7, "total_tokens": 27}}),
        ),
        "openai-embeddings" => (
            "/v1/embeddings".to_owned(),
            json!({"model": model, "input": "Hello ".repeat(100)}),
            json!({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m",
                "usage": {"prompt_tokens": 90, "total_tokens": 90}}),
        ),
        _ => (
            format!("/v1beta/models/{model}:generateContent"),
            json!({"contents": [{"parts": [{"text": "Hello"}]}], "generationConfig": {"maxOutputTokens": 90}}),
            json!({"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 20, "candidatesTokenCount": 7, "totalTokenCount": 27}}),
        ),
    }
}

/// Providers that answer once the gate is open.
fn gated(app: &TestApp, dialect: &str) -> Arc<Semaphore> {
    let gate = Arc::new(Semaphore::new(0));
    let answer = Scripted::Answer(200, None, asked(dialect).2.to_string());
    app.script(&format!("{dialect}.example"), &[Scripted::Gated(gate.clone(), Box::new(answer))]);
    gate
}

fn open(gate: &Semaphore) {
    gate.add_permits(10_000);
}

#[expect(clippy::disallowed_methods, reason = "requests run beside the test, as on a server")]
fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    tokio::spawn(task)
}

/// Begins a request, which is held when this returns.
async fn begin(app: &Arc<TestApp>, dialect: &str, key: &str) -> tokio::task::JoinHandle<Answer> {
    let (path, body, _) = asked(dialect);
    let before = app.ledger.holds().len();
    let (theirs, key) = (Arc::clone(app), key.to_owned());
    let running = spawn(async move { theirs.post(&path, &key, &body).await });
    while app.ledger.holds().len() == before {
        assert!(!running.is_finished(), "it was refused");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running
}

/// What a request through this API holds.
async fn held_by_one(app: &Arc<TestApp>, dialect: &str) -> NanoUsd {
    let gate = gated(app, dialect);
    let (_, key) = app.person(10).await;
    let running = begin(app, dialect, &key).await;
    let held = app.ledger.holds()[0].amount;
    open(&gate);
    assert_eq!(running.await.unwrap().status, 200);
    app.asked();
    held
}

/// What bounds the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Wallet,
    Key,
    Grant,
    Person,
}

/// A person with keys that this bounds to `amount` together.
async fn bounded(app: &TestApp, bound: Bound, amount: NanoUsd) -> (User, Vec<String>, Option<SpendingLimit>) {
    let plenty = NanoUsd::new(1_000_000_000_000);
    let (user, key) = app.person_with(if bound == Bound::Wallet { amount } else { plenty }).await;
    let limit = Some(NewLimit { amount, reset: Some(LimitReset::Monthly) });
    let partner = match app.accounts.list_partners(PartnerId::default(), 1).await.unwrap().pop() {
        Some(partner) => partner,
        None => app.partner().await,
    };
    let partners = NewKey { partner: Some(partner.id), ..TestApp::plain_key(&user) };
    match bound {
        Bound::Wallet => (user, vec![key], None),
        Bound::Key => {
            let new = NewKey { limit, ..TestApp::plain_key(&user) };
            let (key, secret) = app.accounts.add_key(new).await.unwrap();
            (user, vec![secret.reveal().to_owned()], key.limit)
        }
        Bound::Grant | Bound::Person => {
            let owner = match bound {
                Bound::Grant => LimitOwner::Grant(user.id, partner.id),
                _ => LimitOwner::Person(user.id),
            };
            let keys = match bound {
                Bound::Grant => vec![app.key_with(partners.clone()).await, app.key_with(partners).await],
                _ => vec![key, app.key_with(partners).await, app.key(&user, None, None).await],
            };
            let set = app.accounts.set_limit(owner, limit, Actor::Operator).await.unwrap();
            (user, keys, set.map(|set| set.limit))
        }
    }
}

/// Five hundred requests at once where there is money for a hundred: a hundred are served.
async fn check_at_once(bound: Bound, named: &str) {
    let app = app();
    for dialect in DIALECTS {
        let held = held_by_one(&app, dialect).await;
        // A little is left over, for which there is no request.
        let amount = NanoUsd::new(held.get() * i64::try_from(COVERED).unwrap() + held.get() / 2);
        let (user, keys, limit) = bounded(&app, bound, amount).await;
        let gate = gated(&app, dialect);
        let refused = Arc::new(AtomicUsize::new(0));
        let mut running = tokio::task::JoinSet::new();
        for at in 0..AT_ONCE {
            let ((path, body, _), key) = (asked(dialect), keys[at % keys.len()].clone());
            let (app, refused) = (app.clone(), refused.clone());
            running.spawn(async move {
                let answer = app.post(&path, &key, &body).await;
                if answer.status != 200 {
                    refused.fetch_add(1, Ordering::SeqCst);
                }
                answer
            });
        }
        while refused.load(Ordering::SeqCst) + app.upstream.sent.lock().unwrap().len() < AT_ONCE {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(app.asked().len(), COVERED, "{bound:?} {dialect}");
        open(&gate);
        let (served, refused): (Vec<_>, Vec<_>) =
            running.join_all().await.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((served.len(), refused.len()), (COVERED, AT_ONCE - COVERED), "{bound:?} {dialect}");
        for answer in refused {
            let named = format!("\"limit\":\"{named}\"");
            assert!(answer.status == 402 && answer.text.contains(&named), "{bound:?} {dialect}: {}", answer.text);
        }
        check_books(&app, &user, limit, amount).await;
    }
}

/// Nothing is below zero, and what was spent is what a hundred requests cost.
async fn check_books(app: &TestApp, user: &User, limit: Option<SpendingLimit>, amount: NanoUsd) {
    app.settled();
    // 20 and 7 tokens at 1 and 10 USD a million, and a quarter on top, in nano-dollars.
    let spent = i64::try_from(COVERED).unwrap() * 112_500;
    match limit {
        None => assert_eq!(amount.get() - app.available(user), spent),
        Some(limit) => {
            let left = LimitBalance::of(app.gateway().ledger(), limit, app.gateway().clock().now()).await.unwrap();
            assert_eq!(amount.get() - left.available.get(), spent);
        }
    }
    for row in app.ledger.accounts() {
        let is_floored = row.account.floor == opencredits_ledger::Floor::Zero;
        assert!(!is_floored || row.balance.available >= NanoUsd::ZERO, "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_five_hundred_requests_at_once_a_wallet_serves_those_that_it_can_pay_for() {
    check_at_once(Bound::Wallet, "balance").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_five_hundred_requests_at_once_a_keys_limit_admits_those_that_fit() {
    check_at_once(Bound::Key, "key").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_five_hundred_requests_at_once_an_apps_grant_admits_those_that_fit() {
    check_at_once(Bound::Grant, "grant").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_five_hundred_requests_at_once_a_persons_cap_admits_those_that_fit() {
    check_at_once(Bound::Person, "person").await;
}

/// What a request is charged, in nano-dollars.
const CHARGE: i64 = 112_500;

async fn ask(app: &TestApp, key: &str) -> Answer {
    let (path, body, _) = asked("openai-chat");
    app.post(&path, key, &body).await
}

/// An application whose chat provider answers at once, and a limit that one request and a bit fit into.
async fn one_request(bound: Bound, reset: LimitReset) -> (Arc<TestApp>, String, SpendingLimit) {
    let app = app();
    let held = held_by_one(&app, "openai-chat").await;
    let amount = NanoUsd::new(held.get() + CHARGE / 2);
    let (user, keys, limit) = bounded(&app, bound, amount).await;
    let mut limit = limit.unwrap();
    if reset != LimitReset::Monthly {
        let owner = match bound {
            Bound::Grant => {
                LimitOwner::Grant(user.id, app.accounts.list_partners(PartnerId::default(), 1).await.unwrap()[0].id)
            }
            _ => LimitOwner::Person(user.id),
        };
        let new = Some(NewLimit { amount, reset: Some(reset) });
        limit = app.accounts.set_limit(owner, new, Actor::Operator).await.unwrap().unwrap().limit;
    }
    (app, keys[0].clone(), limit)
}

fn until_next(app: &TestApp, reset: LimitReset) -> Duration {
    let now = app.gateway().clock().now();
    Duration::from_millis(Period::of(reset, now).until.ms_since(now))
}

fn left(app: &TestApp, limit: SpendingLimit) -> i64 {
    app.ledger.balance(limit.account).unwrap().available.get()
}

#[tokio::test]
async fn a_limit_refuses_until_the_last_millisecond_of_its_period_and_admits_from_the_first_of_the_next() {
    for (bound, reset, named, at) in [
        (Bound::Key, LimitReset::Monthly, "key", "2026-10-01T00:00:00Z"),
        (Bound::Person, LimitReset::Daily, "person", "2026-09-22T00:00:00Z"),
        (Bound::Grant, LimitReset::Weekly, "grant", "2026-09-28T00:00:00Z"),
    ] {
        let (app, key, limit) = one_request(bound, reset).await;
        assert_eq!(ask(&app, &key).await.status, 200);
        let refused = ask(&app, &key).await;
        let metadata = &refused.json()["error"]["metadata"];
        assert_eq!((refused.status.as_u16(), &refused.json()["error"]["type"]), (402, &json!("limit_reached")));
        assert_eq!((&metadata["limit"], &metadata["limit_resets_at"]), (&json!(named), &json!(at)), "{}", refused.text);
        assert!(refused.text.contains(at), "{}", refused.text);
        app.pass(until_next(&app, reset) - Duration::from_millis(1));
        assert_eq!(ask(&app, &key).await.status, 402);
        app.pass(Duration::from_millis(1));
        // No job has run: the request itself begins the period.
        assert_eq!(ask(&app, &key).await.status, 200, "{bound:?}");
        assert_eq!(left(&app, limit), limit.amount.get() - CHARGE);
        assert_eq!(ask(&app, &key).await.status, 402);
        app.settled();
    }
}

#[tokio::test]
async fn the_job_begins_limits_anew_once_a_period_whatever_else_does() {
    let (app, key, limit) = one_request(Bound::Person, LimitReset::Daily).await;
    ask(&app, &key).await;
    jobs::renew_limits(app.gateway()).await.unwrap();
    assert_eq!(left(&app, limit), limit.amount.get() - CHARGE, "its first period is not over");
    for _ in 0..3 {
        app.pass(until_next(&app, LimitReset::Daily));
        jobs::renew_limits(app.gateway()).await.unwrap();
        assert_eq!(left(&app, limit), limit.amount.get());
        assert_eq!(ask(&app, &key).await.status, 200);
        jobs::renew_limits(app.gateway()).await.unwrap();
        // A process that starts knows nothing of what was begun.
        Renewals::default().renew(app.gateway().ledger(), &limit, app.gateway().clock().now()).await.unwrap();
        assert_eq!(left(&app, limit), limit.amount.get() - CHARGE, "once a period");
    }
    app.settled();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_begin_a_period_at_once_one_does() {
    let (app, key, limit) = one_request(Bound::Key, LimitReset::Monthly).await;
    for _ in 0..20 {
        app.pass(until_next(&app, LimitReset::Monthly));
        let mut tasks = tokio::task::JoinSet::new();
        for at in 0..16 {
            let (app, key) = (app.clone(), key.clone());
            tasks.spawn(async move {
                if at % 4 == 0 {
                    jobs::renew_limits(app.gateway()).await.unwrap();
                    return 0;
                }
                usize::from(ask(&app, &key).await.status == 200)
            });
        }
        let served: usize = tasks.join_all().await.into_iter().sum();
        // One fits with what it holds, and a second may where the first was charged before it came.
        assert!((1..=2).contains(&served), "{served}");
        assert_eq!(left(&app, limit), limit.amount.get() - i64::try_from(served).unwrap() * CHARGE);
    }
    app.settled();
}

#[tokio::test]
async fn a_request_is_charged_to_the_period_in_which_it_ends() {
    let (app, key, limit) = one_request(Bound::Person, LimitReset::Daily).await;
    let gate = gated(&app, "openai-chat");
    let running = begin(&app, "openai-chat", &key).await;
    app.pass(until_next(&app, LimitReset::Daily));
    jobs::renew_limits(app.gateway()).await.unwrap();
    assert!(left(&app, limit) < CHARGE, "it is held still");
    open(&gate);
    assert_eq!(running.await.unwrap().status, 200);
    assert_eq!(left(&app, limit), limit.amount.get() - CHARGE);
    app.settled();
}

#[tokio::test]
async fn a_limit_that_is_lowered_honours_what_runs_and_admits_nothing_beyond() {
    let app = app();
    let held = held_by_one(&app, "openai-chat").await;
    let amount = |requests: i64| Some(NewLimit { amount: NanoUsd::new(held.get() * requests), reset: None });
    let (user, keys, _) = bounded(&app, Bound::Person, NanoUsd::new(held.get() * 3)).await;
    let owner = LimitOwner::Person(user.id);
    let gate = gated(&app, "openai-chat");
    let mut running = Vec::new();
    for _ in 0..3 {
        running.push(begin(&app, "openai-chat", &keys[0]).await);
    }
    let set = app.accounts.set_limit(owner, amount(1), Actor::Operator).await.unwrap().unwrap();
    assert_eq!(set.available, NanoUsd::ZERO, "less than nothing is told as nothing");
    assert_eq!(ask(&app, &keys[0]).await.status, 402);
    open(&gate);
    for one in running {
        assert_eq!(one.await.unwrap().status, 200);
    }
    assert_eq!(left(&app, set.limit), held.get() - 3 * CHARGE);
    assert_eq!(ask(&app, &keys[0]).await.status, 402, "what was charged counts");
    let raised = app.accounts.set_limit(owner, amount(2), Actor::Operator).await.unwrap().unwrap();
    assert_eq!(raised.available.get(), 2 * held.get() - 3 * CHARGE);
    assert_eq!(app.accounts.set_limit(owner, None, Actor::Operator).await.unwrap(), None);
    assert_eq!(ask(&app, &keys[0]).await.status, 200);
    app.settled();
}

#[tokio::test]
async fn a_limit_on_the_key_the_app_and_the_person_holds_a_request_to_all_of_them() {
    let app = app();
    let held = held_by_one(&app, "openai-chat").await;
    let (user, _) = app.person(10).await;
    let partner = app.partner().await;
    let limit = |parts: i64| Some(NewLimit { amount: NanoUsd::new(held.get() * parts), reset: None });
    let new = NewKey { partner: Some(partner.id), limit: limit(3), ..TestApp::plain_key(&user) };
    let key = app.key_with(new).await;
    let (grant, person) = (LimitOwner::Grant(user.id, partner.id), LimitOwner::Person(user.id));
    for owner in [grant, person] {
        app.accounts.set_limit(owner, limit(3), Actor::Operator).await.unwrap();
    }
    assert_eq!(ask(&app, &key).await.status, 200);
    let shown = app.get("/v1/key", &key).await.json()["data"].clone();
    let whose: Vec<&Value> = shown["limits"].as_array().unwrap().iter().map(|limit| &limit["whose"]).collect();
    assert_eq!(whose, ["key", "grant", "person"]);
    assert!(shown["limits"].as_array().unwrap().iter().all(|limit| limit["limit_remaining"] != limit["limit"]));
    let one = NanoUsd::new(1);
    for (owner, named) in [(grant, "grant"), (person, "person")] {
        app.accounts.set_limit(owner, Some(NewLimit { amount: one, reset: None }), Actor::Operator).await.unwrap();
        let refused = ask(&app, &key).await;
        assert_eq!(refused.json()["error"]["metadata"]["limit"], named, "{}", refused.text);
        app.accounts.set_limit(owner, limit(3), Actor::Operator).await.unwrap();
    }
    assert_eq!(ask(&app, &key).await.status, 200);
    app.settled();
}

#[tokio::test]
async fn a_stream_that_is_left_is_charged_to_every_limit() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let new = Some(NewLimit { amount: NanoUsd::new(1_000_000_000), reset: Some(LimitReset::Daily) });
    let limit = app.accounts.set_limit(LimitOwner::Person(user.id), new, Actor::Operator).await.unwrap().unwrap().limit;
    let body = json!({"model": "sandbox/gpt", "max_tokens": 50, "stream": true,
        "messages": [{"role": "user", "content": "sandbox:slow 20"}]});
    let response = app.open(request(Method::POST, "/v1/chat/completions", &key, body.to_string())).await;
    drop(response);
    app.drained().await;
    let charged = 10_000_000_000 - app.available(&user);
    assert!(charged > 0);
    assert_eq!(left(&app, limit), 1_000_000_000 - charged);
}
