//! What a plain run of these tests runs on PostgreSQL too, where it is installed, and how all of them are run there.
//!
//! `TEST_ENGINE=postgres cargo test -p opencredits-api` runs all tests on it, and so does the ignored test below, which needs no
//! other build than the one of the whole workspace.

use crate::cuts::CUTS_VARIABLE;
use crate::engine::{Engine, VARIABLE};
use crate::payments::Shop;
use opencredits_service::accounts::Payout;
use opencredits_service::books;
use opencredits_testkit::Postgres;
use serde_json::json;
use std::process::Command;
use std::time::Duration;

/// One test of each kind. The canary has a test of its own.
const EVERYWHERE: [&str; 9] = [
    "both_engines::what_a_person_buys_is_spent_earned_by_a_partner_and_paid_out",
    "payments::credits_are_bought_spent_refunded_and_owed_and_both_books_agree",
    "partners::commission_is_paid_out_once_it_has_matured_and_once_for_an_id",
    "limits::of_five_hundred_requests_at_once_a_wallet_serves_those_that_it_can_pay_for",
    "streams::a_client_that_leaves_in_mid_stream_is_charged_for_the_whole_answer",
    "history::activity_adds_up_to_what_was_charged_in_each_form",
    "sign_in::codes::promise_14_a_new_person_signs_in_with_a_code_says_their_age_and_is_known_the_next_time",
    "sign_in::limits::promise_06_a_restart_forgives_no_attempt",
    "test_mode::each_key_sees_its_own_mode_only",
];

#[tokio::test]
async fn what_a_person_buys_is_spent_earned_by_a_partner_and_paid_out() {
    let shop = Shop::open().await;
    let app = &shop.app;
    let (user, _) = app.person(0).await;
    let partner = app.partner().await;
    let key = app.key(&user, Some(&partner), None).await;
    let (order, session) = shop.order(&key).await;
    let _payment = shop.stripe.pay(&session);
    shop.deliver_all().await;
    assert_eq!((shop.dollars(&user), shop.status(&order, &key).await), (10, json!("paid")));
    shop.agree();

    let posted = |account| app.ledger.balance(account).unwrap().posted.get();
    let said = json!([{"role": "user", "content": "Hello"}]);
    for (path, stream) in [("/v1/chat/completions", false), ("/v1/messages", true)] {
        let before = (app.available(&user), posted(partner.earnings));
        let body = json!({"model": "sandbox/gpt", "max_tokens": 50, "stream": stream, "messages": said});
        let answer = app.post(path, &key, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let (spent, earned) = (before.0 - app.available(&user), posted(partner.earnings) - before.1);
        assert!(spent > earned && earned > 0, "{path}: {spent} {earned}");
        let record = app.get(&format!("/v1/generation?id={}", answer.header("x-generation-id")), &key).await;
        assert_eq!((record.status.as_u16(), &record.json()["data"]["model"]), (200, &json!("sandbox/gpt")));
    }
    let earned = posted(partner.earnings);
    shop.pass(Duration::from_secs(121 * 86_400));
    let payout =
        Payout { partner: partner.name.clone(), amount: None, id: None, reason: "a transfer of the bank".to_owned() };
    let paid = app.accounts.pay_out(payout).await.unwrap();
    assert_eq!((paid.amount.get(), posted(partner.earnings), posted(books::PAYOUTS)), (earned, 0, earned));
    shop.agree();
}

/// This program once more, on PostgreSQL.
fn on_postgres() -> Command {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.env(VARIABLE, Engine::Postgres.name());
    again
}

#[test]
fn one_test_of_each_kind_passes_on_postgresql() {
    if Engine::of_tests() == Engine::Postgres || !Postgres::is_installed() {
        return;
    }
    let output = on_postgres().args(EVERYWHERE).arg("--exact").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let passed = format!("{} passed", EVERYWHERE.len());
    assert!(output.status.success() && said.contains(&passed), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "it takes as long as all others; CI runs it"]
fn every_test_passes_on_postgresql() {
    assert!(Postgres::is_installed(), "Debian has it in the package postgresql");
    // Streams are cut at all places on files.
    let status = on_postgres().env(CUTS_VARIABLE, "2").status().unwrap();
    assert!(status.success(), "a test above has failed");
}
