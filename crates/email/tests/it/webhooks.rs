//! Signed webhooks about bounces.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac};
use opencredits_email::{BounceKind, MailError, Signed, WebhookSecrets};
use opencredits_units::UnixMs;
use sha2::Sha256;

const SECONDS: u64 = 1_790_000_000;
const KEY: &[u8] = b"a key of twenty-four byt";

fn secret_of(key: &[u8]) -> String {
    format!("{}_{}", "whsec", STANDARD.encode(key))
}

fn sign(key: &[u8], body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("msg_1.{SECONDS}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn event(kind: &str, bounce: &str) -> String {
    format!(
        r#"{{"type":"{kind}","created_at":"2026-09-21T14:13:20.000Z","data":{{"email_id":"56761188-7520-42d8-8898-ff6fc54ce618",
        "from":"Acme <mail@acme.example>","to":["Ada <ada@example.org>","no address"],"subject":"You bought 2,000 credits",
        "bounce":{{"message":"no such user","subType":"General","type":"{bounce}"}}}}}}"#
    )
}

#[test]
fn a_signature_that_the_verifier_of_svix_makes_is_taken() {
    // The example of Svix's documentation on verifying by hand.
    let secret = format!("{}_{}", "whsec", "plJ3nmyCDGBKInavdOK15jsl");
    let secrets = WebhookSecrets::new([secret.as_str()]).unwrap();
    let signed = Signed {
        id: "msg_loFOjxBNrRLzqYUf",
        timestamp: "1731705121",
        signature: "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        body: br#"{"event_type":"ping","data":{"success":true}}"#,
    };
    // Its body has no `type`: it is signed, and of another form.
    let read = secrets.bounce(&signed, UnixMs::new(1_731_705_121_000));
    assert!(read.unwrap_err().to_string().contains("is signed"));
}

#[test]
fn what_is_signed_and_fresh_is_read_and_nothing_else() {
    let secrets = WebhookSecrets::new([secret_of(b"another key, of more bytes").as_str(), &secret_of(KEY)]).unwrap();
    let body = event("email.bounced", "Permanent");
    let right = sign(KEY, &body);
    let check = |timestamp: &str, signature: &str, body: &str, now_s: u64, fine: bool| {
        let signed = Signed { id: "msg_1", timestamp, signature, body: body.as_bytes() };
        let read = secrets.bounce(&signed, UnixMs::new(now_s * 1_000));
        assert_eq!(read.is_ok(), fine, "{timestamp} {signature} {now_s}: {read:?}");
    };
    let at = SECONDS.to_string();
    check(&at, &right, &body, SECONDS, true);
    check(&at, &format!("v1,AAAA v2,x {right}"), &body, SECONDS, true);
    check(&at, &right, &body, SECONDS + 300, true);
    check(&at, &right, &body, SECONDS - 300, true);
    check(&at, &right, &body, SECONDS + 301, false);
    check(&at, &right, &body, SECONDS - 301, false);
    check(&at, &right, &body.replace("ada@", "eve@"), SECONDS, false);
    check(&(SECONDS + 1).to_string(), &right, &body, SECONDS, false);
    check("soon", &right, &body, SECONDS, false);
    check("", &right, &body, SECONDS, false);
    check(&at, "", &body, SECONDS, false);
    check(&at, "v1,", &body, SECONDS, false);
    check(&at, &right.replace("v1,", "v2,"), &body, SECONDS, false);
    check(&at, &sign(b"a key of an unknown sender", &body), &body, SECONDS, false);
    check(&at, &right[..20], &body, SECONDS, false);
}

#[test]
fn a_webhook_becomes_a_bounce_or_nothing() {
    let secrets = WebhookSecrets::new([secret_of(KEY).as_str()]).unwrap();
    let check = |body: &str, expect: Option<BounceKind>| {
        let (timestamp, signature) = (SECONDS.to_string(), sign(KEY, body));
        let signed = Signed { id: "msg_1", timestamp: &timestamp, signature: &signature, body: body.as_bytes() };
        let bounce = secrets.bounce(&signed, UnixMs::new(SECONDS * 1_000)).unwrap();
        assert_eq!(bounce.as_ref().map(|bounce| bounce.kind), expect, "{body}");
        if let Some(bounce) = bounce {
            let recipients: Vec<&str> = bounce.recipients.iter().map(|address| address.as_str()).collect();
            assert_eq!(recipients, ["ada@example.org"], "what is no address is left out");
            assert!(!format!("{bounce:?}").contains("ada"));
        }
    };
    check(&event("email.bounced", "Permanent"), Some(BounceKind::Permanent));
    check(&event("email.bounced", "Transient"), Some(BounceKind::Temporary));
    check(&event("email.bounced", "Something new"), Some(BounceKind::Permanent));
    check(&event("email.complained", "Permanent"), Some(BounceKind::Complaint));
    check(&event("email.delivered", "Permanent"), None);
    check(r#"{"type":"contact.created"}"#, None);
    check(r#"{"type":"email.opened","data":{"new":1}}"#, None);
}

#[test]
fn a_blank_or_broken_secret_is_refused() {
    let check = |secrets: &[&str], fine: bool| {
        let made = WebhookSecrets::new(secrets.iter().copied());
        assert_eq!(made.is_ok(), fine, "{secrets:?}");
        assert!(!matches!(made, Err(error) if !matches!(error, MailError::Configuration { .. })));
    };
    let fine = secret_of(KEY);
    check(&[&fine], true);
    check(&[&format!(" {fine}\n")], true);
    check(&[], false);
    check(&[""], false);
    check(&["  "], false);
    check(&[&fine, ""], false);
    check(&[&secret_of(b"short")], false);
    check(&["whsec_"], false);
    check(&["no base64 at all!"], false);
    check(&[&fine, &fine, &fine, &fine, &fine], false);
}
