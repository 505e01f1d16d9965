//! Whose events are believed.

use opencredits_billing::{PaymentError, SignatureProblem, TOLERANCE_MS, WebhookSecret, verify_signature};
use opencredits_testkit::stripe::sign;
use opencredits_units::UnixMs;

const BODY: &[u8] = br#"{"id":"evt_1"}"#;
const NOW_S: u64 = 1_780_000_000;

fn check(header: &str, secrets: &[&str], expected: Result<(), SignatureProblem>) {
    let secrets: Vec<_> = secrets.iter().map(|secret| WebhookSecret::new(secret).unwrap()).collect();
    let got = verify_signature(BODY, header, &secrets, UnixMs::new(NOW_S * 1_000), TOLERANCE_MS).map(|_| ());
    assert_eq!(got, expected.map_err(PaymentError::Signature), "{header}");
}

#[test]
fn promise_05_a_signature_holds_for_its_secret_and_its_time() {
    use SignatureProblem::{MalformedHeader, NoMatch, TooNew, TooOld};
    let good = sign(BODY, "whsec_a", NOW_S);
    let digest = good.split_once("v1=").unwrap().1.to_owned();
    let wrong = "0".repeat(64);
    check(&good, &["whsec_a"], Ok(()));
    check(&good, &["whsec_b", "whsec_a"], Ok(()));
    check(&good, &["whsec_b"], Err(NoMatch));
    check(&good, &[], Err(NoMatch));
    check(&format!("t={NOW_S},v1={wrong},v1={digest}"), &["whsec_a"], Ok(()));
    check(&format!("t={NOW_S},v0={digest}"), &["whsec_a"], Err(MalformedHeader));
    check(&format!("t={},v1={digest}", NOW_S + 1), &["whsec_a"], Err(NoMatch));
    check(&format!("v1={digest}"), &["whsec_a"], Err(MalformedHeader));
    check(&format!("t=now,v1={digest}"), &["whsec_a"], Err(MalformedHeader));
    check(&format!("t={NOW_S},v1={}", &digest[..62]), &["whsec_a"], Err(MalformedHeader));
    check("", &["whsec_a"], Err(MalformedHeader));
    check(&format!("t={NOW_S},v1={digest}{}", ",v1=x".repeat(2_000)), &["whsec_a"], Err(MalformedHeader));
    check(&sign(BODY, "whsec_a", NOW_S - 300), &["whsec_a"], Ok(()));
    check(&sign(BODY, "whsec_a", NOW_S - 301), &["whsec_a"], Err(TooOld));
    check(&sign(BODY, "whsec_a", NOW_S + 300), &["whsec_a"], Ok(()));
    check(&sign(BODY, "whsec_a", NOW_S + 301), &["whsec_a"], Err(TooNew));
    check(&sign(b"{}", "whsec_a", NOW_S), &["whsec_a"], Err(NoMatch));
}

#[test]
fn a_blank_secret_cannot_be_made() {
    for blank in ["", " ", "\n", "\t "] {
        assert!(WebhookSecret::new(blank).is_err(), "{blank:?}");
    }
}
