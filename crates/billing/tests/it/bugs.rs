//! Bugs that others published, with the input that showed each. The name of a test begins with its project.

use crate::hints::parse;
use crate::support::{MARKER, bought, open, position, read, request, setup, stand, usd};
use opencredits_billing::{
    ChargeOutcome, Currency, MismatchKind, Money, NotRefundableReason, Owner, PaymentError, PaymentRef, Payments as _,
    Progress, RefundRequest, SaveMethod, SavedCharge, Stripe, WebhookSecret, verify_signature,
};
use opencredits_testkit::stripe::{StripeDouble, StripeFault, sign};
use opencredits_units::UnixMs;
use serde_json::json;

/// A buyer whose card is saved, and a charge of it.
pub(crate) async fn saved(double: &StripeDouble, stripe: &Stripe) -> SavedCharge {
    let mut first = request(double, "order-first", 1_000);
    first.save_method = SaveMethod::OffSession;
    let page = stripe.create_checkout(&first).await.unwrap();
    let payment = double.pay(page.session.as_str());
    let state = read(stripe, &payment).await;
    SavedCharge {
        order: "order-top-up".parse().unwrap(),
        attempt: 1,
        amount: usd(2_000),
        customer: state.customer.unwrap(),
        method: state.saved_method.unwrap(),
        partner: None,
        ordered_at: UnixMs::new(double.now_s() * 1_000),
    }
}

#[tokio::test]
async fn akash_console_2438_a_cumulative_refund_is_no_difference() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 5_000).await;
    double.refund(&payment, 1_000, "succeeded");
    double.refund(&payment, 500, "succeeded");
    assert_eq!(stand(&stripe, &payment, 5_000, 5_000).await, (5_000, 1_500, 0));
}

#[tokio::test]
async fn opencode_28398_a_second_partial_refund_counts() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 2_000).await;
    double.refund(&payment, 500, "succeeded");
    assert_eq!(stand(&stripe, &payment, 2_000, 2_000).await, (2_000, 500, 0));
    double.refund(&payment, 300, "succeeded");
    assert_eq!(stand(&stripe, &payment, 2_000, 2_000).await, (2_000, 800, 0));
}

#[tokio::test]
async fn replyinmyvoice_301_the_share_is_of_the_original_grant() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    for taken in [25, 50] {
        double.refund(&payment, 250, "succeeded");
        assert_eq!(stand(&stripe, &payment, 100, 1_000).await, (100, taken, 0));
    }
}

#[tokio::test]
async fn gumroad_5779_a_canceled_refund_gives_the_credits_back() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let before = double.balance_minor();
    for end in ["canceled", "failed"] {
        let refund = double.refund(&payment, 400, "pending");
        assert_eq!(stand(&stripe, &refund, 100, 1_000).await, (100, 40, 0));
        double.refund_becomes(&refund, end);
        assert_eq!(stand(&stripe, &refund, 100, 1_000).await, (100, 0, 0), "{end}");
        assert_eq!(double.balance_minor(), before);
    }
}

#[tokio::test]
async fn eliza_10997_a_won_dispute_leaves_the_balance_as_before() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let dispute = double.dispute(&payment, 1_000, "needs_response");
    assert_eq!(stand(&stripe, &dispute, 100, 1_000).await, (100, 0, 100));
    double.dispute_becomes(&dispute, "won");
    assert_eq!(stand(&stripe, &dispute, 100, 1_000).await, (100, 0, 0));
}

#[tokio::test]
async fn eliza_11155_a_refund_after_a_won_dispute_takes_all() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let dispute = double.dispute(&payment, 1_000, "needs_response");
    double.dispute_becomes(&dispute, "won");
    double.refund(&payment, 1_000, "succeeded");
    assert_eq!(stand(&stripe, &payment, 1_000, 1_000).await, (1_000, 1_000, 0));
}

