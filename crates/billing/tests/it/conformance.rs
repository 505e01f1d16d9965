//! What every [`Payments`] does alike, checked on each of them: the sandbox, and the adapter for Stripe.

use crate::support::{MARKER, adapter, usd};
use opencredits_billing::{
    After, ChargeOutcome, Checkout, CheckoutRequest, DisputeId, DisputeStatus, EventId, Fault, Grant, Hint, Mode,
    MoneyMovement, MovementId, NotRefundableReason, Owner, PaymentError, PaymentId, PaymentRef, PaymentState, Payments,
    Position, Progress, RefundRequest, RefundState, RefundStatus, Retry, Sandbox, SaveMethod, SavedCharge, SessionId,
    Stripe, Subject,
};
use opencredits_testkit::stripe::{Charging, StripeDouble};
use opencredits_units::UnixMs;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// A payment processor, and what buyers, banks and the operator do there.
trait Place {
    fn payments(&self) -> &dyn Payments;
    fn now(&self) -> UnixMs;
    fn pass_s(&self, seconds: u64);
    fn pay(&self, page: &SessionId);
    /// The buyer pays by a method that takes days.
    fn pay_later(&self, page: &SessionId);
    /// The money of such a method comes, or does not.
    fn arrive(&self, page: &SessionId, comes: bool);
    fn refund(&self, page: &SessionId, minor: i64, status: &str);
    /// The last refund of a payment takes another status.
    fn refund_becomes(&self, page: &SessionId, status: &str);
    fn open_dispute(&self, page: &SessionId, minor: i64) -> DisputeId;
    fn end_dispute(&self, page: &SessionId, dispute: &DisputeId, verdict: &str);
    /// The bank declines this charge.
    fn decline(&self, charge: &mut SavedCharge);
}

struct Play {
    sandbox: Sandbox,
    now_ms: AtomicU64,
}

impl Place for Play {
    fn payments(&self) -> &dyn Payments {
        &self.sandbox
    }

    fn now(&self) -> UnixMs {
        UnixMs::new(self.now_ms.load(Ordering::Relaxed))
    }

    fn pass_s(&self, seconds: u64) {
        self.now_ms.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }

    fn pay(&self, page: &SessionId) {
        self.sandbox.pay(page, self.now()).unwrap();
    }

    fn pay_later(&self, page: &SessionId) {
        self.sandbox.pay_later(page).unwrap();
    }

    fn arrive(&self, page: &SessionId, comes: bool) {
        let done = if comes { self.sandbox.pay(page, self.now()) } else { self.sandbox.decline(page) };
        done.unwrap();
    }

    fn refund(&self, page: &SessionId, minor: i64, status: &str) {
        self.sandbox.refund_at_processor(page, minor, refund_status(status), self.now()).unwrap();
    }

    fn refund_becomes(&self, page: &SessionId, status: &str) {
        self.sandbox.refund_becomes(page, refund_status(status), self.now()).unwrap();
    }

    fn open_dispute(&self, page: &SessionId, minor: i64) -> DisputeId {
        self.sandbox.open_dispute(page, minor, DisputeStatus::NeedsResponse, self.now()).unwrap()
    }

    fn end_dispute(&self, page: &SessionId, dispute: &DisputeId, verdict: &str) {
        let status = if verdict == "won" { DisputeStatus::Won } else { DisputeStatus::Lost };
        self.sandbox.dispute_becomes(page, dispute, status, self.now()).unwrap();
    }

    fn decline(&self, charge: &mut SavedCharge) {
        charge.method = "pm_card_chargeDeclined".parse().unwrap();
    }
}

fn refund_status(status: &str) -> RefundStatus {
    match status {
        "pending" => RefundStatus::Pending,
        "failed" => RefundStatus::Failed,
        "canceled" => RefundStatus::Canceled,
        _ => RefundStatus::Succeeded,
    }
}

struct Real {
    double: StripeDouble,
    stripe: Stripe,
}

impl Real {
    fn payment_of(&self, page: &SessionId) -> String {
        self.double.object(page.as_str())["payment_intent"].as_str().unwrap().to_owned()
    }
}

impl Place for Real {
    fn payments(&self) -> &dyn Payments {
        &self.stripe
    }

    fn now(&self) -> UnixMs {
        UnixMs::new(self.double.now_s() * 1_000)
    }

    fn pass_s(&self, seconds: u64) {
        self.double.set_now_s(self.double.now_s() + seconds);
    }

    fn pay(&self, page: &SessionId) {
        self.double.pay(page.as_str());
    }

