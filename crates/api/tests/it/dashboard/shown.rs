//! What pages show, and what it takes to make them.

use super::{ask, page, session, site};
use crate::app::TestApp;
use opencredits_service::accounts::{Actor, Edit, KeyEdit, NewKey, NewLimit};
use opencredits_store::{LimitReset, User};
use opencredits_units::NanoUsd;
use serde_json::json;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// A person who has sent requests of each kind on three days.
async fn busy() -> (TestApp, User, String) {
    let app = site().await;
    let (user, plain) = app.person(10).await;
    let partner = app.partner().await;
    let through = app.key(&user, Some(&partner), None).await;
    for _ in 0..3 {
        for (key, model) in [(&plain, "sandbox/gpt"), (&through, "sandbox/claude"), (&plain, "sandbox/gpt")] {
            ask(&app, key, model).await;
            app.pass(Duration::from_millis(5));
        }
        app.pass(DAY);
    }
    let token = session(&app, &user, 1).await;
    (app, user, token)
}

/// The credits that stand behind a heading of the headline.
fn figure<'a>(page: &'a str, after: &str) -> &'a str {
    let from = &page[page.find(after).unwrap_or_else(|| panic!("{after} in {page}"))..];
    let from = &from[from.find("class=\"figure\"").unwrap()..];
    let from = &from[from.find('>').unwrap() + 1..];
    from[..from.find('<').unwrap()].trim()
}

/// Where the figure behind a heading leads.
fn figure_link<'a>(page: &'a str, after: &str) -> &'a str {
    let from = &page[page.find(after).unwrap_or_else(|| panic!("{after} in {page}"))..];
    let from = &from[from.find("class=\"figure\"").unwrap()..];
    let from = &from[from.find("href=\"").unwrap() + 6..];
    &from[..from.find('"').unwrap()]
}

#[tokio::test]
async fn the_overview_has_the_balance_that_the_ledger_has() {
    let (app, user, token) = busy().await;
    let overview = page(&app, "/dashboard", &token).await;
    let available = app.available(&user);
    let cents = available / 100_000;
    let expect = format!("{}.{:02}", cents / 100, cents % 100);
    assert_eq!(figure(&overview, "Balance").replace(',', ""), expect.trim_end_matches(".00"));
    assert!(overview.contains("9 requests") && overview.contains("sandbox/claude"), "{overview}");
    assert_eq!(overview.matches("/dashboard/requests/gen_").count(), 8, "the latest ones");
}

#[tokio::test]
async fn a_new_person_is_shown_three_steps() {
    let app = site().await;
    let user = app.person(0).await.0;
    let token = session(&app, &user, 1).await;
    let overview = page(&app, "/dashboard", &token).await;
    assert!(overview.contains("Your spending appears here") && overview.contains("curl "), "{overview}");
    assert!(!overview.contains("<svg viewBox=\"0 0 3000"), "an empty chart says nothing");
    let empties = [
        ("activity", "Your spending appears here"),
        ("requests", "Your requests will appear here"),
        ("apps", "Connected apps will appear here"),
        ("transactions", "Purchases and refunds will appear here"),
    ];
    for (path, text) in empties {
        let page = page(&app, &format!("/dashboard/{path}"), &token).await;
        assert!(page.contains(text), "{path}: {page}");
    }
}

#[tokio::test]
async fn an_activity_adds_up_and_its_filters_narrow_it() {
    let (app, user, token) = busy().await;
    let all = page(&app, "/dashboard/activity", &token).await;
    // Each figure is a link to its requests.
    for title in ["Spent", "Requests", "Tokens", "First token", "Input from caches"] {
        assert_eq!(figure(&all, title), "", "{title}");
        assert!(figure_link(&all, title).starts_with("/dashboard/requests?"), "{title}");
    }
    for (query, requests) in [
        ("", 9),
        ("?model=sandbox/gpt", 6),
        ("?model=sandbox/claude", 3),
        ("?days=1", 0),
        ("?days=2", 3),
        ("?model=sandbox/claude&days=2", 1),
        ("?from=2026-09-21&to=2026-09-21", 3),
        ("?from=2026-09-21&to=2026-09-21&group=key", 3),
        ("?days=365&group=app", 9),
    ] {
        let shown = page(&app, &format!("/dashboard/activity{query}"), &token).await;
        match requests {
            0 => assert!(shown.contains("No request was sent in this range"), "{query}: {shown}"),
            count => assert!(
                shown.contains(&format!("\" title=\"{count}\"")) || shown.contains(&format!(">{count}</a></p>")),
                "{query}: {shown}"
            ),
        }
    }
    assert_eq!(all.matches("<rect class=\"hit\"").count(), 30);
    let year = page(&app, "/dashboard/activity?days=365", &token).await;
    assert_eq!(year.matches("<rect class=\"hit\"").count(), 53, "weeks");
    assert!(year.len() < 100_000, "{}", year.len());
    assert!(all.contains("an app") && all.contains("without an app"), "{all}");
    let _ = user;
}