#[tokio::test]
async fn core_939_a_delayed_payment_is_granted_when_its_money_comes() {
    let (double, stripe) = setup();
    let session = open(&double, &stripe, "order-1", 1_000).await;
    let payment = double.pay_unpaid(session.as_str());
    assert_eq!(read(&stripe, session.as_str()).await.progress, Progress::Waiting);
    assert_eq!(stand(&stripe, &payment, 100, 1_000).await, (0, 0, 0));
    double.set_now_s(double.now_s() + 3 * 86_400);
    double.async_succeed(session.as_str());
    assert_eq!(stand(&stripe, session.as_str(), 100, 1_000).await, (100, 0, 0));
}

#[tokio::test]
async fn one_api_355_a_payment_names_its_order_though_nobody_kept_the_page() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let state = read(&stripe, &payment).await;
    let order = "order-1".parse().unwrap();
    assert_eq!(state.owner(&MARKER.parse().unwrap()), Owner::Ours(&order));
    double.edit(&payment, "/metadata", json!({"opencredits_instance": MARKER}));
    let state = read(&stripe, &payment).await;
    assert_eq!(state.owner(&MARKER.parse().unwrap()), Owner::OursWithoutOrder);
}

#[tokio::test]
async fn spiralclass_75_the_buyer_pays_in_the_currency_of_the_order() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let requests = double.requests();
    let created = requests.iter().find(|request| request.path == "/v1/checkout/sessions").unwrap();
    assert_eq!(created.param("adaptive_pricing[enabled]"), Some("false"));
    double.edit(&payment, "/currency", json!("mxn"));
    let result = position(&read(&stripe, &payment).await, 100, 1_000);
    assert!(matches!(result, Err(PaymentError::Mismatch { kind: MismatchKind::Currency, .. })), "{result:?}");
}

#[tokio::test]
async fn stripe_java_2120_presented_amounts_are_not_read() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let presented = json!({"presentment_amount": 1_634, "presentment_currency": "jpy"});
    double.edit(&payment, "/presentment_details", presented);
    assert_eq!(read(&stripe, &payment).await.paid, Some(usd(1_000)));
}

#[tokio::test]
async fn akash_console_3302_a_currency_that_is_not_sold_is_refused() {
    let (double, stripe) = setup();
    for currency in ["inr", "jpy"] {
        let mut wrong = request(&double, "order-1", 20);
        wrong.amount = Money::new(2_000, currency.parse().unwrap());
        let result = stripe.create_checkout(&wrong).await;
        assert!(matches!(result, Err(PaymentError::Malformed { field: "currency", .. })), "{result:?}");
    }
    assert!(double.requests().is_empty());
    assert_eq!(Currency::sold(), [Currency::USD, Currency::EUR]);
}

#[tokio::test]
async fn formsg_6234_a_foreign_payment_is_read_and_is_not_ours() {
    let (double, stripe) = setup();
    let payment = double.foreign_payment(900);
    let dispute = double.dispute(&payment, 900, "needs_response");
    for event in double.take_events() {
        for body in [&event.snapshot, &event.thin] {
            assert_eq!(parse(body).unwrap().marker, None, "{}", event.kind);
        }
    }
    for id in [&payment, &dispute] {
        assert_eq!(read(&stripe, id).await.owner(&MARKER.parse().unwrap()), Owner::Foreign);
    }
    double.edit(&dispute, "/payment_intent", json!(null));
    let charge = double.object(&payment)["latest_charge"].as_str().unwrap().to_owned();
    double.edit(&charge, "/payment_intent", json!(null));
    for id in [&charge, &dispute] {
        assert_eq!(read(&stripe, id).await.owner(&MARKER.parse().unwrap()), Owner::Foreign);
    }
}

#[test]
fn new_api_4353_an_event_signed_with_nothing_is_refused() {
    let body = br#"{"id":"evt_1","object":"event"}"#;
    let header = sign(body, "", 1_780_000_000);
    let now = UnixMs::new(1_780_000_000_000);
    assert!(WebhookSecret::new("").is_err());
    assert!(verify_signature(body, &header, &[], now, 300_000).is_err());
    assert!(verify_signature(body, &header, &[WebhookSecret::new("whsec_a").unwrap()], now, 300_000).is_err());
}

