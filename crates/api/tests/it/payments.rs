//! Credits are bought through the adapter at a double of the processor's API, and events arrive signed.

use crate::app::{Answer, TestApp, request};
use axum::body::Body;
use http::{Method, Request};
use opencredits_api::PaymentApp;
use opencredits_billing::{Currency, Mode, Sandbox, Stripe, StripeKey, StripeSettings, WebhookSecret};
use opencredits_service::UsageReads;
use opencredits_service::books::PerCurrency;
use opencredits_service::mail::MailQueue;
use opencredits_service::partners::{CommissionBooks, debt_of_partner};
use opencredits_service::purchases::{
    CurrencyTerms, MailedNotices, OnFraudWarning, PurchasePorts, PurchaseSettings, PurchaseTables, Purchases,
    SaleTerms, debt_of,
};
use opencredits_store::User;
use opencredits_testkit::stripe::{Permissions, Produced, StripeDouble, StripeFault, sign};
use opencredits_units::{BasisPoints, NanoUsd, UnixMs};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const SECRET: &str = "whsec_of_these_tests";
pub(crate) const ROTATED: &str = "whsec_from_before";

/// An application that sells credits, and the processor where it does.
pub(crate) struct Shop {
    pub(crate) app: TestApp,
    pub(crate) stripe: StripeDouble,
}

