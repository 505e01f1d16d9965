//! The adapter against the double: what is told, what is read, what is listed.

use crate::bugs::saved;
use crate::support::{adapter, bought, open, position, read, request, setup, stand, usd};
use opencredits_billing::{
    After, ChargeOutcome, Customers, EventId, Hint, Mode, MovementId, MovementKind, NotRefundableReason, Page,
    PaymentError, PaymentRef, Payments, Progress, RefundRequest, RefundStatus, SaveMethod, Stripe, Subject,
};
use opencredits_testkit::stripe::{Charging, StripeDouble};
use opencredits_units::UnixMs;
use std::collections::BTreeSet;

#[tokio::test]
async fn promise_10_stripe_is_told_what_is_promised_and_nothing_else() {
    let (double, stripe) = setup();
    open(&double, &stripe, "order-1", 1_000).await;
    let request = double.requests().remove(0);
    let mut told: Vec<_> = request.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    told.sort_unstable();
    let expected = [
        ("adaptive_pricing[enabled]", "false"),
        ("cancel_url", "https://credits.example/buy"),
        ("client_reference_id", "order-1"),
        ("customer_email", "buyer@example.com"),
        ("expires_at", "1780003600"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][product_data][name]", "Credits"),
        ("line_items[0][price_data][unit_amount]", "1000"),
        ("line_items[0][quantity]", "1"),
        ("metadata[opencredits_instance]", "instance-1"),
        ("metadata[opencredits_order]", "order-1"),
        ("metadata[opencredits_partner]", "partner_1"),
        ("mode", "payment"),
        ("payment_intent_data[metadata][opencredits_instance]", "instance-1"),
        ("payment_intent_data[metadata][opencredits_order]", "order-1"),
        ("payment_intent_data[metadata][opencredits_partner]", "partner_1"),
        ("success_url", "https://credits.example/paid?a=1&b=2"),
    ];
    assert_eq!(told, expected);
    assert_eq!(request.version.as_deref(), Some("2026-05-27.dahlia"));
    assert_eq!(request.key.as_deref(), Some("oc-instance-1-order-1-checkout-1"));
}

#[tokio::test]
async fn the_same_attempt_gives_the_same_page() {
    let (double, stripe) = setup();
    let wanted = request(&double, "order-1", 1_000);
    let first = stripe.create_checkout(&wanted).await.unwrap();
    assert_eq!(stripe.create_checkout(&wanted).await.unwrap(), first);
    assert!(first.url.starts_with("https://checkout.stripe.com/"));
    assert_eq!(first.expires_at, wanted.expires_at);
}

#[tokio::test]
async fn a_page_is_read_at_every_stage() {
    let (double, stripe) = setup();
    let check = async |session: &str, progress: Progress| {
        let state = read(&stripe, session).await;
        assert_eq!((state.progress, state.asked, state.mode), (progress, usd(1_000), Mode::Test));
        assert_eq!(state.order.unwrap().as_str(), "order-1");
        state.payment
    };
    let session = open(&double, &stripe, "order-1", 1_000).await;
    assert_eq!(check(session.as_str(), Progress::Open).await, None);
    let payment = double.pay_unpaid(session.as_str());
    check(session.as_str(), Progress::Waiting).await;
    double.async_fail(session.as_str());
    check(session.as_str(), Progress::Failed).await;
    check(&payment, Progress::Failed).await;

    let mut again = request(&double, "order-1", 1_000);
    again.attempt = 2;
    let session = stripe.create_checkout(&again).await.unwrap().session;
    stripe.expire_checkout(&session).await.unwrap();
    check(session.as_str(), Progress::Expired).await;
    stripe.expire_checkout(&session).await.unwrap();
}