#[tokio::test]
async fn an_activity_asks_the_read_model_once_a_card() {
    let (app, _, token) = busy().await;
    let before = page(&app, "/dashboard/activity", &token).await;
    app.counts.take();
    let again = page(&app, "/dashboard/activity", &token).await;
    assert_eq!(before, again);
    // The chart and three tables; the times of the first tokens.
    assert_eq!(app.counts.take(), (4, 1));
    page(&app, "/dashboard", &token).await;
    assert_eq!(app.counts.take(), (1, 1), "the overview");
    page(&app, "/dashboard/requests", &token).await;
    assert_eq!(app.counts.take(), (0, 1), "the requests");
    page(&app, "/dashboard/keys", &token).await;
    assert_eq!(app.counts.take(), (2, 0), "the keys: this month, and in all");
    page(&app, "/dashboard/apps", &token).await;
    assert_eq!(app.counts.take(), (1, 0), "the apps");
    page(&app, "/dashboard/transactions", &token).await;
    assert_eq!(app.counts.take(), (0, 1), "the transactions");
}

#[tokio::test]
async fn requests_are_paged_and_filtered_by_their_end() {
    let app = site().await;
    let (user, key) = app.person(10).await;
    for _ in 0..60 {
        ask(&app, &key, "sandbox/gpt").await;
        app.pass(Duration::from_millis(5));
    }
    let token = session(&app, &user, 1).await;
    let rows = |page: &str| page.matches("/dashboard/requests/gen_").count();
    let first = page(&app, "/dashboard/requests", &token).await;
    assert_eq!(rows(&first), 50);
    let cursor = &first[first.find("/dashboard/requests?cursor=").unwrap()..];
    let older = page(&app, &cursor[..cursor.find('"').unwrap()], &token).await;
    assert_eq!((rows(&older), older.contains("Newest")), (10, true));
    let none = page(&app, "/dashboard/requests?status=cancelled", &token).await;
    assert!(none.contains("Nothing matches"), "{none}");
    let done = page(&app, "/dashboard/requests?status=completed&model=sandbox/gpt", &token).await;
    assert!(done.contains("status=completed") && rows(&done) == 50, "{done}");
}

#[tokio::test]
async fn a_bill_is_that_of_the_api() {
    let (app, _, token) = busy().await;
    let overview = page(&app, "/dashboard/requests?model=sandbox/claude", &token).await;
    let at = overview.find("gen_").unwrap();
    let id = overview[at..].split('"').next().unwrap();
    let shown = page(&app, &format!("/dashboard/requests/{id}"), &token).await;
    let bill = app.get(&format!("/v1/generation?id={id}"), &token).await.json()["data"].clone();
    for name in ["cost", "margin", "commission", "total"] {
        let amount = bill["bill"][name].as_str().unwrap();
        assert!(shown.contains(&format!("${amount}")), "{name} {amount}: {shown}");
    }
    assert!(bill["bill"]["commission"] != "0" && shown.contains("Commission of the app"), "{shown}");
    assert!(shown.contains(bill["bill"]["price_book"].as_str().unwrap()));
    for line in bill["bill"]["lines"].as_array().unwrap().iter().filter(|line| line["quantity"] != 0) {
        assert!(shown.contains(&format!("title=\"{}\"", line["quantity"])), "{line}");
    }
    assert!(shown.contains(&bill["request_id"].as_str().unwrap().to_owned()));
    // By the id that answers carry, too.
    page(&app, &format!("/dashboard/requests/{}", id.replacen("gen_", "req_", 1)), &token).await;
}

