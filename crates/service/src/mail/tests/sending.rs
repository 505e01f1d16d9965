//! How mails are put in and sent.

use super::{ADDRESS, MINUTE_MS, Office, START_MS, ada, receipt, refund, top_up_failed};
use crate::mail::{Bounces, Enqueued, MailFault, MailQueue, Round};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac};
use opencredits_email::{MailError, RefusedPart, Signed, WebhookSecrets};
use opencredits_store::{MailCounts, NewMail, Outbox, UserEmails};
use opencredits_units::{UnixMs, UserId};
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;

const SENT: Round = Round { sent: 1, retried: 0, failed: 0 };
const RETRIED: Round = Round { sent: 0, retried: 1, failed: 0 };
const FAILED: Round = Round { sent: 0, retried: 0, failed: 1 };

#[tokio::test]
async fn each_cause_is_mailed_once() {
    let office = Office::open().await;
    let (queue, dispatcher) = (office.queue(), office.dispatcher());
    for expect in [Enqueued::New, Enqueued::Before] {
        assert_eq!(queue.receipt(ada().id, "pay_1", receipt()).await.unwrap(), expect);
        assert_eq!(queue.refund(ada().id, "pay_1", refund()).await.unwrap(), expect, "another kind");
        assert_eq!(queue.top_up_failed(ada().id, "pay_2", top_up_failed()).await.unwrap(), expect);
    }
    assert_eq!(dispatcher.round().await.unwrap(), Round { sent: 3, ..Round::default() });
    assert_eq!(dispatcher.round().await.unwrap(), Round::default());
    let taken = office.mailer.taken();
    let mut subjects: Vec<&str> = taken.iter().map(|message| message.subject.as_str()).collect();
    subjects.sort_unstable();
    let expect =
        ["You bought 2,000 credits", "You were refunded $5.00", "Your automatic top-up of $20.00 was declined"];
    assert_eq!(subjects, expect);
    assert!(taken.iter().all(|message| message.envelope.to.as_str() == ADDRESS));
    assert_eq!(queue.receipt(ada().id, "pay_1", receipt()).await.unwrap(), Enqueued::Before, "nor after it was sent");
}

#[tokio::test]
async fn a_mail_without_a_cause_or_a_person_is_refused() {
    let office = Office::open().await;
    for cause in [String::new(), "x".repeat(201)] {
        let refused = office.queue().receipt(ada().id, &cause, receipt()).await;
        assert!(matches!(refused, Err(MailFault::Cause)));
    }
    let nobody = office.queue().receipt(UserId::from_bits(9), "pay_1", receipt()).await;
    assert!(matches!(nobody, Err(MailFault::Store(_))));
}

#[tokio::test]
async fn without_a_mail_server_nothing_gathers() {
    let office = Office::open().await;
    let queue = MailQueue::new(None, office.clock.clone(), office.entropy.clone());
    assert_eq!(queue.receipt(ada().id, "pay_1", receipt()).await.unwrap(), Enqueued::Off);
    assert_eq!(office.store.counts(UnixMs::new(START_MS)).await.unwrap(), MailCounts::default());
}

#[tokio::test]
async fn the_address_is_that_of_the_time_of_sending() {
    let office = Office::open().await;
    office.queue().receipt(ada().id, "pay_1", receipt()).await.unwrap();
    office.store.set_email(ada().id, "new@example.org").await.unwrap();
    assert_eq!(office.dispatcher().round().await.unwrap(), SENT);
    assert_eq!(office.mailer.taken()[0].envelope.to.as_str(), "new@example.org");
}

#[tokio::test]
async fn a_busy_server_is_tried_again_later_and_later_and_a_mail_ends_after_five_days() {
    let office = Office::open().await;
    let dispatcher = office.dispatcher();
    office.queue().receipt(ada().id, "pay_1", receipt()).await.unwrap();
    office.mailer.answer(MailError::Unreachable);
    assert_eq!(dispatcher.round().await.unwrap(), RETRIED);
    assert_eq!(dispatcher.round().await.unwrap(), Round::default(), "not at once");
    office.clock.advance(MINUTE_MS);
    office.mailer.answer(MailError::Busy { code: 429, wait: Some(Duration::from_secs(1_800)) });
    assert_eq!(dispatcher.round().await.unwrap(), RETRIED);
    office.clock.advance(29 * MINUTE_MS);
    assert_eq!(dispatcher.round().await.unwrap(), Round::default(), "not before the server wants it");
    office.clock.advance(2 * MINUTE_MS);
    office.mailer.answer(MailError::TimedOut { limit_ms: 1 });
    assert_eq!(dispatcher.round().await.unwrap(), RETRIED);
    office.clock.advance(5 * UnixMs::DAY_MS);
    office.mailer.answer(MailError::Unreachable);
    assert_eq!(dispatcher.round().await.unwrap(), FAILED);
    assert_eq!(office.mailer.taken(), []);
}

#[tokio::test]
async fn wrong_settings_cost_no_mail() {
    let office = Office::open().await;
    let dispatcher = office.dispatcher();
    office.queue().receipt(ada().id, "pay_1", receipt()).await.unwrap();
    for _ in 0..40 {
        office.mailer.answer(MailError::Configuration { problem: "the password is wrong" });
        assert_eq!(dispatcher.round().await.unwrap(), RETRIED);
        office.clock.advance(5 * MINUTE_MS);
    }
    assert_eq!(dispatcher.round().await.unwrap(), SENT, "once they are mended, it is sent within minutes");
}

