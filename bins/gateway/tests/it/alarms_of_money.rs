//! Alarms whose causes are the books of others: bills of vendors, the payment processor, price books.

use crate::alarm_doubles::{Gate, Hook};
use crate::alarms::{FAST_PACE, PACE, ago, alarms_at, check_end, run_job};
use crate::fixture::{Fixture, Gateway, ask, bearer};
use opencredits_testkit::bills::{ADMIN_KEY, BillForm, BilledItem, BillingDouble};
use opencredits_testkit::stripe::StripeDouble;
use serde_json::json;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// Changes the store behind the gateway's back.
fn alter_store(fixture: &Fixture, sql: &str) {
    opencredits_sqlite::open(fixture.data().join("store.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_bill_for_what_we_did_not_book_is_told_until_the_vendor_takes_it_back() {
    let (hook, fixture, alarm) = (Hook::start(), Fixture::new(), "OpenCreditsProviderDrift");
    let bills = BillingDouble::start(BillForm::Costs).unwrap();
    let yesterday = ago(2 * DAY).day();
    bills.set_bill(vec![BilledItem::new(yesterday, "gpt-4o", "input", "5.25", 1_000)]);
    let config = format!("{}{}", alarms_at(PACE, &hook), bills.vendor_toml("house"));
    let config = fixture.file("config.toml", &config);
    let gateway = fixture.start(&["--config", &config, "dev"], &[("ADMIN_KEY", ADMIN_KEY)]);
    run_job(&fixture, "reconcile-providers");
    let fired = hook.next(alarm, "alarm.fired");
    assert_eq!(fired["data"]["labels"], json!({ "vendor": "house", "model": "gpt-4o", "class": "input" }));
    bills.set_bill(Vec::new());
    run_job(&fixture, "reconcile-providers");
    hook.next(alarm, "alarm.resolved");
    check_end(gateway, &hook, &[alarm]);
}

/// A gateway that sells credits through a payment processor.
fn selling(fixture: &Fixture, (hook, pace): (&Hook, u32), api_url: &str) -> Gateway {
    let config = format!(
        "{}[payments]\nprocessor = \"stripe\"\nkey = \"rk_test_1\"\nwebhook_secret = \"whsec_1\"\napi_url = \"{api_url}\"\n\
         [catalog]\nsandbox = true\n",
        alarms_at(pace, hook)
    );
    let config = fixture.file("config.toml", &config);
    fixture.start(&["--config", &config, "dev"], &[])
}

/// Orders credits; the page on which they are paid.
fn order(gateway: &Gateway, stripe: &StripeDouble) -> String {
    stripe.set_now_s(ago(Duration::ZERO).get() / 1_000);
    let headers = format!("{}idempotency-key: once\r\n", bearer(&gateway.key()));
    let body = r#"{"amount": 10, "email": "ada@example.org"}"#;
    let ordered = gateway.send("POST", "/v1/credits/checkout", (&headers, body));
    assert!(ordered.starts_with("HTTP/1.1 201"), "{ordered}");
    stripe.objects("checkout.session")[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_payment_of_an_order_that_an_older_backup_does_not_have_is_told_until_it_is_refunded() {
    let (hook, fixture, stripe) = (Hook::start(), Fixture::new(), StripeDouble::start().unwrap());
    let gateway = selling(&fixture, (&hook, FAST_PACE), &stripe.base_url());
    let reconcile = || {
        let (status, reply) = ask(&fixture, &json!({ "do": "orders", "order": "reconcile" }));
        assert_eq!(status, 200, "{reply}");
    };
    let session = order(&gateway, &stripe);
    alter_store(&fixture, "DELETE FROM orders");
    let payment = stripe.pay(&session);
    reconcile();
    let fired = hook.next("OpenCreditsPaymentsDiffer", "alarm.fired");
    assert_eq!(fired["data"]["labels"], json!({ "account": "suspense", "currency": "usd" }));
    stripe.refund(&payment, 1_000, "succeeded");
    reconcile();
    hook.next("OpenCreditsPaymentsDiffer", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsPaymentsDiffer"]);
}

#[test]
fn an_order_that_waits_for_a_processor_which_does_not_answer_is_told_until_it_does() {
    let (hook, fixture, stripe) = (Hook::start(), Fixture::new(), StripeDouble::start().unwrap());
    let url = stripe.base_url();
    let (_, rest) = url.split_once("://").unwrap();
    let (target, path) = rest.split_once('/').map_or((rest, ""), |(target, path)| (target, path));
    let gate = Gate::to(target);
    let gateway = selling(&fixture, (&hook, PACE), format!("http://{}/{path}", gate.address).trim_end_matches('/'));
    order(&gateway, &stripe);
    gate.shut(true);
    let due = ago(Duration::from_secs(1_200)).get();
    alter_store(&fixture, &format!("UPDATE orders SET check_at = {due}"));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| run_job(&fixture, "settle-purchases"));
        hook.next("OpenCreditsOrdersOverdue", "alarm.fired");
        gate.shut(false);
        reading.join().unwrap();
    });
    hook.next("OpenCreditsOrdersOverdue", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsOrdersOverdue"]);
}

/// A book of one model, at this price.
fn book(fixture: &Fixture, input: &str) -> String {
    let line = json!({
        "id": "book/one", "vendor": "sandbox-chat", "upstream_model": "gpt", "context_window": 128_000,
        "max_output_tokens": 9_000, "prices": { "input": input, "output": "2" },
    });
    fixture.file("book.jsonl", &format!("{line}\n"))
}

#[test]
fn prices_of_more_than_ninety_days_ago_are_told_until_a_newer_book_is_loaded() {
    let (hook, fixture) = (Hook::start(), Fixture::new());
    let config = fixture.file("config.toml", &alarms_at(FAST_PACE, &hook));
    let gateway = fixture.start(&["--config", &config, "dev"], &[]);
    let load = |input: &str| {
        let refresh = json!({ "do": "prices", "prices_do": "refresh", "from": book(&fixture, input), "accept": ["*"], "apply": true });
        assert_eq!(ask(&fixture, &refresh).1["refreshed"]["outcome"], "applied");
    };
    load("1");
    let before = ago(91 * DAY).get();
    alter_store(&fixture, &format!("UPDATE price_book_uses SET begun_at = {before}"));
    let fired = hook.next("OpenCreditsPricesOld", "alarm.fired");
    assert_eq!(fired["data"]["summary"], "the price book in force is 91 days old");
    load("1.1");
    hook.next("OpenCreditsPricesOld", "alarm.resolved");
    check_end(gateway, &hook, &["OpenCreditsPricesOld"]);
}