#[tokio::test]
async fn a_buyer_whose_card_is_declined_can_pay_until_the_page_ends() {
    let (double, stripe) = setup();
    let session = open(&double, &stripe, "order-1", 1_000).await;
    let payment = double.decline(session.as_str());
    let check = async |progress: Progress| {
        for id in [session.as_str(), &payment] {
            let state = read(&stripe, id).await;
            assert_eq!((state.progress, state.paid, state.saved_method), (progress, None, None), "{id}");
        }
    };
    check(Progress::Open).await;
    double.expire(session.as_str());
    check(Progress::Expired).await;
    double.edit(&payment, "/status", "canceled".into());
    check(Progress::Expired).await;

    let again = open(&double, &stripe, "order-2", 1_000).await;
    let payment = double.decline(again.as_str());
    assert_eq!(double.pay(again.as_str()), payment);
    assert_eq!(stand(&stripe, again.as_str(), 100, 1_000).await, (100, 0, 0));
    // The page names the order also where the payment does not.
    double.edit(&payment, "/metadata", serde_json::json!({}));
    assert_eq!(read(&stripe, again.as_str()).await.order.unwrap().as_str(), "order-2");
}

#[tokio::test]
async fn a_payment_that_the_bank_takes_back_is_reversed() {
    let (double, stripe) = setup();
    let session = open(&double, &stripe, "order-1", 1_000).await;
    let payment = double.pay_unpaid(session.as_str());
    double.async_succeed(session.as_str());
    double.reverse(&payment);
    let state = read(&stripe, &payment).await;
    assert_eq!((state.progress, state.paid), (Progress::Reversed, Some(usd(1_000))));
    assert_eq!(stand(&stripe, &payment, 107, 1_000).await, (107, 107, 0));
    let kinds: Vec<_> = state.movements.into_iter().map(|movement| movement.kind).collect();
    assert_eq!(kinds, [MovementKind::Payment, MovementKind::PaymentReversal]);
}

#[tokio::test]
async fn every_part_of_a_payment_leads_to_all_of_it() {
    let (double, stripe) = setup();
    let session = open(&double, &stripe, "order-1", 1_000).await;
    let payment = double.pay(session.as_str());
    let refunds: Vec<String> = (0..2).map(|_| double.refund(&payment, 100, "succeeded")).collect();
    double.refund_becomes(&refunds[1], "failed");
    let inquiry = double.dispute(&payment, 800, "warning_needs_response");
    assert_eq!(stand(&stripe, &inquiry, 100, 1_000).await, (100, 10, 0));
    double.dispute_becomes(&inquiry, "needs_response");
    let warning = double.early_fraud_warning(&payment);
    let charge = double.object(&payment)["latest_charge"].as_str().unwrap().to_owned();

    let whole = read(&stripe, &payment).await;
    assert_eq!((whole.refunds.len(), whole.disputes.len(), whole.warnings.len()), (2, 1, 1));
    assert_eq!(stand(&stripe, &payment, 100, 1_000).await, (100, 10, 80));
    for id in [&charge, &refunds[0], &refunds[1], &inquiry, &warning] {
        assert_eq!(read(&stripe, id).await, whole, "{id}");
    }
    let mut by_session = read(&stripe, session.as_str()).await;
    assert_eq!(by_session.session.take(), Some(session));
    assert_eq!(by_session, whole);
    let by_order = stripe.payment(&PaymentRef::Order("order-1".parse().unwrap())).await.unwrap();
    assert_eq!(by_order, whole);

    let movements = position(&whole, 100, 1_000).unwrap().movements;
    let net: i64 = movements.iter().map(|movement| movement.net.minor()).sum();
    assert_eq!(net, double.balance_minor());
    for movement in &movements {
        let subject = movement.subject().unwrap();
        assert_eq!(stripe.payment(&subject).await.unwrap(), whole, "{subject:?}");
    }
}

#[tokio::test]
async fn more_refunds_than_a_page_has_are_all_read() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 10_000).await;
    for _ in 0..150 {
        double.refund(&payment, 10, "succeeded");
    }
    assert_eq!(stand(&stripe, &payment, 10_000, 10_000).await, (10_000, 1_500, 0));
}

