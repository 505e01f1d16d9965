//! Events of the payment processor: who may send them, and what those do that are not about an order of ours.

use crate::app::request;
use crate::operator;
use crate::payments::{ROTATED, SECRET, Shop};
use http::Method;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use opencredits_api::admin::{AdminRequest, OrderRequest};
use opencredits_billing::{Currency, Money};
use opencredits_service::books::PerCurrency;
use opencredits_service::purchases::TopUpRule;
use opencredits_store::TopUpState;
use opencredits_testkit::stripe::{Charging, StripeFault, sign};
use opencredits_units::{EntryId, NanoUsd};
use serde_json::{Value, json};

/// Counts of the events by what became of them, since the last time that this was asked.
fn outcomes(snapshotter: &Snapshotter) -> Vec<(String, u64)> {
    let mut counted = Vec::new();
    for (key, .., value) in snapshotter.snapshot().into_vec() {
        let key = key.key();
        if let ("opencredits_payment_events_total", DebugValue::Counter(count @ 1..)) = (key.name(), value) {
            let outcome = key.labels().map(|label| label.value().to_owned()).collect();
            counted.push((outcome, count));
        }
    }
    counted.sort();
    counted
}

fn counted(outcome: &str, count: usize) -> Vec<(String, u64)> {
    vec![(outcome.to_owned(), count.try_into().unwrap())]
}

#[tokio::test]
async fn an_event_is_heard_when_it_is_signed_by_one_of_the_secrets_and_fresh() {
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let (_, session) = shop.order(&key).await;
    shop.stripe.pay(&session);
    let events = shop.stripe.take_events();
    let event = &events.iter().find(|event| event.kind == "checkout.session.completed").unwrap().snapshot;
    let now_s = shop.app.gateway().clock().now().get() / 1_000;
    let wrong = [
        String::new(),
        "t=1,v1=".to_owned(),
        sign(event.as_bytes(), "whsec_of_somebody", now_s),
        sign(event.as_bytes(), "", now_s),
        sign(event.as_bytes(), SECRET, now_s - 301),
        sign(b"another body", SECRET, now_s),
    ];
    for signature in wrong {
        let answer = shop.hear(event, &signature).await;
        assert_eq!((answer.status.as_u16(), shop.dollars(&user)), (400, 0), "{signature}: {}", answer.text);
    }
    assert_eq!(shop.deliver(event, ROTATED).await.status, 200);
    assert_eq!(shop.dollars(&user), 10);
    let twice = shop.deliver(event, SECRET).await;
    assert_eq!((twice.status.as_u16(), shop.dollars(&user)), (200, 10), "once is enough");
}

#[tokio::test]
async fn events_of_others_are_received_and_counted_and_change_nothing() {
    let recorder = DebuggingRecorder::new();
    let _here = metrics::set_default_local_recorder(&recorder);
    let told = recorder.snapshotter();
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    shop.stripe.foreign_payment(5_000);
    let foreign = shop.deliver_all().await;
    assert_eq!(outcomes(&told), counted("foreign", foreign.len()), "payments of another product");
    let (_, session) = shop.order(&key).await;
    shop.stripe.set_livemode(true);
    shop.stripe.pay(&session);
    let live = shop.deliver_all().await;
    assert_eq!(shop.dollars(&user), 0, "money of the other mode is none");
    assert_eq!(outcomes(&told), counted("foreign", live.len()), "payments of the other mode");
    shop.stripe.set_livemode(false);
    let body = json!({"id": "evt_1", "object": "event", "type": "product.created", "livemode": false,
        "data": {"object": {"id": "prod_1"}}});
    assert_eq!(shop.deliver(&body.to_string(), SECRET).await.status, 200);
    assert_eq!(outcomes(&told), counted("other", 1), "something that is no payment");
    let report = shop.purchases().reconcile().await.unwrap();
    assert!(report.agrees(), "the money of another product is shown, and differs in nothing: {report:?}");
    assert_eq!(report.foreign["usd"].get(), 60_000_000_000, "both payments");
}