    fn pay_later(&self, page: &SessionId) {
        self.double.pay_unpaid(page.as_str());
    }

    fn arrive(&self, page: &SessionId, comes: bool) {
        let arrive = if comes { StripeDouble::async_succeed } else { StripeDouble::async_fail };
        arrive(&self.double, page.as_str());
    }

    fn refund(&self, page: &SessionId, minor: i64, status: &str) {
        self.double.refund(&self.payment_of(page), minor, status);
    }

    fn refund_becomes(&self, page: &SessionId, status: &str) {
        let payment = self.payment_of(page);
        let refunds = self.double.objects("refund");
        let last = refunds.iter().rfind(|refund| refund["payment_intent"] == payment.as_str()).unwrap();
        self.double.refund_becomes(last["id"].as_str().unwrap(), status);
    }

    fn open_dispute(&self, page: &SessionId, minor: i64) -> DisputeId {
        self.double.dispute(&self.payment_of(page), minor, "needs_response").parse().unwrap()
    }

    fn end_dispute(&self, _page: &SessionId, dispute: &DisputeId, verdict: &str) {
        self.double.dispute_becomes(dispute.as_str(), verdict);
    }

    fn decline(&self, _charge: &mut SavedCharge) {
        self.double.charges(Charging::Decline("card_declined".to_owned()));
    }
}

fn wanted(place: &dyn Place, order: &str, minor: i64) -> CheckoutRequest {
    CheckoutRequest {
        order: order.parse().unwrap(),
        attempt: 1,
        amount: usd(minor),
        email: "buyer@example.com".to_owned(),
        partner: None,
        success_url: "https://credits.example/paid".to_owned(),
        cancel_url: "https://credits.example/buy".to_owned(),
        save_method: SaveMethod::No,
        customer: None,
        expires_at: place.now().saturating_add_ms(3_600_000),
    }
}

async fn create(place: &dyn Place, order: &str, minor: i64) -> Checkout {
    place.payments().create_checkout(&wanted(place, order, minor)).await.unwrap()
}

async fn bought(place: &dyn Place, order: &str, minor: i64) -> (SessionId, PaymentId) {
    let page = create(place, order, minor).await.session;
    place.pay(&page);
    let payment = read(place, &PaymentRef::Session(page.clone())).await.payment.unwrap();
    (page, payment)
}

async fn read(place: &dyn Place, named: &PaymentRef) -> PaymentState {
    place.payments().payment(named).await.unwrap()
}

/// Granted, taken and frozen of an order of so many minor units, as many credits for each.
async fn stands(place: &dyn Place, page: &SessionId, minor: i64) -> (u64, u64, u64) {
    let state = read(place, &PaymentRef::Session(page.clone())).await;
    let grant = Grant { units: u64::try_from(minor).unwrap(), price: usd(minor) };
    let position = Position::of(&state, &grant).unwrap();
    (position.granted, position.taken, position.frozen)
}

fn is_callers<T: std::fmt::Debug>(done: Result<T, PaymentError>, what: &str) -> PaymentError {
    assert!(done.is_err(), "{what}");
    let error = done.unwrap_err();
    assert_eq!((error.fault(), error.retry()), (Fault::Caller, Retry::Never), "{what}: {error}");
    error
}

/// Every rule. The processor is one on which nothing has happened.
async fn conforms(place: &dyn Place) {
    an_attempt_has_one_page(place).await;
    a_page_ends(place).await;
    what_is_unknown_is_not_found(place).await;
    every_name_leads_to_the_payment(place).await;
    delayed_money_counts_when_it_comes(place).await;
    refunds_are_made_once_and_within_what_was_paid(place).await;
    disputes_freeze_and_take(place).await;
    an_order_is_charged_once(place).await;
    malformed_requests_are_not_sent(place).await;
    lists_are_walked_once(place).await;
}