/// What lets commission follow purchases back.
fn commissions(app: &TestApp) -> Arc<CommissionBooks> {
    let usage = Arc::new(UsageReads::new(app.ledger.clone(), app.store.clone()));
    Arc::new(CommissionBooks::new(app.ledger.clone(), app.store.clone(), usage))
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::hearing(&[SECRET, ROTATED]).await
    }

    /// One that hears events which are signed with these secrets.
    pub(crate) async fn hearing(secrets: &[&str]) -> Self {
        let stripe = StripeDouble::start().unwrap();
        // A key has the permissions that the page names.
        stripe.permit(Permissions::of_page(include_str!("../../../../docs/payments.md")));
        let app = TestApp::new().await;
        let mut settings = StripeSettings::new(StripeKey::new("rk_test_1").unwrap(), "test".parse().unwrap());
        settings.base_url = stripe.base_url();
        let store = app.store.clone();
        let tables = PurchaseTables {
            orders: store.clone(),
            payers: store.clone(),
            users: store.clone(),
            cursors: store.clone(),
        };
        let queue = MailQueue::new(Some(store.clone()), app.fixed.clone(), app.fixed.clone());
        let ports = PurchasePorts {
            payments: Arc::new(Stripe::new(settings).unwrap()),
            notices: Arc::new(MailedNotices::new(queue)),
            commissions: commissions(&app),
            clock: app.fixed.clone(),
            entropy: app.fixed.clone(),
        };
        let purchases = Purchases::new(app.ledger.clone(), tables, ports, purchase_settings());
        let payments = PaymentApp {
            purchases: Arc::new(purchases),
            webhook_secrets: secrets.iter().map(|secret| WebhookSecret::new(secret).unwrap()).collect(),
            sandbox: None,
            emails: store,
        };
        let shop = Self { app: app.with_payments(payments), stripe };
        shop.tell_time();
        shop
    }

    /// The processor has the clock of the application.
    fn tell_time(&self) {
        self.stripe.set_now_s(self.app.gateway().clock().now().get() / 1_000);
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.app.pass(time);
        self.tell_time();
    }

    pub(crate) async fn buy(&self, key: &str, body: Value) -> Answer {
        self.app.post("/v1/credits/checkout", key, &body).await
    }

    /// An order for ten dollars, its id and its page.
    pub(crate) async fn order(&self, key: &str) -> (String, String) {
        let order = self.buy(key, json!({"amount": 10, "email": "ada@example.org"})).await;
        assert_eq!(order.status, 201, "{}", order.text);
        let order = order.json();
        let session = self.stripe.objects("checkout.session");
        let id = order["id"].as_str().unwrap().to_owned();
        let of_order = session.iter().find(|session| session["client_reference_id"] == id.as_str()).unwrap();
        assert_eq!(order["checkout_url"], of_order["url"]);
        (id, of_order["id"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn deliver(&self, event: &str, secret: &str) -> Answer {
        let at_s = self.app.gateway().clock().now().get() / 1_000;
        self.hear(event, &sign(event.as_bytes(), secret, at_s)).await
    }

    pub(crate) async fn hear(&self, event: &str, signature: &str) -> Answer {
        let request = Request::builder().method(Method::POST).uri("/webhooks/stripe");
        let request = request.header("stripe-signature", signature).body(Body::from(event.to_owned()));
        self.app.send(request.unwrap()).await
    }

    /// Delivers every event that was made, as snapshots and as thin events in turn.
    pub(crate) async fn deliver_all(&self) -> Vec<Produced> {
        let events = self.stripe.take_events();
        for (at, event) in events.iter().enumerate() {
            let body = if at % 2 == 0 { &event.snapshot } else { &event.thin };
            let answer = self.deliver(body, SECRET).await;
            assert_eq!(answer.status, 200, "{}: {}", event.kind, answer.text);
        }
        events
    }

    pub(crate) fn purchases(&self) -> &Purchases {
        &self.app.app.payments.as_ref().unwrap().purchases
    }

    pub(crate) fn posted(&self, kind: PerCurrency) -> i64 {
        self.app.ledger.balance(kind.account("usd")).map_or(0, |balance| balance.posted.get())
    }

    pub(crate) fn dollars(&self, user: &User) -> i64 {
        self.app.available(user) / 1_000_000_000
    }

    pub(crate) async fn status(&self, id: &str, key: &str) -> Value {
        self.app.get(&format!("/v1/credits/orders/{id}"), key).await.json()["status"].clone()
    }

    /// Our books and those of the processor agree.
    pub(crate) fn agree(&self) {
        let posted = |kind: PerCurrency| self.app.ledger.balance(kind.account("usd")).unwrap().posted.get();
        assert_eq!(posted(PerCurrency::Clearing), 0, "every payment and refund is in both books");
        assert_eq!(-posted(PerCurrency::Processor), self.stripe.balance_minor() * 10_000_000);
        self.app.settled();
    }
}

/// The processor without money, as `dev` has it.
pub(crate) fn sandbox_payments(app: &TestApp) -> PaymentApp {
    let store = app.store.clone();
    let tables =
        PurchaseTables { orders: store.clone(), payers: store.clone(), users: store.clone(), cursors: store.clone() };
    let url = "http://127.0.0.1/sandbox/checkout/".to_owned();
    let sandbox = Arc::new(Sandbox::new("test".parse().unwrap(), url, UnixMs::default()));
    let queue = MailQueue::new(None, app.fixed.clone(), app.fixed.clone());
    let ports = PurchasePorts {
        payments: sandbox.clone(),
        notices: Arc::new(MailedNotices::new(queue)),
        commissions: commissions(app),
        clock: app.fixed.clone(),
        entropy: app.fixed.clone(),
    };
    let purchases = Arc::new(Purchases::new(app.ledger.clone(), tables, ports, purchase_settings()));
    PaymentApp { purchases, webhook_secrets: Vec::new(), sandbox: Some(sandbox), emails: store }
}

fn purchase_settings() -> PurchaseSettings {
    let usd = CurrencyTerms {
        currency: Currency::USD,
        credit_price_nano: 10_000_000,
        amount_minor_min: 500,
        amount_minor_max: 50_000,
        suggested_minor: vec![1_000],
        fee_fixed_minor: 0,
    };
    PurchaseSettings {
        terms: SaleTerms {
            currencies: vec![usd],
            credit_face: NanoUsd::new(10_000_000),
            fee: BasisPoints::new(0),
            bonuses: Vec::new(),
        },
        marker: "test".parse().unwrap(),
        mode: Mode::Test,
        success_url: "https://example.org/paid".to_owned(),
        cancel_url: "https://example.org/".to_owned(),
        page_ms: 3_600_000,
        open_max: 5,
        on_fraud_warning: OnFraudWarning::StopTopUps,
    }
}

#[tokio::test]
async fn credits_are_bought_spent_refunded_and_owed_and_both_books_agree() {
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let (id, session) = shop.order(&key).await;
    assert_eq!(shop.status(&id, &key).await, "open");
    let payment = shop.stripe.pay(&session);
    shop.deliver_all().await;
    assert_eq!(shop.dollars(&user), 10);
    assert_eq!(shop.status(&id, &key).await, "paid");
    shop.agree();

    let body = json!({"model": "sandbox/gpt", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]});
    assert_eq!(shop.app.post("/v1/chat/completions", &key, &body).await.status, 200);
    let spent = 10_000_000_000 - shop.app.available(&user);
    assert!(spent > 0);
    let refund = shop.stripe.refund(&payment, 1_000, "pending");
    shop.deliver_all().await;
    assert_eq!(shop.app.available(&user), 0);
    assert_eq!(shop.app.ledger.balance(debt_of(user.id)).unwrap().posted.get(), -spent, "what was spent is owed");
    assert_eq!(shop.status(&id, &key).await, "refunded");
    shop.stripe.refund_becomes(&refund, "failed");
    shop.deliver_all().await;
    assert_eq!(shop.app.available(&user), 10_000_000_000 - spent, "what came back settles the debt first");
    shop.agree();
}

#[tokio::test]
async fn commission_on_what_was_spent_follows_a_refund_and_comes_back_with_it() {
    let shop = Shop::open().await;
    let (user, plain) = shop.app.person(0).await;
    let partner = shop.app.partner().await;
    let through = shop.app.key(&user, Some(&partner), None).await;
    let (_, session) = shop.order(&through).await;
    let payment = shop.stripe.pay(&session);
    shop.deliver_all().await;
    let body = json!({"model": "sandbox/gpt", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]});
    for key in [&plain, &through, &through] {
        assert_eq!(shop.app.post("/v1/chat/completions", key, &body).await.status, 200);
    }
    let spent = 10_000_000_000 - shop.app.available(&user);
    let posted = |account| shop.app.ledger.balance(account).map_or(0, |balance| balance.posted.get());
    let earned = posted(partner.earnings);
    assert!(earned > 0 && spent > 0);
    let refund = shop.stripe.refund(&payment, 1_000, "pending");
    shop.deliver_all().await;
    assert_eq!(posted(debt_of(user.id)), -spent);
    assert_eq!((posted(partner.earnings), posted(debt_of_partner(partner.id))), (0, 0), "all of it followed");
    let earnings = shop.app.accounts.earnings_of(&partner).await.unwrap();
    assert_eq!((earnings.accrued.get(), earnings.taken_back.get(), earnings.matured.get()), (earned, earned, 0));
    shop.stripe.refund_becomes(&refund, "failed");
    shop.deliver_all().await;
    assert_eq!(posted(partner.earnings), earned, "and came back");
    let earnings = shop.app.accounts.earnings_of(&partner).await.unwrap();
    assert_eq!((earnings.taken_back.get(), earnings.balance.get()), (0, earned));
    shop.agree();
}