#[tokio::test]
async fn a_saved_method_is_charged_once_for_an_order() {
    let (double, stripe) = setup();
    let mut charge = saved(&double, &stripe).await;
    // Our clock is ahead of Stripe's.
    charge.ordered_at = charge.ordered_at.saturating_add_ms(60_000);
    let first = stripe.charge_saved(&charge).await.unwrap();
    assert!(matches!(first, ChargeOutcome::Succeeded { .. }));
    assert_eq!(stripe.charge_saved(&charge).await.unwrap(), first);
    let later = opencredits_billing::SavedCharge { attempt: 2, ..charge.clone() };
    assert_eq!(stripe.charge_saved(&later).await.unwrap(), first);
    let other = opencredits_billing::SavedCharge { order: "order-other".parse().unwrap(), ..charge };
    assert_ne!(stripe.charge_saved(&other).await.unwrap(), first);
}

#[tokio::test]
async fn what_a_bank_says_to_a_charge_is_an_outcome() {
    let (double, stripe) = setup();
    let mut charge = saved(&double, &stripe).await;
    double.charges(Charging::Decline("card_declined".to_owned()));
    let declined = stripe.charge_saved(&charge).await.unwrap();
    let ChargeOutcome::Declined { payment: Some(payment), code } = &declined else { panic!("{declined:?}") };
    assert_eq!(code, "card_declined");
    assert_eq!(read(&stripe, payment.as_str()).await.progress, Progress::Failed);
    // The same attempt stays declined, whatever the bank would say now.
    double.charges(Charging::Succeed);
    assert_eq!(stripe.charge_saved(&charge).await.unwrap(), declined);
    charge.attempt = 2;
    double.charges(Charging::AskForAuthentication);
    let asked = stripe.charge_saved(&charge).await.unwrap();
    assert!(matches!(asked, ChargeOutcome::ActionRequired { payment: Some(_) }), "{asked:?}");
    charge.attempt = 3;
    double.charges(Charging::Process);
    let ChargeOutcome::Processing { payment } = stripe.charge_saved(&charge).await.unwrap() else {
        panic!("it is being processed");
    };
    assert_eq!(read(&stripe, payment.as_str()).await.progress, Progress::Waiting);
    charge.attempt = 4;
    assert_eq!(stripe.charge_saved(&charge).await.unwrap(), ChargeOutcome::Processing { payment: payment.clone() });
    double.finish_charge(payment.as_str(), true);
    assert_eq!(stand(&stripe, payment.as_str(), 200, 2_000).await, (200, 0, 0));
}

#[tokio::test]
async fn a_refund_is_made_once_for_its_key_and_never_exceeds_the_rest() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let refund = |key: &str, minor: Option<i64>| RefundRequest {
        payment: payment.parse().unwrap(),
        amount: minor.map(usd),
        key: key.to_owned(),
    };
    double.refunds_are("pending");
    let first = stripe.refund(&refund("a", Some(400))).await.unwrap();
    assert_eq!((first.status, first.requested_by.as_deref()), (RefundStatus::Pending, Some("a")));
    double.refund_becomes(first.id.as_str(), "succeeded");
    let again = stripe.refund(&refund("a", Some(400))).await.unwrap();
    assert_eq!((again.id, again.status), (first.id, RefundStatus::Succeeded));
    let refused = |reason| Err(PaymentError::NotRefundable(reason));
    assert_eq!(stripe.refund(&refund("b", Some(601))).await, refused(NotRefundableReason::ExceedsRest));
    assert_eq!(stripe.refund(&refund("b", None)).await.unwrap().amount, usd(600));
    assert_eq!(stripe.refund(&refund("c", None)).await, refused(NotRefundableReason::AlreadyRefunded));
    assert_eq!(stand(&stripe, &payment, 107, 1_000).await, (107, 107, 0));
}

#[tokio::test]
async fn a_deleted_customer_is_gone_once_and_their_payment_can_still_be_refunded() {
    let (double, stripe) = setup();
    let charge = saved(&double, &stripe).await;
    stripe.delete_customer(&charge.customer).await.unwrap();
    stripe.delete_customer(&charge.customer).await.unwrap();
    let deletions = double.requests().into_iter().filter(|request| request.method == "DELETE");
    let path = format!("/v1/customers/{}", charge.customer);
    let seen: Vec<_> = deletions.map(|request| (request.path, request.status)).collect();
    assert_eq!(seen, [(path.clone(), 200), (path, 404)]);
    let url = stripe.portal_url(&charge.customer, "https://credits.example/account").await;
    assert!(url.is_err() || double.requests().iter().any(|request| request.status >= 400), "a portal needs a customer");
}