#[tokio::test]
async fn a_refused_recipient_is_flagged_and_a_refused_message_is_not() {
    let office = Office::open().await;
    let (queue, dispatcher) = (office.queue(), office.dispatcher());
    let bounced = async || office.store.email_of(ada().id).await.unwrap().unwrap().bounced_at.is_some();
    queue.receipt(ada().id, "pay_1", receipt()).await.unwrap();
    office.mailer.answer(MailError::Refused { code: 554, part: RefusedPart::Message });
    assert_eq!(dispatcher.round().await.unwrap(), FAILED);
    assert!(!bounced().await);
    queue.receipt(ada().id, "pay_2", receipt()).await.unwrap();
    office.mailer.answer(MailError::Refused { code: 550, part: RefusedPart::Recipient });
    assert_eq!(dispatcher.round().await.unwrap(), FAILED);
    assert!(bounced().await);
    queue.receipt(ada().id, "pay_3", receipt()).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), FAILED, "nothing more is sent there");
    office.store.set_email(ada().id, "new@example.org").await.unwrap();
    queue.receipt(ada().id, "pay_4", receipt()).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), SENT);
    office.store.remove_email(ada().id).await.unwrap();
    queue.receipt(ada().id, "pay_5", receipt()).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), FAILED, "nor to nobody");
    assert_eq!(office.mailer.taken().len(), 1);
}

#[tokio::test]
async fn a_row_that_is_no_letter_is_given_up_and_holds_up_nobody() {
    let office = Office::open().await;
    let (id, user, created_at) = (opencredits_units::Id::from_bits(5), ada().id, UnixMs::new(START_MS));
    let (kind, cause) = ("receipt".to_owned(), "old".to_owned());
    let broken = NewMail { id, kind, cause, user, parameters: "{\"kind\":\"none\"}".to_owned(), created_at };
    office.store.enqueue(&broken).await.unwrap();
    office.queue().receipt(ada().id, "pay_1", receipt()).await.unwrap();
    assert_eq!(office.dispatcher().round().await.unwrap(), Round { sent: 1, retried: 0, failed: 1 });
}

#[tokio::test]
async fn what_was_sent_is_forgotten_after_its_time() {
    let office = Office::open().await;
    let dispatcher = office.dispatcher();
    office.queue().receipt(ada().id, "pay_1", receipt()).await.unwrap();
    dispatcher.round().await.unwrap();
    office.clock.advance(30 * UnixMs::DAY_MS);
    assert_eq!(dispatcher.forget().await.unwrap(), 0);
    office.clock.advance(1);
    assert_eq!(dispatcher.forget().await.unwrap(), 1);
    assert_eq!(office.queue().receipt(ada().id, "pay_1", receipt()).await.unwrap(), Enqueued::Before);
}

/// Every text in every row, with the name of its field.
fn texts(value: &serde_json::Value, name: &str, found: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::String(text) => found.push((name.to_owned(), text.clone())),
        serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| texts(value, name, found)),
        serde_json::Value::Array(values) => values.iter().for_each(|value| texts(value, name, found)),
        _ => {}
    }
}

#[tokio::test]
async fn a_row_has_no_address_no_code_and_no_link() {
    let office = Office::open().await;
    let queue = office.queue();
    queue.receipt(ada().id, "pay_1", receipt()).await.unwrap();
    queue.top_up_failed(ada().id, "pay_1", top_up_failed()).await.unwrap();
    queue.refund(ada().id, "pay_1", refund()).await.unwrap();
    let now = UnixMs::new(START_MS);
    for mail in office.store.lease(9, now, now).await.unwrap() {
        assert!(!mail.parameters.contains(['@', '/', '?']), "{}", mail.parameters);
        let mut found = Vec::new();
        texts(&serde_json::from_str(&mail.parameters).unwrap(), "", &mut found);
        for (name, text) in found {
            // Names of enums, amounts, codes of currencies, numbers of orders; a reference cannot be a link by its type.
            let is_word = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let is_amount = text.parse::<opencredits_units::NanoUsd>().is_ok();
            assert!(is_word || is_amount || name == "order", "{name}: {text}");
        }
    }
    assert!("https://pay.example/x?token=1".parse::<opencredits_email::Reference>().is_err());
}

#[tokio::test]
async fn a_signed_bounce_flags_the_person_and_an_unsigned_one_does_not() {
    let office = Office::open().await;
    let key = [7_u8; 24];
    let secrets = WebhookSecrets::new([STANDARD.encode(key).as_str()]).unwrap();
    let bounces = Bounces::new(secrets, Arc::new(office.store.clone()), office.clock.clone());
    let take = async |kind: &str, key: &[u8]| {
        let body =
            format!(r#"{{"type":"email.bounced","data":{{"to":["ADA@example.org"],"bounce":{{"type":"{kind}"}}}}}}"#);
        let timestamp = (START_MS / 1_000).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(format!("msg_1.{timestamp}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let signed = Signed { id: "msg_1", timestamp: &timestamp, signature: &signature, body: body.as_bytes() };
        bounces.take(&signed).await
    };
    let bounced = async || office.store.email_of(ada().id).await.unwrap().unwrap().bounced_at.is_some();
    assert!(take("Permanent", &[8; 24]).await.is_err());
    assert_eq!(take("Transient", &key).await.unwrap(), 0);
    assert!(!bounced().await);
    assert_eq!(take("Permanent", &key).await.unwrap(), 1);
    assert!(bounced().await);
}
