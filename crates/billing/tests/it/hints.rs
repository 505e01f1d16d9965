//! What events point at.

use crate::support::{bought, setup};
use opencredits_billing::{
    Hint, Mode, PaymentError, PaymentRef, Subject, TOLERANCE_MS, WebhookSecret, verify_signature,
};
use opencredits_testkit::stripe::sign;
use opencredits_units::UnixMs;
use serde_json::{Value, json};

const NOW_S: u64 = 1_780_000_000;

pub(crate) fn parse(body: &str) -> Result<Hint, PaymentError> {
    let secrets = [WebhookSecret::new("whsec_a").unwrap()];
    let header = sign(body.as_bytes(), "whsec_a", NOW_S);
    let now = UnixMs::new(NOW_S * 1_000);
    Hint::parse(&verify_signature(body.as_bytes(), &header, &secrets, now, TOLERANCE_MS).unwrap())
}

fn check(body: &Value, subject: Option<&str>) -> Hint {
    let hint = parse(&body.to_string()).unwrap();
    let expected = subject.map_or(Subject::Other, |id| Subject::Payment(PaymentRef::from_id(id).unwrap()));
    assert_eq!(hint.subject, expected, "{body}");
    hint
}

fn snapshot(object: &Value) -> Value {
    json!({"id": "evt_1", "object": "event", "type": "a.b", "livemode": false, "data": {"object": object}})
}

#[test]
fn a_snapshot_points_at_its_object() {
    for id in ["cs_test_1", "pi_1", "ch_1", "py_1", "re_1", "pyr_1", "dp_1", "du_1", "issfr_1"] {
        check(&snapshot(&json!({"id": id, "object": "any", "metadata": null})), Some(id));
    }
}

#[test]
fn what_is_no_payment_is_harmless() {
    for object in [json!({}), json!({"id": "cus_1"}), json!({"id": "pi_1/x"}), json!({"id": "x", "metadata": [1]})] {
        check(&snapshot(&object), None);
    }
    check(&json!({"id": "evt_1", "object": "v2.core.event", "type": "v2.x", "livemode": true}), None);
}

#[test]
fn a_thin_event_points_at_what_it_names() {
    let body = json!({"id": "evt_thin_1", "object": "v2.core.event", "type": "v1.checkout.session.completed",
        "livemode": true, "context": null, "related_object": {"id": "cs_live_1", "type": "checkout.session"}});
    let hint = check(&body, Some("cs_live_1"));
    assert_eq!((hint.kind.as_str(), hint.mode, hint.account), ("checkout.session.completed", Mode::Live, None));
}

#[test]
fn an_event_says_whose_it_is_where_it_knows() {
    let metadata = json!({"opencredits_order": "order-1", "opencredits_instance": "instance-1"});
    let hint = check(&snapshot(&json!({"id": "pi_1", "metadata": metadata})), Some("pi_1"));
    assert_eq!(hint.order.unwrap().as_str(), "order-1");
    assert_eq!(hint.marker.unwrap().as_str(), "instance-1");
    let mut connected = snapshot(&json!({"id": "pi_1"}));
    connected["account"] = json!("acct_other");
    assert_eq!(check(&connected, Some("pi_1")).account.as_deref(), Some("acct_other"));
    connected["account"] = Value::Null;
    connected["context"] = json!("org_other");
    assert_eq!(check(&connected, Some("pi_1")).account.as_deref(), Some("org_other"));
}

#[test]
fn a_body_that_is_no_event_is_refused() {
    for body in ["", "[]", "{}", "null", r#"{"id":"evt_1","object":"charge","type":"a","livemode":true}"#] {
        assert_eq!(parse(body), Err(PaymentError::UnreadablePayload), "{body}");
    }
}

#[tokio::test]
async fn a_hint_has_nothing_of_the_person_that_its_event_names() {
    let (double, stripe) = setup();
    let payment = bought(&double, &stripe, 1_000).await;
    double.dispute(&payment, 1_000, "needs_response");
    let named = |text: &str| ["Canary", "buyer@example.com", "4242"].iter().any(|word| text.contains(word));
    let events = double.take_events();
    assert!(events.iter().any(|event| named(&event.snapshot)));
    for event in events {
        assert!(!named(&event.thin), "{}", event.kind);
        for body in [&event.snapshot, &event.thin] {
            let hint = parse(body).unwrap();
            assert!(!named(&format!("{hint:?}")), "{}", event.kind);
            let subject = PaymentRef::from_id(&event.subject).unwrap();
            assert_eq!((hint.kind, hint.subject), (event.kind.clone(), Subject::Payment(subject)));
        }
    }
}