#[tokio::test]
async fn a_saved_method_belongs_to_a_customer_with_a_portal() {
    let (double, stripe) = setup();
    let charge = saved(&double, &stripe).await;
    let url = stripe.portal_url(&charge.customer, "https://credits.example/account").await.unwrap();
    assert!(url.starts_with("https://billing.stripe.com/"));
    assert!(stripe.portal_url(&charge.customer, "javascript:x").await.is_err());
    let mut again = request(&double, "order-3", 1_000);
    again.save_method = SaveMethod::OffSession;
    again.customer = Some(charge.customer.clone());
    let page = stripe.create_checkout(&again).await.unwrap();
    let payment = double.pay(page.session.as_str());
    assert_eq!(read(&stripe, &payment).await.customer, Some(charge.customer));
    // A payment whose method is not to be kept says so.
    let plain = double.pay(open(&double, &stripe, "order-4", 1_000).await.as_str());
    assert_eq!(read(&stripe, &plain).await.saved_method, None);
}

/// Walks a whole list from some time on.
async fn events(stripe: &Stripe, since: UnixMs) -> Vec<Hint> {
    let mut page: Page<Hint, EventId> = stripe.events_after(After::Time(since)).await.unwrap();
    let mut all = Vec::new();
    loop {
        all.append(&mut page.items);
        let Some(last) = page.next.filter(|_| page.has_more) else { return all };
        page = stripe.events_after(After::Id(&last)).await.unwrap();
    }
}

async fn movements(stripe: &dyn Payments, since: UnixMs) -> (usize, i64) {
    let mut page: Page<_, MovementId> = stripe.movements_after(After::Time(since)).await.unwrap();
    let (mut count, mut net) = (0, 0);
    loop {
        count += page.items.len();
        net += page.items.iter().map(|movement| movement.net.minor()).sum::<i64>();
        let Some(last) = page.next.filter(|_| page.has_more) else { return (count, net) };
        page = stripe.movements_after(After::Id(&last)).await.unwrap();
    }
}

fn many(double: &StripeDouble) {
    for _ in 0..250 {
        double.foreign_payment(1_000);
    }
}

#[tokio::test]
async fn a_walk_meets_every_event_and_every_cent_once_and_in_order() {
    let (double, stripe) = setup();
    double.foreign_payment(700);
    double.set_now_s(double.now_s() + 100);
    let since = UnixMs::new(double.now_s() * 1_000);
    let before = double.balance_minor();
    many(&double);
    let hints = events(&stripe, since).await;
    let ids: Vec<_> = hints.iter().map(|hint| hint.event.clone()).collect();
    // The double's ids are in the order in which they were made.
    assert!(ids.is_sorted());
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (250, 250));
    assert!(hints.iter().all(|hint| matches!(hint.subject, Subject::Payment(PaymentRef::Payment(_)))));
    assert_eq!(movements(&stripe, since).await, (250, double.balance_minor() - before));
    let nothing = stripe.events_after(After::Id(ids.last().unwrap())).await.unwrap();
    assert_eq!(nothing, Page { items: Vec::new(), next: None, has_more: false });
    let gone = stripe.events_after(After::Id(&"evt_gone".parse().unwrap())).await;
    assert!(matches!(gone, Err(PaymentError::NotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn real_money_is_told_from_play_money() {
    let double = StripeDouble::start().unwrap();
    double.set_livemode(true);
    let stripe = adapter(&double, "rk_live_double", "instance-1");
    let payment = bought(&double, &stripe, 1_000).await;
    assert_eq!((read(&stripe, &payment).await.mode, stripe.mode()), (Mode::Live, Mode::Live));
}
