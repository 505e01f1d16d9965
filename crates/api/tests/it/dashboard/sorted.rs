//! Tables that are sorted by the parameter `sort`.

use super::{ask, page, session, site};
use crate::app::TestApp;
use std::time::Duration;

/// The texts that stand between two marks, in their order.
fn all<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

/// The credits of each request on a page.
fn charges(page: &str) -> Vec<f64> {
    let cells = all(page, "data-label=\"Credits\" class=\"right\">", "</td>");
    cells.iter().map(|cell| all(cell, "\">", "</span>")[0].replace("&lt;0.01", "0.001").parse().unwrap()).collect()
}

async fn spender() -> (TestApp, String) {
    let app = site().await;
    let (user, key) = app.person(10).await;
    for request in 0..60 {
        let model = if request % 3 == 0 { "sandbox/claude" } else { "sandbox/gpt" };
        ask(&app, &key, model).await;
        app.pass(Duration::from_millis(5));
    }
    let token = session(&app, &user, 1).await;
    (app, token)
}

#[tokio::test]
async fn requests_are_sorted_over_all_pages_and_links_keep_the_order() {
    let (app, token) = spender().await;
    let first = page(&app, "/dashboard/requests?sort=-charged&status=completed", &token).await;
    assert!(first.contains("<th scope=\"col\" class=\"right\" aria-sort=\"descending\">"), "{first}");
    assert!(first.contains("name=\"sort\" value=\"-charged\""), "the form keeps the order: {first}");
    let next = all(&first, "href=\"/dashboard/requests?", "\"");
    let next = next.iter().find(|href| href.contains("page=2")).unwrap().replace("&amp;", "&");
    let second = page(&app, &format!("/dashboard/requests?{next}"), &token).await;
    let (mut charged, rest) = (charges(&first), charges(&second));
    assert_eq!((charged.len(), rest.len()), (50, 10));
    charged.extend(rest);
    assert!(charged.is_sorted_by(|a, b| a >= b) && charged[0] > charged[59], "{charged:?}");
    assert!(second.contains("First page") && !second.contains("page=3"), "{second}");
    let rising = page(&app, "/dashboard/requests?sort=charged", &token).await;
    assert!(charges(&rising).is_sorted(), "{rising}");
}

#[tokio::test]
async fn the_usual_order_has_no_parameter_and_an_unknown_one_is_the_usual() {
    let (app, token) = spender().await;
    let usual = page(&app, "/dashboard/requests", &token).await;
    assert!(usual.contains("/dashboard/requests?sort=at\"") && !usual.contains("name=\"sort\""), "{usual}");
    for odd in ["sort=nonsense", "sort=-at", "sort=%22%3E%3Cscript%3E"] {
        assert_eq!(page(&app, &format!("/dashboard/requests?{odd}"), &token).await, usual, "{odd}");
    }
}

#[tokio::test]
async fn keys_apps_and_transfers_are_sorted_too() {
    let (app, token) = spender().await;
    let check = async |path: &str, head: &str| {
        let shown = page(&app, path, &token).await;
        assert!(shown.contains(head), "{path}: {shown}");
    };
    check("/dashboard/keys?sort=-total", "href=\"/dashboard/keys?sort=total\"").await;
    check("/dashboard/transactions?sort=-in", "href=\"/dashboard/transactions?sort=in\"").await;
    check("/dashboard/transactions?sort=-in", "aria-sort=\"descending\"").await;
    check("/dashboard/apps?sort=name", "Apps").await;
}