async fn an_attempt_has_one_page(place: &dyn Place) {
    let request = wanted(place, "order-a1", 1_000);
    let payments = place.payments();
    let first = payments.create_checkout(&request).await.unwrap();
    assert_eq!(payments.create_checkout(&request).await.unwrap(), first, "a repetition is the same page");
    assert_eq!(first.expires_at, request.expires_at);
    let other = payments.create_checkout(&CheckoutRequest { amount: usd(2_000), ..request.clone() }).await.unwrap_err();
    assert!(matches!(&other, PaymentError::Refused { code, .. } if code == "idempotency_error"), "{other}");
    assert_eq!((other.fault(), other.retry()), (Fault::Us, Retry::Never));
    let second = payments.create_checkout(&CheckoutRequest { attempt: 2, ..request }).await.unwrap();
    assert_ne!(second.session, first.session, "another attempt is another page");
    for page in [&first, &second] {
        let state = read(place, &PaymentRef::Session(page.session.clone())).await;
        assert_eq!((state.progress, state.asked, state.paid), (Progress::Open, usd(1_000), None));
        assert_eq!((state.mode, &state.payment), (Mode::Test, &None));
        assert_eq!(state.owner(&MARKER.parse().unwrap()), Owner::Ours(&"order-a1".parse().unwrap()));
    }
    place.pay(&first.session);
    assert_eq!(stands(place, &first.session, 1_000).await, (1_000, 0, 0), "a page of an earlier attempt can be paid");
    assert_eq!(read(place, &PaymentRef::Session(second.session)).await.progress, Progress::Open);
}

async fn a_page_ends(place: &dyn Place) {
    let page = create(place, "order-e1", 1_000).await.session;
    for _ in 0..2 {
        place.payments().expire_checkout(&page).await.unwrap();
        assert_eq!(read(place, &PaymentRef::Session(page.clone())).await.progress, Progress::Expired);
    }
    let (paid, _) = bought(place, "order-e2", 1_000).await;
    place.payments().expire_checkout(&paid).await.unwrap();
    assert_eq!(read(place, &PaymentRef::Session(paid)).await.progress, Progress::Paid, "what is paid stays so");
}

async fn what_is_unknown_is_not_found(place: &dyn Place) {
    for id in ["cs_test_none", "pi_none", "ch_none", "re_none", "du_none", "issfr_none"] {
        let error = is_callers(place.payments().payment(&PaymentRef::from_id(id).unwrap()).await, id);
        assert!(matches!(&error, PaymentError::NotFound { object, .. } if object == id), "{id}: {error}");
    }
    let order = PaymentRef::Order("order-of-nobody".parse().unwrap());
    let error = is_callers(place.payments().payment(&order).await, "an order");
    assert!(matches!(error, PaymentError::NotFound { .. }), "{error}");
    let refund = RefundRequest { payment: "pi_none".parse().unwrap(), amount: None, key: "a".to_owned() };
    let error = is_callers(place.payments().refund(&refund).await, "a refund");
    assert!(matches!(error, PaymentError::NotFound { .. }), "{error}");
    let event: EventId = "evt_none".parse().unwrap();
    let error = is_callers(place.payments().events_after(After::Id(&event)).await, "an event");
    assert!(matches!(error, PaymentError::NotFound { .. }), "{error}");
}

async fn every_name_leads_to_the_payment(place: &dyn Place) {
    let (page, payment) = bought(place, "order-n1", 1_000).await;
    place.refund(&page, 100, "succeeded");
    let dispute = place.open_dispute(&page, 500);
    let whole = read(place, &PaymentRef::Payment(payment.clone())).await;
    let names = [
        PaymentRef::Session(page),
        PaymentRef::Charge(whole.charge.clone().unwrap()),
        PaymentRef::Refund(whole.refunds[0].id.clone()),
        PaymentRef::Dispute(dispute),
        PaymentRef::Order("order-n1".parse().unwrap()),
    ];
    for name in names {
        let found = read(place, &name).await;
        let same = |a: &PaymentState, b: &PaymentState| {
            (&a.payment, a.paid, &a.refunds, &a.disputes, &a.movements)
                == (&b.payment, b.paid, &b.refunds, &b.disputes, &b.movements)
        };
        assert!(same(&found, &whole), "{name:?}: {found:?} is not {whole:?}");
    }
}

async fn delayed_money_counts_when_it_comes(place: &dyn Place) {
    for (order, comes, progress, granted) in
        [("order-d1", true, Progress::Paid, 1_000), ("order-d2", false, Progress::Failed, 0)]
    {
        let page = create(place, order, 1_000).await.session;
        place.pay_later(&page);
        assert_eq!(read(place, &PaymentRef::Session(page.clone())).await.progress, Progress::Waiting);
        assert_eq!(stands(place, &page, 1_000).await, (0, 0, 0));
        place.arrive(&page, comes);
        assert_eq!(read(place, &PaymentRef::Session(page.clone())).await.progress, progress);
        assert_eq!(stands(place, &page, 1_000).await, (granted, 0, 0));
    }
}