#[tokio::test]
async fn akash_console_3449_a_charge_that_is_repeated_charges_once() {
    use StripeFault::{LostAnswer, StoredFailureAfterEffect, TimeOut};
    for fault in [LostAnswer, StoredFailureAfterEffect, TimeOut] {
        let (double, stripe) = setup();
        let mut charge = saved(&double, &stripe).await;
        let before = double.objects("payment_intent").len();
        // The first request is the look; the fault is for the charge.
        double.fail_after(1, fault);
        let first = stripe.charge_saved(&charge).await;
        charge.attempt += u32::from(matches!(first, Err(PaymentError::StoredFailure { .. })));
        for _ in 0..3 {
            let outcome = stripe.charge_saved(&charge).await.unwrap();
            assert!(matches!(outcome, ChargeOutcome::Succeeded { .. }), "{fault:?} {outcome:?}");
        }
        assert_eq!(double.objects("payment_intent").len(), before + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn lago_6257_a_disputed_payment_is_not_refunded() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    double.dispute(&payment, 1_000, "needs_response");
    let refund = RefundRequest { payment: payment.parse().unwrap(), amount: None, key: "refund-1".to_owned() };
    let refused = Err(PaymentError::NotRefundable(NotRefundableReason::Disputed));
    assert_eq!(stripe.refund(&refund).await, refused);
    let posts =
        double.requests().into_iter().filter(|request| request.path == "/v1/refunds" && request.method == "POST");
    assert_eq!(posts.count(), 0);
}

#[tokio::test]
async fn pay_connector_5011_every_movement_of_a_dispute_counts() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let dispute = double.dispute(&payment, 1_000, "needs_response");
    double.dispute_becomes(&dispute, "lost");
    assert_eq!(stand(&stripe, &payment, 100, 1_000).await, (100, 100, 0));
    // An appeal returns the money without another status.
    double.reinstate(&dispute);
    assert_eq!(stand(&stripe, &payment, 100, 1_000).await, (100, 0, 0));
    let position = position(&read(&stripe, &payment).await, 100, 1_000).unwrap();
    let net: i64 = position.movements.iter().map(|movement| movement.net.minor()).sum();
    assert_eq!((position.movements.len(), net), (3, double.balance_minor()));
}

#[tokio::test]
async fn leetcode_city_338_two_pages_of_one_order_are_told_apart() {
    let (double, stripe) = setup();
    let first = open(&double, &stripe, "order-1", 1_000).await;
    let mut again = request(&double, "order-1", 1_000);
    again.attempt = 2;
    let second = stripe.create_checkout(&again).await.unwrap().session;
    assert_ne!(first, second);
    double.pay(first.as_str());
    assert_eq!(read(&stripe, first.as_str()).await.progress, Progress::Paid);
    assert_eq!(read(&stripe, second.as_str()).await.progress, Progress::Open);
    let by_order = stripe.payment(&PaymentRef::Order("order-1".parse().unwrap())).await.unwrap();
    assert_eq!(by_order.progress, Progress::Paid);
}

#[tokio::test]
async fn sokosumi_1846_every_event_of_a_payment_leads_to_the_same_position() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let events = double.take_events();
    assert!(events.len() > 2);
    for event in events {
        let state = read(&stripe, &event.subject).await;
        assert_eq!(state.payment.as_ref().unwrap().as_str(), payment, "{}", event.kind);
        assert_eq!(position(&state, 100, 1_000).unwrap().movements.len(), 1, "{}", event.kind);
    }
}

#[tokio::test]
async fn octopus_630_a_refund_of_an_off_session_charge_finds_its_order() {
    let (double, stripe) = setup();
    let charge = saved(&double, &stripe).await;
    let ChargeOutcome::Succeeded { payment } = stripe.charge_saved(&charge).await.unwrap() else {
        panic!("the charge succeeds");
    };
    let refund = double.refund(payment.as_str(), 500, "succeeded");
    let state = read(&stripe, &refund).await;
    assert_eq!(state.owner(&MARKER.parse().unwrap()), Owner::Ours(&charge.order));
    assert_eq!(position(&state, 200, 2_000).unwrap().taken, 50);
}
