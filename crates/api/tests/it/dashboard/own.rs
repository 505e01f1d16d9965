//! Who sees what.

use super::{PAGES, ask, fragment, page, session, site};
use crate::app::request;
use http::Method;
use opencredits_store::Standing;
use serde_json::Value;

#[tokio::test]
async fn without_a_session_a_page_is_a_shell_without_any_figure() {
    let app = site().await;
    let (user, key) = app.person(10).await;
    ask(&app, &key, "sandbox/gpt").await;
    let token = session(&app, &user, 1).await;
    for path in PAGES.into_iter().chain(["/dashboard/requests/gen_x", "/dashboard/keys/key_x"]) {
        // A browser that opens a page sends no session, and another site could send none.
        for token in ["", &token] {
            let shell = app.get(path, token).await;
            assert_eq!(shell.status, 200, "{path}");
            assert!(shell.text.starts_with("<!doctype html>"), "{path}");
            assert!(!shell.text.contains("1,000") && !shell.text.contains("sandbox/gpt"), "{path}: {}", shell.text);
            assert!(!shell.headers.contains_key("set-cookie"), "{path}");
        }
        let refused = fragment(&app, path, "").await;
        assert_eq!(refused.status, 401, "{path}: {}", refused.text);
        let refused = fragment(&app, path, "oc_ses_nonsense").await;
        assert_eq!(refused.status, 401, "{path}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_key_is_no_session() {
    let app = site().await;
    let (user, key) = app.person(10).await;
    let (_, managing) = app.accounts.add_management_key(user.id, "console".to_owned()).await.unwrap();
    for path in PAGES {
        for token in [key.as_str(), managing.reveal()] {
            assert_eq!(fragment(&app, path, token).await.status, 401, "{path}");
        }
    }
}

#[tokio::test]
async fn a_page_is_one_persons_and_is_kept_nowhere() {
    let app = site().await;
    let (user, _) = app.person(10).await;
    let token = session(&app, &user, 1).await;
    for path in PAGES {
        let answer = fragment(&app, path, &token).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(answer.text.starts_with("<title>") && !answer.text.contains(" style="), "{path}");
    }
}

#[tokio::test]
async fn nobody_sees_another_persons_requests_keys_or_purchases() {
    let app = site().await;
    let ((ada, of_ada), (bea, of_bea)) = (app.person(10).await, app.person(10).await);
    let (ada_token, bea_token) = (session(&app, &ada, 1).await, session(&app, &bea, 2).await);
    let generation = ask(&app, &of_ada, "sandbox/gpt").await;
    ask(&app, &of_bea, "sandbox/claude").await;
    let key = app.accounts.list_keys(ada.id).await.unwrap().remove(0).id;
    let wanted = serde_json::json!({"amount": 10, "email": "a@example.org"});
    let order = app.post("/v1/credits/checkout", &of_ada, &wanted).await.json()["id"].as_str().unwrap().to_owned();
    for path in [format!("/dashboard/requests/{generation}"), format!("/dashboard/keys/{key}")] {
        assert_eq!(fragment(&app, &path, &ada_token).await.status, 200, "{path}");
        let answer = fragment(&app, &path, &bea_token).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        assert!(answer.text.contains("There is nothing here"), "{path}: {}", answer.text);
    }
    for nonsense in ["gen_", "gen_00000000000000000000000000", "key_1", "..%2f", "%00", "<script>"] {
        let path = format!("/dashboard/requests/{}", nonsense.replace('<', "%3C").replace('>', "%3E"));
        assert_eq!(fragment(&app, &path, &ada_token).await.status, 404, "{path}");
    }
    let seen = page(&app, &format!("/dashboard/top-up?order={order}"), &ada_token).await;
    let unseen = page(&app, &format!("/dashboard/top-up?order={order}"), &bea_token).await;
    assert!(seen.contains(&order) && !unseen.contains(&order));
    for path in PAGES {
        let all = page(&app, path, &bea_token).await;
        assert!(!all.contains(&generation) && !all.contains("sandbox/gpt<"), "{path}: {all}");
        assert!(!all.contains(&key.to_string()) && !all.contains(&order), "{path}: {all}");
    }
    let filtered = page(&app, &format!("/dashboard/activity?key_id={key}"), &bea_token).await;
    assert!(filtered.contains("Nothing matches"), "{filtered}");
}

#[tokio::test]
async fn what_cannot_be_read_in_a_url_is_left_out() {
    let app = site().await;
    let (user, key) = app.person(10).await;
    ask(&app, &key, "sandbox/gpt").await;
    let token = session(&app, &user, 1).await;
    let odd = "from=x&to=%3Cscript%3E&days=-1&group=%22&model=%3Cimg%20src%3Dx%3E&key_id=1&app_id=2&status=3&cursor=zz\
               &amount=1e9&sort=%3Cscript%3E&page=-1&currency=%F0%9F%92%A9&order=order_1&back=1";
    for path in PAGES {
        let text = page(&app, &format!("{path}?{odd}"), &token).await;
        assert!(!text.contains("<img src=x") && !text.contains("<script>"), "{path}");
    }
    let long = "a".repeat(3_000);
    page(&app, &format!("/dashboard/activity?model={long}"), &token).await;
}

#[tokio::test]
async fn pages_take_get_alone() {
    let app = site().await;
    let (user, _) = app.person(10).await;
    let token = session(&app, &user, 1).await;
    for path in PAGES {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let answer = app.send(request(method.clone(), path, &token, Value::Null.to_string())).await;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_suspended_person_sees_the_account_and_is_told() {
    let app = site().await;
    let (user, _) = app.person(10).await;
    let token = session(&app, &user, 1).await;
    app.accounts.set_standing(&user.id.to_string(), Standing::Suspended, "test".to_owned()).await.unwrap();
    let overview = page(&app, "/dashboard", &token).await;
    assert!(overview.contains("has suspended your account"), "{overview}");
    for path in PAGES {
        page(&app, path, &token).await;
    }
}

#[tokio::test]
async fn older_purchases_are_a_page_away() {
    let app = site().await;
    let (user, _) = app.person(0).await;
    for n in 1..=23 {
        let mut order = opencredits_store::conformance::order(n);
        (order.user, order.partner, order.request) = (user.id, None, None);
        app.store.add_order(&order).await.unwrap();
    }
    let token = session(&app, &user, 1).await;
    let newest = page(&app, "/dashboard/transactions", &token).await;
    let shown = |page: &str| page.matches("<code>order_").count();
    assert_eq!((shown(&newest), newest.contains(">Newest</a>")), (20, false), "{newest}");
    let (_, from) = newest.split_once("href=\"/dashboard/transactions?orders=").unwrap();
    let older = format!("/dashboard/transactions?orders={}", from.split('"').next().unwrap());
    let oldest = page(&app, &older, &token).await;
    assert_eq!((shown(&oldest), oldest.contains("?orders=")), (3, false), "{oldest}");
    assert!(oldest.contains("href=\"/dashboard/transactions\""), "{oldest}");
    assert!(oldest.contains("data-download=\"/v1/credits/orders?limit=100\""), "{oldest}");
}
