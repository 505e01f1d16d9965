//! What stands on the pages.

use super::{CANARY, PAGES, Shop};
use opencredits_service::accounts::Grant;
use opencredits_units::NanoUsd;
use std::time::Duration;

#[tokio::test]
async fn no_text_of_a_person_or_a_partner_is_markup() {
    let shop = Shop::open().await;
    let mut found = 0;
    for path in shop.pages() {
        let page = shop.page(&path).await;
        assert!(!page.contains(CANARY), "{path}");
        found += usize::from(page.contains("&lt;script&gt;canary"));
    }
    assert!(found >= 4, "people, a person, partners, a partner: {found}");
    let path = "/operator/people?q=%3Cscript%3Ecanary()%3C/script%3E&sort=%22%3E%3Cscript%3E";
    assert!(!shop.page(path).await.contains(CANARY));
}

#[tokio::test]
async fn a_person_is_found_by_whatever_is_known_of_them() {
    let shop = Shop::open().await;
    let key = shop.app.store.keys_of(shop.person.id).await.unwrap().remove(0);
    shop.app.store.set_email(shop.operator.id, "other@example.org").await.unwrap();
    let link = format!("/operator/people/{}", shop.person.id);
    let check = async |query: &str, is_found: bool| {
        let page = shop.page(&format!("/operator/people?q={query}")).await;
        assert_eq!(page.contains(&link), is_found, "{query}");
        assert!(is_found || page.contains("Nobody was found"), "{query}: {page}");
    };
    check("ada@example.org", true).await;
    check("%20ADA@example.org%20", true).await;
    check("eve@example.org", false).await;
    check("Ada", true).await;
    check("ada%20%3Cscript", true).await;
    check(&shop.person.id.to_string(), true).await;
    check(&key.id.to_string(), true).await;
    check(&key.hint, true).await;
    check(&shop.order.to_string(), true).await;
    check(&shop.generation, true).await;
    check(&shop.generation.replacen("gen_", "req_", 1), true).await;
    check("nobody", false).await;
    check("%25", false).await;
    let other = shop.page("/operator/people?q=other@example.org").await;
    assert!(other.contains(&shop.operator.id.to_string()) && !other.contains(&link), "an address is one person's");
}

#[tokio::test]
async fn a_person_has_balance_keys_apps_sessions_orders_and_requests_without_content() {
    let shop = Shop::open().await;
    let page = shop.page(&format!("/operator/people/{}", shop.person.id)).await;
    let parts = [
        "ada@example.org",
        "Firefox on Linux",
        "sandbox/gpt",
        &shop.generation,
        &shop.order.to_string(),
        "10.00",
        "Purchase",
        "Credits given",
        "user.rename",
        "data-act=\"suspend\"",
        "data-act=\"revoke_key\"",
        "data-act=\"refund\"",
    ];
    for part in parts {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("Hello") && !page.contains("oc_sk_"), "no content and no key");
    let other = page.replace(&shop.person.id.to_string(), &shop.operator.id.to_string());
    assert_ne!(other, shop.page(&format!("/operator/people/{}", shop.operator.id)).await);
}

#[tokio::test]
async fn what_does_not_exist_is_not_there_and_what_cannot_be_read_is_ignored() {
    let shop = Shop::open().await;
    let missing = [
        "/operator/people/nobody".to_owned(),
        format!("/operator/people/{}", shop.partner.id),
        shop.person.wallet.to_string().replacen("acct_", "/operator/people/user_", 1),
        "/operator/partners/x".to_owned(),
        "/operator/orders/x".to_owned(),
        shop.order.to_string().replacen("order_0", "/operator/orders/order_1", 1),
    ];
    for path in missing {
        assert_eq!(super::fragment(&shop.app, &path, &shop.token).await.status, 404, "{path}");
    }
    for path in PAGES {
        let odd = "?before=x&after=%00&sort=-x&day=32&month=13&vendor=%3C&subject=&transfers=1&compare=1&q=";
        let answer = super::fragment(&shop.app, &format!("{path}{odd}"), &shop.token).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_overview_has_what_was_spent_today_and_what_was_not_charged() {
    let shop = Shop::open().await;
    let page = shop.page("/operator").await;
    for part in ["Charged today", "Nothing needs a look", "Most spent today", "applications wait", "sandbox"] {
        // One application waits: that needs a look, so that nothing is said of all being well.
        let is_there = part != "Nothing needs a look";
        assert_eq!(page.contains(part), is_there, "{part}: {page}");
    }
    shop.app.pass(Duration::from_secs(86_400));
    let tomorrow = shop.page("/operator").await;
    assert!(tomorrow.contains("No request was sent today"), "{tomorrow}");
}

#[tokio::test]
async fn the_ledger_is_verified_and_reported_as_of_a_day() {
    let shop = Shop::open().await;
    let page = shop.page("/operator/ledger?verify=1").await;
    assert!(page.contains("The ledger is sound"), "{page}");
    assert!(page.contains("Assets") && page.contains("Difference"), "{page}");
    let long_ago = shop.page("/operator/ledger?day=2001-01-01").await;
    assert!(long_ago.contains("2001-01-01") && !long_ago.contains("The ledger is sound"), "{long_ago}");
}

#[tokio::test]
async fn the_entries_of_the_ledger_have_pages() {
    let shop = Shop::open().await;
    for n in 0..55 {
        let (user, amount, reason) = (shop.person.id, NanoUsd::new(1_000_000_000), format!("reason {n}"));
        shop.app.accounts.grant_credits(Grant { user, amount, id: None, reason }).await.unwrap();
        shop.app.pass(Duration::from_millis(5));
    }
    let first = shop.page("/operator/ledger").await;
    assert!(first.contains("reason 54") && !first.contains("reason 4<"), "the latest stand first: {first}");
    let next = first.split("href=\"/operator/ledger?before=").nth(1).unwrap().split('"').next().unwrap();
    let second = shop.page(&format!("/operator/ledger?before={next}")).await;
    assert!(second.contains("reason 4<") && !second.contains("reason 54"), "{second}");
    assert!(
        second.contains("sandbox/gpt") && second.contains(&format!("?q={}", shop.generation)),
        "a request: {second}"
    );
    assert!(second.contains("href=\"/operator/ledger\""), "it leads back to the first page");
    let long_ago = shop.page("/operator/ledger?day=2001-01-01").await;
    assert!(long_ago.contains("Nothing was booked") && !long_ago.contains("reason 54"), "{long_ago}");
}

#[tokio::test]
async fn lists_have_pages_and_an_order_in_the_address() {
    let shop = Shop::open().await;
    for _ in 0..55 {
        shop.app.person(0).await;
        shop.app.pass(Duration::from_millis(5));
    }
    let first = shop.page("/operator/people").await;
    let next = first.split("href=\"/operator/people?before=").nth(1).unwrap().split('"').next().unwrap();
    let second = shop.page(&format!("/operator/people?before={next}")).await;
    let ada = format!("/operator/people/{}", shop.person.id);
    assert!(!first.contains(&ada) && second.contains(&ada), "the earliest are on the last page");
    assert!(second.contains("href=\"/operator/people\""), "it leads back to the first page");
    let by_balance = shop.page("/operator/people?q=a&sort=-balance").await;
    assert!(
        by_balance.contains("aria-sort=\"descending\"") && by_balance.contains("q=a&amp;sort=balance"),
        "{by_balance}"
    );
}