#[tokio::test]
async fn an_event_about_our_own_payment_that_another_account_sends_grants_nothing() {
    let recorder = DebuggingRecorder::new();
    let _here = metrics::set_default_local_recorder(&recorder);
    let told = recorder.snapshotter();
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let (_, session) = shop.order(&key).await;
    shop.stripe.pay(&session);
    let events = shop.stripe.take_events();
    let event = events.iter().find(|event| event.kind == "checkout.session.completed").unwrap();
    for (body, field) in [(&event.snapshot, "account"), (&event.snapshot, "context"), (&event.thin, "context")] {
        let mut body: Value = serde_json::from_str(body).unwrap();
        body[field] = json!("acct_of_somebody");
        let answer = shop.deliver(&body.to_string(), SECRET).await;
        assert_eq!((answer.status.as_u16(), shop.dollars(&user)), (200, 0), "{field}: {}", answer.text);
        assert_eq!(outcomes(&told), counted("foreign", 1), "{field}");
    }
    // The same without it is ours.
    assert_eq!(shop.deliver(&event.snapshot, SECRET).await.status, 200);
    assert_eq!((shop.dollars(&user), outcomes(&told)), (10, counted("settled", 1)));
}

#[tokio::test]
async fn without_a_secret_there_is_no_route_for_events_and_a_payment_is_found_by_polling() {
    let shop = Shop::hearing(&[]).await;
    let (user, key) = shop.app.person(0).await;
    let (id, session) = shop.order(&key).await;
    shop.stripe.pay(&session);
    let event = shop.stripe.take_events().pop().unwrap();
    for secret in [SECRET, ""] {
        let answer = shop.deliver(&event.snapshot, secret).await;
        assert_eq!((answer.status.as_u16(), shop.dollars(&user)), (404, 0), "{}", answer.text);
    }
    assert_eq!(shop.app.send(request(Method::POST, "/webhooks/stripe", "", "{}".to_owned())).await.status, 404);
    assert_eq!((shop.status(&id, &key).await, shop.dollars(&user)), (json!("paid"), 10));
}

/// The place of our order number in an object that we made.
fn order_pointer(object: &Value) -> String {
    let metadata = object["metadata"].as_object().unwrap();
    let (name, _) = metadata.iter().find(|(_, value)| value.as_str().unwrap().starts_with("order_")).unwrap();
    format!("/metadata/{name}")
}

#[tokio::test]
async fn a_payment_of_ours_without_its_order_is_in_suspense_and_refused_until_the_order_is_there() {
    let recorder = DebuggingRecorder::new();
    let _here = metrics::set_default_local_recorder(&recorder);
    let told = recorder.snapshotter();
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let (id, session) = shop.order(&key).await;
    let payment = shop.stripe.pay(&session);
    let name = |order: &str| {
        for object in [&session, &payment] {
            shop.stripe.edit(object, &order_pointer(&shop.stripe.object(object)), json!(order));
        }
    };
    name("order_00000000000000000000000001");
    let _of_the_payment = shop.stripe.take_events();
    shop.stripe.emit("payment_intent.succeeded", &payment);
    let events = shop.stripe.take_events();
    for _ in 0..2 {
        let answer = shop.deliver(&events[0].snapshot, SECRET).await;
        assert_eq!(answer.status, 500, "{}", answer.text);
        assert_eq!(shop.posted(PerCurrency::Suspense), 10_000_000_000, "at the first event, and once");
        assert_eq!(outcomes(&told), counted("failed", 1));
    }
    for _ in 0..2 {
        let report = shop.purchases().reconcile().await.unwrap();
        assert!(!report.agrees(), "each run tells of what is in suspense: {report:?}");
        assert_eq!(report.in_suspense["usd"].get(), 10_000_000_000);
    }
    name(&id);
    assert_eq!(shop.deliver(&events[0].thin, SECRET).await.status, 200);
    assert_eq!((shop.dollars(&user), shop.posted(PerCurrency::Suspense)), (10, 0), "the order has its money");
    shop.agree();
    assert!(shop.purchases().reconcile().await.unwrap().agrees());
}