async fn refunds_are_made_once_and_within_what_was_paid(place: &dyn Place) {
    let (page, payment) = bought(place, "order-r1", 1_000).await;
    let refund = async |key: &str, minor: Option<i64>| -> Result<RefundState, PaymentError> {
        let request = RefundRequest { payment: payment.clone(), amount: minor.map(usd), key: key.to_owned() };
        place.payments().refund(&request).await
    };
    let first = refund("a", Some(400)).await.unwrap();
    assert_eq!((first.amount, first.status.counts(), first.requested_by.as_deref()), (usd(400), true, Some("a")));
    assert_eq!(refund("a", Some(400)).await.unwrap().id, first.id, "under one key money is sent once");
    assert_eq!(stands(place, &page, 1_000).await, (1_000, 400, 0));
    let reason = |error: PaymentError| match error {
        PaymentError::NotRefundable(reason) => reason,
        other => panic!("{other}"),
    };
    let too_much = is_callers(refund("b", Some(601)).await, "more than is left");
    assert_eq!(reason(too_much), NotRefundableReason::ExceedsRest);
    place.refund(&page, 100, "pending");
    let dispute = place.open_dispute(&page, 300);
    let disputed = is_callers(refund("c", Some(100)).await, "a disputed payment");
    assert_eq!(reason(disputed), NotRefundableReason::Disputed);
    place.end_dispute(&page, &dispute, "won");
    place.refund_becomes(&page, "failed");
    assert_eq!(stands(place, &page, 1_000).await, (1_000, 400, 0), "a refund that failed is none");
    assert_eq!(refund("d", None).await.unwrap().amount, usd(600), "no amount is all that is left");
    let nothing = is_callers(refund("e", None).await, "nothing is left");
    assert_eq!(reason(nothing), NotRefundableReason::AlreadyRefunded);
    assert_eq!(stands(place, &page, 1_000).await, (1_000, 1_000, 0));
}

async fn disputes_freeze_and_take(place: &dyn Place) {
    let (page, _) = bought(place, "order-p1", 1_000).await;
    let first = place.open_dispute(&page, 300);
    let second = place.open_dispute(&page, 200);
    assert_eq!(stands(place, &page, 1_000).await, (1_000, 0, 500));
    place.end_dispute(&page, &first, "won");
    assert_eq!(stands(place, &page, 1_000).await, (1_000, 0, 200));
    place.end_dispute(&page, &second, "lost");
    assert_eq!(stands(place, &page, 1_000).await, (1_000, 200, 0));
    let state = read(place, &PaymentRef::Session(page)).await;
    let moved = |dispute: &DisputeId| -> i64 {
        let found = state.disputes.iter().find(|one| one.id == *dispute).unwrap();
        found.movements.iter().map(|movement| movement.amount.minor()).sum()
    };
    assert_eq!((moved(&first), moved(&second)), (0, -200), "the money of a won dispute is back");
}

async fn an_order_is_charged_once(place: &dyn Place) {
    let request = CheckoutRequest { save_method: SaveMethod::OffSession, ..wanted(place, "order-s1", 1_000) };
    let page = place.payments().create_checkout(&request).await.unwrap().session;
    place.pay(&page);
    let state = read(place, &PaymentRef::Session(page)).await;
    let charge = SavedCharge {
        order: "order-s2".parse().unwrap(),
        attempt: 1,
        amount: usd(2_000),
        customer: state.customer.unwrap(),
        method: state.saved_method.unwrap(),
        partner: None,
        ordered_at: place.now(),
    };
    let first = place.payments().charge_saved(&charge).await.unwrap();
    let ChargeOutcome::Succeeded { payment } = &first else { panic!("{first:?}") };
    for attempt in [1, 2] {
        let again = SavedCharge { attempt, ..charge.clone() };
        assert_eq!(place.payments().charge_saved(&again).await.unwrap(), first, "attempt {attempt}");
    }
    let charged = read(place, &PaymentRef::Payment(payment.clone())).await;
    assert_eq!((charged.progress, charged.paid), (Progress::Paid, Some(usd(2_000))));
    assert_eq!(read(place, &PaymentRef::Order(charge.order.clone())).await.payment.as_ref(), Some(payment));
    let told = events(place, UnixMs::default()).await;
    let is_told = told.iter().any(|hint| hint.subject == Subject::Payment(PaymentRef::Payment(payment.clone())));
    assert!(is_told, "an event tells of a charge too");
    let mut declined = SavedCharge { order: "order-s3".parse().unwrap(), ..charge };
    place.decline(&mut declined);
    for _ in 0..2 {
        let outcome = place.payments().charge_saved(&declined).await.unwrap();
        assert!(matches!(&outcome, ChargeOutcome::Declined { code, .. } if code == "card_declined"), "{outcome:?}");
    }
}