#[tokio::test]
async fn a_dispute_freezes_what_is_left_and_what_becomes_of_it_is_what_the_bank_decides() {
    for (verdict, left) in [("won", 10), ("lost", 0)] {
        let shop = Shop::open().await;
        let (user, key) = shop.app.person(0).await;
        let (id, session) = shop.order(&key).await;
        let payment = shop.stripe.pay(&session);
        let dispute = shop.stripe.dispute(&payment, 1_000, "needs_response");
        shop.deliver_all().await;
        assert_eq!((shop.dollars(&user), shop.status(&id, &key).await), (0, json!("disputed")));
        shop.stripe.dispute_becomes(&dispute, verdict);
        shop.deliver_all().await;
        assert_eq!(shop.dollars(&user), left, "{verdict}");
        shop.agree();
    }
}

#[tokio::test]
async fn the_processor_is_told_the_address_the_amount_the_order_and_the_marker_and_nothing_else() {
    let shop = Shop::open().await;
    let (user, _) = shop.app.person(0).await;
    let partner = shop.app.partner().await;
    let key = shop.app.key(&user, Some(&partner), None).await;
    let (id, _) = shop.order(&key).await;
    let requests = shop.stripe.requests();
    let made = requests.iter().find(|request| request.path == "/v1/checkout/sessions").unwrap();
    let told: String = made.params.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    for expected in ["ada@example.org", "=1000\n", "=usd\n", &id, &partner.id.to_string(), "=test\n"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    for secret in [user.id.to_string(), user.wallet.to_string(), user.label.clone(), key.clone()] {
        assert!(!told.contains(&secret), "{secret}: {told}");
    }
    assert_eq!(made.param("adaptive_pricing[enabled]"), Some("false"));
}

#[tokio::test]
async fn an_unreachable_processor_asks_for_the_event_again_and_sells_nothing() {
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let (_, session) = shop.order(&key).await;
    shop.stripe.pay(&session);
    let events = shop.stripe.take_events();
    shop.stripe.fail_next(20, StripeFault::Unavailable);
    let answer = shop.deliver(&events[0].thin, SECRET).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after"));
    let refused = shop.buy(&key, json!({"amount": 20, "email": "ada@example.org"})).await;
    assert_eq!(refused.status, 502, "{}", refused.text);
    // The processor sends an event again until it is heard.
    for _ in 0..20 {
        if shop.deliver(&events[0].thin, SECRET).await.status == 200 {
            break;
        }
    }
    assert_eq!(shop.dollars(&user), 10);
}

#[tokio::test]
async fn events_that_never_come_are_made_up_for_by_polling_and_by_reconciliation() {
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let (id, session) = shop.order(&key).await;
    let payment = shop.stripe.pay(&session);
    shop.pass(Duration::from_secs(3));
    assert_eq!(shop.status(&id, &key).await, "paid", "whoever waits for an order sees it paid");
    assert_eq!(shop.dollars(&user), 10);
    shop.stripe.refund(&payment, 400, "succeeded");
    let purchases = &shop.app.app.payments.as_ref().unwrap().purchases;
    let report = purchases.reconcile().await.unwrap();
    assert!(report.agrees(), "{report:?}");
    assert_eq!(shop.dollars(&user), 6);
    shop.agree();
}

#[tokio::test]
async fn a_lost_answer_or_a_stored_failure_makes_no_second_order() {
    for fault in [StripeFault::LostAnswer, StripeFault::StoredFailure, StripeFault::StoredFailureAfterEffect] {
        let shop = Shop::open().await;
        let (user, key) = shop.app.person(0).await;
        shop.stripe.fail_next(1, fault);
        let body = json!({"amount": 10, "email": "ada@example.org"});
        let buy = || {
            let mut sent = request(Method::POST, "/v1/credits/checkout", &key, body.to_string());
            sent.headers_mut().insert("idempotency-key", "one purchase".parse().unwrap());
            sent
        };
        let first = shop.app.send(buy()).await;
        let second = shop.app.send(buy()).await;
        assert_eq!(second.status, 201, "{fault:?}: {} {}", first.text, second.text);
        let third = shop.app.send(buy()).await.json();
        assert_eq!(second.json()["id"], third["id"], "{fault:?}");
        let listed = shop.app.get("/v1/credits/orders", &key).await.json();
        assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{fault:?}");
        let url = second.json()["checkout_url"].clone();
        let pages = shop.stripe.objects("checkout.session");
        let page = pages.iter().find(|page| page["url"] == url).unwrap();
        shop.stripe.pay(page["id"].as_str().unwrap());
        shop.deliver_all().await;
        assert_eq!(shop.dollars(&user), 10, "{fault:?}");
        shop.agree();
    }
}

#[tokio::test]
async fn an_idempotency_key_with_another_purchase_is_a_conflict_and_sells_nothing_more() {
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let through = shop.app.key(&user, Some(&shop.app.partner().await), None).await;
    let whole = json!({"amount": 10, "email": "ada@example.org", "success_url": "https://app.example/a",
        "cancel_url": "https://app.example/b"});
    let buy = async |key: &str, field: &str, value: Value| {
        let mut body = whole.clone();
        if !field.is_empty() {
            body[field] = value;
        }
        let mut sent = request(Method::POST, "/v1/credits/checkout", key, body.to_string());
        sent.headers_mut().insert("idempotency-key", "one purchase".parse().unwrap());
        shop.app.send(sent).await
    };
    let first = buy(&key, "", Value::Null).await;
    assert_eq!(first.status, 201, "{}", first.text);
    for (field, other) in [
        ("amount", json!(11)),
        ("email", json!("eve@example.org")),
        ("success_url", json!("https://app.example/c")),
        ("success_url", Value::Null),
        ("cancel_url", json!("https://app.example/c")),
        ("save_method", json!(true)),
    ] {
        let refused = buy(&key, field, other.clone()).await;
        assert_eq!(refused.status, 409, "{field} {other}: {}", refused.text);
    }
    assert_eq!(buy(&through, "", Value::Null).await.status, 409, "through an app");
    assert_eq!(buy(&key, "amount", json!("10.00")).await.json()["id"], first.json()["id"], "the same in other words");
    assert_eq!(shop.stripe.objects("checkout.session").len(), 1);
}

#[tokio::test]
async fn an_order_that_is_paid_on_two_pages_gives_its_credits_once_and_the_rest_is_in_suspense() {
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    // The first page is made, and nobody hears of it.
    shop.stripe.fail_next(1, StripeFault::StoredFailureAfterEffect);
    let bought = shop.buy(&key, json!({"amount": 10, "email": "ada@example.org"})).await;
    assert_eq!(bought.status, 201, "{}", bought.text);
    let pages = shop.stripe.objects("checkout.session");
    assert_eq!(pages.len(), 2);
    for page in &pages {
        shop.stripe.pay(page["id"].as_str().unwrap());
        shop.deliver_all().await;
    }
    assert_eq!(shop.dollars(&user), 10);
    let suspense = shop.app.ledger.balance(PerCurrency::Suspense.account("usd")).unwrap().posted.get();
    assert_eq!(suspense, 10_000_000_000);
    shop.agree();
}

#[tokio::test]
async fn an_order_is_its_persons_alone() {
    let shop = Shop::open().await;
    let (_, key) = shop.app.person(0).await;
    let (_, other) = shop.app.person(0).await;
    let (id, _) = shop.order(&key).await;
    assert_eq!(shop.app.get(&format!("/v1/credits/orders/{id}"), &other).await.status, 404);
    assert_eq!(shop.app.get("/v1/credits/orders", &other).await.json()["data"], json!([]));
    assert_eq!(shop.app.get(&format!("/v1/credits/orders/{id}"), "").await.status, 401);
}

#[tokio::test]
async fn bad_input_is_refused_with_the_field_and_the_remedy() {
    let shop = Shop::open().await;
    let (_, key) = shop.app.person(0).await;
    let email = "ada@example.org";
    let rows = [
        (json!({"email": email}), "amount", "amount is missing"),
        (json!({"amount": "ten", "email": email}), "amount", "no decimal"),
        (json!({"amount": 10.005, "email": email}), "amount", "two places"),
        (json!({"amount": 4.99, "email": email}), "amount", "the least is 5.00"),
        (json!({"amount": 501, "email": email}), "amount", "the most is 500.00"),
        (json!({"amount": 20, "currency": "inr", "email": email}), "currency", "credits are sold in usd"),
        (json!({"amount": 20, "currency": "rupees", "email": email}), "currency", "three letters"),
        (json!({"amount": 20}), "email", "email is missing"),
        (json!({"amount": 20, "email": email, "success_url": "javascript:x"}), "success_url", "http or https"),
        (json!({"amount": 20, "email": email, "credits": 99_999}), "credits", "there is no field credits"),
        (json!({"amount": 20, "email": email, "save_method": "yes"}), "save_method", "true or false"),
    ];
    for (body, param, words) in rows {
        let refused = shop.buy(&key, body.clone()).await;
        let error = refused.json()["error"].clone();
        assert_eq!((refused.status.as_u16(), &error["param"]), (400, &json!(param)), "{body}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{body}: {error}");
    }
    assert_eq!(shop.stripe.requests().len(), 0, "the processor hears of none of them");
}

#[tokio::test]
async fn where_nothing_is_sold_the_routes_say_so() {
    let app = TestApp::new().await;
    let (_, key) = app.person(0).await;
    for path in ["/v1/credits/offer", "/v1/credits/orders"] {
        assert_eq!(app.get(path, &key).await.status, 404, "{path}");
    }
    assert_eq!(app.post("/v1/credits/checkout", &key, &json!({"amount": 10})).await.status, 404);
    assert_eq!(app.post("/webhooks/stripe", "", &json!({})).await.status, 404);
}

#[tokio::test]
async fn the_sandboxs_page_is_marked_and_pays_once() {
    let app = TestApp::new().await;
    let payments = sandbox_payments(&app);
    let app = app.with_payments(payments);
    let (user, key) = app.person(0).await;
    let body = json!({"amount": 10, "email": "ada@example.org", "success_url": "https://app.example/thanks"});
    let order = app.post("/v1/credits/checkout", &key, &body).await.json();
    let page = order["checkout_url"].as_str().unwrap().strip_prefix("http://127.0.0.1").unwrap();
    let shown = app.get(page, "").await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains("Test page. No money moves.") && shown.text.contains("10.00 USD"), "{}", shown.text);
    assert!(shown.header("content-security-policy").contains("default-src 'none'"));
    let choose = |choice: &'static str| app.send(request(Method::POST, page, "", format!("choice={choice}")));
    assert_eq!(choose("x").await.status, 400);
    let paid = choose("pay").await;
    assert_eq!((paid.status.as_u16(), paid.header("location")), (303, "https://app.example/thanks"));
    assert_eq!(app.available(&user), 10_000_000_000);
    assert_eq!(choose("pay").await.status, 303, "a second click leads on, and pays nothing more");
    assert_eq!(app.available(&user), 10_000_000_000);
    assert!(!app.get(page, "").await.text.contains("<form"), "a paid page has nothing to choose");
    assert_eq!(app.get("/sandbox/checkout/cs_test_of_nobody", "").await.status, 404);
    app.settled();
}