#[tokio::test]
async fn a_report_names_the_orders_that_changed_the_movements_that_were_booked_and_what_explains_clearing() {
    let shop = Shop::open().await;
    let (_, key) = shop.app.person(0).await;
    let (id, session) = shop.order(&key).await;
    let payment = shop.stripe.pay(&session);
    let _lost = shop.stripe.take_events();
    let report = shop.purchases().reconcile().await.unwrap();
    let changed: Vec<String> = report.changed.first.iter().map(ToString::to_string).collect();
    assert!(report.agrees() && report.unmoved.is_empty(), "{report:?}");
    assert_eq!(changed, [id.as_str()]);
    let movements = shop.stripe.objects("balance_transaction");
    assert_eq!(report.booked.first, [movements[0]["id"].as_str().unwrap()]);
    // A refund that waits for the buyer has moved no money, and its credits are taken.
    let refund = shop.stripe.refund(&payment, 400, "requires_action");
    for is_new in [true, false] {
        let report = shop.purchases().reconcile().await.unwrap();
        assert!(report.agrees(), "what is named differs in nothing: {report:?}");
        assert_eq!(report.clearing["usd"].get(), 4_000_000_000);
        let unmoved: Vec<_> =
            report.unmoved.iter().map(|(order, left)| (order.to_string(), left.amount.get())).collect();
        assert_eq!(unmoved, [(id.clone(), 4_000_000_000)]);
        assert_eq!((report.changed.count(), report.booked.count()), (usize::from(is_new), 0));
    }
    shop.stripe.refund_becomes(&refund, "succeeded");
    let report = shop.purchases().reconcile().await.unwrap();
    assert!(report.agrees() && report.unmoved.is_empty(), "{report:?}");
    assert_eq!((report.changed.count(), report.booked.count()), (0, 1));
    shop.agree();
}

#[tokio::test]
async fn a_refund_by_the_operator_is_on_record_before_money_moves() {
    let shop = Shop::open().await;
    let (_, key) = shop.app.person(0).await;
    let (id, session) = shop.order(&key).await;
    shop.stripe.pay(&session);
    shop.deliver_all().await;
    let (admin, _switch) = operator::admin(&shop.app, None);
    let ask = || {
        let (id, key, reason) = (id.parse().unwrap(), "one".to_owned(), "by mistake".to_owned());
        AdminRequest::Orders(OrderRequest::Refund { id, amount_minor: Some(300), key, reason })
    };
    let actions = async || {
        let all = shop.app.store.latest_audits(None, EntryId::from_bits(u128::MAX), 10).await.unwrap();
        let of_refunds = all.into_iter().filter(|change| change.action.starts_with("order."));
        of_refunds.map(|change| (change.action, change.detail)).rev().collect::<Vec<_>>()
    };
    let asked = ("order.refund".to_owned(), "300 minor units of usd, key one: by mistake".to_owned());
    // The processor is gone as soon as it has the refund: nothing of what follows happens.
    let before = shop.stripe.requests().len();
    admin.answer(AdminRequest::Orders(OrderRequest::Show { id: id.parse().unwrap() })).await.unwrap();
    let reads = shop.stripe.requests().len() - before;
    shop.stripe.fail_after(2 * reads + 1, StripeFault::Unavailable);
    shop.stripe.fail_next(20, StripeFault::Unavailable);
    admin.answer(ask()).await.unwrap_err();
    assert_eq!((shop.stripe.objects("refund").len(), actions().await), (1, vec![asked.clone()]));
}

#[tokio::test]
async fn a_top_up_that_the_bank_takes_back_ends_top_ups() {
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let body = json!({"amount": 10, "email": "ada@example.org", "save_method": true});
    assert_eq!(shop.buy(&key, body).await.status, 201);
    let session = shop.stripe.objects("checkout.session")[0]["id"].as_str().unwrap().to_owned();
    shop.stripe.pay(&session);
    shop.deliver_all().await;
    let rule = TopUpRule {
        threshold: NanoUsd::new(50_000_000_000),
        amount: Money::new(2_000, Currency::USD),
        monthly_max_minor: 9_000,
    };
    shop.purchases().set_top_up(user.id, Some(rule)).await.unwrap();
    shop.stripe.charges(Charging::Process);
    assert_eq!(shop.purchases().top_up_all().await.unwrap(), 1);
    let intents = shop.stripe.objects("payment_intent");
    let charge = intents.iter().find(|intent| intent["status"] == "processing").unwrap();
    let charge = charge["id"].as_str().unwrap();
    shop.stripe.finish_charge(charge, true);
    shop.deliver_all().await;
    assert_eq!(shop.dollars(&user), 30);
    shop.stripe.reverse(charge);
    for _ in 0..2 {
        shop.stripe.emit("charge.failed", shop.stripe.object(charge)["latest_charge"].as_str().unwrap());
        shop.deliver_all().await;
    }
    let payer = shop.purchases().payer(user.id).await.unwrap().unwrap();
    assert_eq!((payer.top_up, payer.charging, payer.month_minor), (TopUpState::Declined, None, 0));
    assert_eq!((shop.dollars(&user), shop.purchases().top_up_all().await.unwrap()), (10, 0));
    shop.agree();
}