async fn malformed_requests_are_not_sent(place: &dyn Place) {
    let good = wanted(place, "order-m1", 1_000);
    let customer = "cus_1".parse().unwrap();
    let bad = [
        CheckoutRequest { amount: usd(0), ..good.clone() },
        CheckoutRequest { email: "nobody".to_owned(), ..good.clone() },
        CheckoutRequest { success_url: "javascript:x".to_owned(), ..good.clone() },
    ];
    for request in &bad {
        let error = is_callers(place.payments().create_checkout(request).await, "a page");
        assert!(matches!(error, PaymentError::Malformed { .. }), "{error}");
    }
    let refund = RefundRequest { payment: "pi_1".parse().unwrap(), amount: None, key: String::new() };
    let error = is_callers(place.payments().refund(&refund).await, "a refund");
    assert!(matches!(error, PaymentError::Malformed { .. }), "{error}");
    let error = is_callers(place.payments().portal_url(&customer, "javascript:x").await, "a portal");
    assert!(matches!(error, PaymentError::Malformed { .. }), "{error}");
}

async fn events(place: &dyn Place, since: UnixMs) -> Vec<Hint> {
    let mut page = place.payments().events_after(After::Time(since)).await.unwrap();
    let mut all = Vec::new();
    loop {
        all.append(&mut page.items);
        let Some(last) = page.next.filter(|_| page.has_more) else { return all };
        page = place.payments().events_after(After::Id(&last)).await.unwrap();
    }
}

async fn movements(place: &dyn Place, since: UnixMs) -> Vec<MoneyMovement> {
    let mut page = place.payments().movements_after(After::Time(since)).await.unwrap();
    let mut all = Vec::new();
    loop {
        all.append(&mut page.items);
        let Some(last) = page.next.filter(|_| page.has_more) else { return all };
        page = place.payments().movements_after(After::Id(&last)).await.unwrap();
    }
}

/// Payments after a time are found, those before are not, each once; and each movement leads to its payment.
async fn lists_are_walked_once(place: &dyn Place) {
    place.pass_s(100);
    let since = place.now();
    let count = 120;
    let mut paid = BTreeSet::new();
    for number in 0..count {
        paid.insert(bought(place, &format!("order-w{number}"), 1_000).await.1);
    }
    let told = events(place, since).await;
    let ids: BTreeSet<_> = told.iter().map(|hint| hint.event.clone()).collect();
    assert_eq!(ids.len(), told.len(), "each event once");
    let mut named = BTreeSet::new();
    for hint in &told {
        let Subject::Payment(payment) = &hint.subject else { continue };
        named.extend(read(place, payment).await.payment);
    }
    assert_eq!(named, paid, "the payments since then, and no earlier one");
    let newest = told.last().unwrap();
    let rest = place.payments().events_after(After::Id(&newest.event)).await.unwrap();
    assert_eq!((rest.items.len(), rest.next, rest.has_more), (0, None, false));
    let moved = movements(place, since).await;
    assert_eq!(moved.len(), count, "one movement for each payment");
    let by_id: BTreeSet<&MovementId> = moved.iter().map(|movement| &movement.id).collect();
    assert_eq!(by_id.len(), count, "each once");
    let mut met = BTreeSet::new();
    for movement in &moved {
        assert_eq!(movement.net.minor(), movement.amount.minor() - movement.fee.minor());
        let state = read(place, &movement.subject().unwrap()).await;
        assert!(state.movements.contains(movement), "{movement:?} is not in {state:?}");
        met.extend(state.payment);
    }
    assert_eq!(met, paid);
    let last = &moved.last().unwrap().id;
    assert_eq!(place.payments().movements_after(After::Id(last)).await.unwrap().items.len(), 0);
}

#[tokio::test]
async fn the_sandbox_conforms() {
    let start = UnixMs::new(1_780_000_000_000);
    let sandbox = Sandbox::new(MARKER.parse().unwrap(), "http://127.0.0.1/pay/".to_owned(), start);
    conforms(&Play { sandbox, now_ms: AtomicU64::new(start.get()) }).await;
}

#[tokio::test]
async fn the_adapter_for_stripe_conforms() {
    let double = StripeDouble::start().unwrap();
    let stripe = adapter(&double, "rk_test_double", MARKER);
    conforms(&Real { double, stripe }).await;
}