#[tokio::test]
async fn a_key_near_its_limit_is_on_the_overview() {
    let app = site().await;
    let (user, _) = app.person(10).await;
    let limit = Some(NewLimit { amount: NanoUsd::new(1_000_000_000), reset: Some(LimitReset::Weekly) });
    let key = app.key_with(NewKey { name: "near \"<it>".to_owned(), limit, ..TestApp::plain_key(&user) }).await;
    let before = app.available(&user);
    ask(&app, &key, "sandbox/gpt").await;
    let charge = before - app.available(&user);
    let id = app.accounts.list_keys(user.id).await.unwrap().into_iter().find(|key| key.limit.is_some()).unwrap().id;
    let token = session(&app, &user, 1).await;
    for (percent, is_near) in [(50, false), (79, false), (90, true), (100, true)] {
        let limit = Edit::Set(NanoUsd::new((charge * 100) / percent + 1));
        app.accounts.edit_key((id, None), KeyEdit { limit, ..KeyEdit::default() }, Actor::Operator).await.unwrap();
        let overview = page(&app, "/dashboard", &token).await;
        assert_eq!(overview.contains("near their limit"), is_near, "{percent} %: {overview}");
        let listed = page(&app, "/dashboard/keys", &token).await;
        assert!(listed.contains(&format!("<progress max=\"100\" value=\"{percent}\"")), "{percent} %: {listed}");
        assert!(listed.contains("near &quot;&lt;it&gt;") && !listed.contains("<it>"), "{listed}");
    }
}

#[tokio::test]
async fn an_amount_is_priced_as_it_is_sold() {
    let app = site().await;
    let (user, _) = app.person(10).await;
    let token = session(&app, &user, 1).await;
    let offer = app.get("/v1/credits/offer", "").await.json();
    let of = &offer["currencies"][0];
    for suggested in of["suggested"].as_array().unwrap() {
        let amount = suggested["amount"].as_str().unwrap();
        let shown = page(&app, &format!("/dashboard/top-up?amount={amount}"), &token).await;
        let total = suggested["total"].as_str().unwrap();
        assert!(shown.contains(&format!("Pay ${total}")), "{total}: {shown}");
    }
    let least = of["amount_min"].as_str().unwrap();
    for (amount, text) in [("0.01", "The least is"), ("999999999", "The most is"), ("ten", "That is no amount")] {
        let shown = page(&app, &format!("/dashboard/top-up?amount={amount}"), &token).await;
        assert!(shown.contains(text) && !shown.contains("Pay $"), "{amount}: {shown}");
    }
    assert!(
        page(&app, "/dashboard/top-up", &token).await.contains(&format!("From ${}", least.trim_end_matches(".00")))
    );
}

#[tokio::test]
async fn a_purchase_is_seen_from_the_order_to_the_balance() {
    let app = site().await;
    let (user, key) = app.person(0).await;
    let token = session(&app, &user, 1).await;
    let order = app.post("/v1/credits/checkout", &key, &json!({"amount": 25, "email": "ada@example.org"})).await.json();
    let (id, url) = (order["id"].as_str().unwrap(), order["checkout_url"].as_str().unwrap());
    let path = format!("/dashboard/top-up?order={id}");
    let waiting = page(&app, &path, &token).await;
    assert!(
        waiting.contains(&format!("data-await=\"{id}\"")) && waiting.contains("We wait for the payment"),
        "{waiting}"
    );
    let listed = page(&app, "/dashboard/transactions", &token).await;
    assert!(listed.contains("Not paid yet") && listed.contains("Pay now"), "{listed}");
    let checkout = url.strip_prefix("http://127.0.0.1").unwrap();
    let body = axum::body::Body::from("choice=pay");
    let form = http::Request::post(checkout).header("content-type", "application/x-www-form-urlencoded").body(body);
    let paid = app.send(form.unwrap()).await;
    assert!(paid.status.is_success() || paid.status.is_redirection(), "{}", paid.text);
    app.pass(Duration::from_secs(5));
    let done = page(&app, &path, &token).await;
    assert!(done.contains("You bought") && !done.contains("data-await"), "{done}");
    assert!(app.available(&user) > 0);
    let listed = page(&app, "/dashboard/transactions", &token).await;
    assert!(listed.contains("Purchase") && listed.contains(id), "{listed}");
}

#[tokio::test]
async fn an_account_lists_its_browsers() {
    let app = site().await;
    let (user, _) = app.person(0).await;
    let (token, _other) = (session(&app, &user, 1).await, session(&app, &user, 2).await);
    let account = page(&app, "/dashboard/account", &token).await;
    assert_eq!(
        account.matches("Firefox on Linux</").count() + account.matches("Firefox on Linux <").count(),
        2,
        "{account}"
    );
    assert_eq!(account.matches("this one").count(), 1);
    assert!(account.contains("Sign out all others"), "{account}");
}

#[tokio::test]
async fn the_playground_offers_every_model_that_chats_at_its_price_in_credits() {
    let (app, _, token) = busy().await;
    let shown = page(&app, "/playground?model=sandbox/gpt", &token).await;
    let option = "<option value=\"sandbox/gpt\" data-input=\"50\" data-output=\"200\"";
    assert!(shown.contains(option) && shown.contains("selected>Sandbox"), "{shown}");
    assert!(shown.contains("\"sandbox/claude\"") && !shown.contains("embed"), "{shown}");
}
