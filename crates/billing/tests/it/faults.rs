//! What goes wrong on the way to Stripe, whose fault it is said to be, and what helps.

use crate::support::{adapter, bought, read, request, setup};
use opencredits_billing::{Fault, PaymentError, PaymentRef, Payments as _, Retry, Stripe, StripeKey, StripeSettings};
use opencredits_testkit::stripe::{StripeDouble, StripeFault};

fn check(error: &PaymentError, fault: Fault, retry: Retry) {
    assert_eq!((error.fault(), error.retry()), (fault, retry), "{error}");
}

async fn create(double: &StripeDouble, stripe: &Stripe, attempt: u32) -> Result<String, PaymentError> {
    let mut wanted = request(double, "order-1", 1_000);
    wanted.attempt = attempt;
    stripe.create_checkout(&wanted).await.map(|page| page.session.to_string())
}

#[tokio::test]
async fn a_stored_failure_is_met_by_a_new_attempt() {
    let (double, stripe) = setup();
    double.fail_next(1, StripeFault::StoredFailure);
    for _ in 0..2 {
        let error = create(&double, &stripe, 1).await.unwrap_err();
        check(&error, Fault::Processor, Retry::NewAttempt);
    }
    assert!(create(&double, &stripe, 2).await.is_ok());
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let (double, stripe) = setup();
    double.fail_next(1, StripeFault::LostAnswer);
    let first = create(&double, &stripe, 1).await.unwrap();
    assert_eq!(create(&double, &stripe, 1).await.unwrap(), first);
    assert_eq!(double.objects("checkout.session").len(), 1);
    let keys: Vec<_> = double.requests().into_iter().map(|request| request.key).collect();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1] && pair[0].is_some()), "{keys:?}");
}

#[tokio::test]
async fn patience_is_asked_for_as_long_as_stripe_says() {
    let (double, stripe) = setup();
    double.fail_next(1, StripeFault::TooMany { retry_after_s: 7 });
    let error = create(&double, &stripe, 1).await.unwrap_err();
    check(&error, Fault::Processor, Retry::SameKey { after_ms: 7_000 });
    assert!(create(&double, &stripe, 1).await.is_ok());
}

#[tokio::test]
async fn a_failure_before_the_api_keeps_the_key() {
    let (double, stripe) = setup();
    double.fail_next(1, StripeFault::Unavailable);
    let error = create(&double, &stripe, 1).await.unwrap_err();
    check(&error, Fault::Processor, Retry::SameKey { after_ms: 1_000 });
}

#[tokio::test]
async fn silence_ends_after_five_seconds() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    double.fail_next(1, StripeFault::TimeOut);
    let before = double.requests().len();
    let payment = PaymentRef::from_id(&payment).unwrap();
    let waiting = stripe.payment(&payment);
    let error = tokio::time::timeout(std::time::Duration::from_secs(8), waiting).await.unwrap().unwrap_err();
    check(&error, Fault::Processor, Retry::SameKey { after_ms: 1_000 });
    assert_eq!(double.requests().len(), before + 1);
}

#[tokio::test]
async fn nobody_listening_is_an_error_and_not_a_panic() {
    let mut settings = StripeSettings::new(StripeKey::new("rk_test_a").unwrap(), "instance-1".parse().unwrap());
    settings.base_url = "http://127.0.0.1:9".to_owned();
    let stripe = Stripe::new(settings).unwrap();
    let error = stripe.payment(&PaymentRef::from_id("pi_1").unwrap()).await.unwrap_err();
    check(&error, Fault::Processor, Retry::SameKey { after_ms: 1_000 });
}

#[tokio::test]
async fn a_key_of_the_other_mode_is_our_fault() {
    let (double, _) = setup();
    let stripe = adapter(&double, "rk_live_double", "instance-1");
    let error = create(&double, &stripe, 1).await.unwrap_err();
    assert!(matches!(error, PaymentError::Credentials { status: 401, .. }), "{error}");
    check(&error, Fault::Us, Retry::Never);
}

#[tokio::test]
async fn an_attempt_with_other_parameters_is_our_fault() {
    let (double, stripe) = setup();
    create(&double, &stripe, 1).await.unwrap();
    let error = stripe.create_checkout(&request(&double, "order-1", 2_000)).await.unwrap_err();
    assert!(matches!(&error, PaymentError::Refused { code, .. } if code == "idempotency_error"), "{error}");
    check(&error, Fault::Us, Retry::Never);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let (_double, stripe) = setup();
    for id in ["cs_test_none", "pi_none", "ch_none", "re_none", "du_none", "issfr_none"] {
        let error = stripe.payment(&PaymentRef::from_id(id).unwrap()).await.unwrap_err();
        assert!(matches!(&error, PaymentError::NotFound { object, .. } if object == id), "{error}");
    }
}

#[tokio::test]
async fn words_that_stripe_adds_fail_nothing() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    let dispute = double.dispute(&payment, 400, "needs_response");
    let refund = double.refund(&payment, 100, "succeeded");
    for (id, pointer) in [(&dispute, "/status"), (&dispute, "/reason"), (&refund, "/status")] {
        double.edit(id, pointer, "a_word_of_2027".into());
    }
    let state = read(&stripe, &payment).await;
    // The money of the dispute is gone, so it is frozen until somebody knows what the word means.
    let position = crate::support::position(&state, 100, 1_000).unwrap();
    assert_eq!((position.taken, position.frozen), (10, 40));
}

#[test]
fn the_key_is_never_printed() {
    let key = StripeKey::new("rk_test_never_printed").unwrap();
    let settings = StripeSettings::new(key, "instance-1".parse().unwrap());
    assert!(!format!("{settings:?}").contains("never_printed"));
}