#[tokio::test]
async fn the_sandboxs_portal_shows_receipts_and_saved_methods() {
    let app = TestApp::new().await;
    let payments = sandbox_payments(&app);
    let app = app.with_payments(payments);
    let (user, key) = app.person(0).await;
    let manager = app.accounts.add_management_key(user.id, "account".to_owned()).await.unwrap().1;
    let manager = manager.reveal();
    let none = app.post("/v1/credits/portal", manager, &json!({})).await;
    assert_eq!(none.status, 400, "who has saved no method has no page: {}", none.text);
    let body = json!({"amount": 10, "email": "ada@example.org", "save_method": true});
    let order = app.post("/v1/credits/checkout", &key, &body).await.json();
    let page = order["checkout_url"].as_str().unwrap().strip_prefix("http://127.0.0.1").unwrap();
    assert_eq!(app.send(request(Method::POST, page, "", "choice=pay".to_owned())).await.status, 303);
    let url = app.post("/v1/credits/portal", manager, &json!({})).await.json()["url"].as_str().unwrap().to_owned();
    let shown = app.get(url.strip_prefix("http://127.0.0.1").unwrap(), "").await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    for words in ["Test page. No money moves.", "10.00 USD", order["id"].as_str().unwrap(), "Test card", "Go back"] {
        assert!(shown.text.contains(words), "{words}: {}", shown.text);
    }
    assert!(shown.header("content-security-policy").contains("default-src 'none'"));
    assert!(!shown.text.contains("ada@example.org"), "an address is on no page");
    let forgotten = app.get("/sandbox/checkout/portal_cus_of_an_earlier_process", "").await;
    assert_eq!(forgotten.status, 200);
    assert!(forgotten.text.contains("No payment is known"), "{}", forgotten.text);
}

/// danny-avila/LibreChat#13812: an event was noted as seen before its credits were there, and its repetition gave nothing.
#[tokio::test]
async fn libre_chat_13812_an_event_whose_settlement_failed_is_settled_when_it_comes_again() {
    let shop = Shop::open().await;
    let (user, key) = shop.app.person(0).await;
    let (_, session) = shop.order(&key).await;
    shop.stripe.pay(&session);
    let events = shop.stripe.take_events();
    let event = &events.iter().find(|event| event.kind == "checkout.session.completed").unwrap().snapshot;
    shop.stripe.fail_next(10, StripeFault::Unavailable);
    let failed = shop.deliver(event, SECRET).await;
    assert!(failed.status.as_u16() >= 500, "{}", failed.text);
    assert_eq!(shop.dollars(&user), 0);
    // What is left of the faults.
    while shop.deliver(event, SECRET).await.status != 200 {}
    assert_eq!(shop.dollars(&user), 10);
    shop.agree();
}
