//! Charges that the operator gives back, within what was charged.

use crate::app::TestApp;
use opencredits_service::accounts::{AccountsError, Corrected, Correction, CorrectionKind};
use opencredits_service::books;
use opencredits_units::{EntryId, GenerationId, NanoUsd, UnixMs};
use serde_json::json;

async fn charged(app: &TestApp, key: &str) -> GenerationId {
    let body = json!({"model": "sandbox/gpt", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]});
    let answer = app.post("/v1/chat/completions", key, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.header("x-generation-id").parse().unwrap()
}

fn id(number: u8) -> EntryId {
    EntryId::at(UnixMs::new(1_790_000_000_000), [number; 10])
}

async fn refund(
    app: &TestApp,
    (user, of): (&str, GenerationId),
    (nano, entry): (i64, EntryId),
) -> Result<Corrected, AccountsError> {
    let (kind, amount) = (CorrectionKind::Refund(of), NanoUsd::new(nano));
    let (user, reason) = (user.to_owned(), "it was cut short".to_owned());
    app.accounts.correct(Correction { user, kind, amount, id: Some(entry), reason }).await
}

fn refused(done: Result<Corrected, AccountsError>, field: &str) {
    match done {
        Err(AccountsError::Invalid { field: named, .. }) => assert_eq!(named, field),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_refunds_of_a_request_never_exceed_its_charge_and_each_is_made_once() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let before = app.available(&user);
    let of = charged(&app, &key).await;
    let charge = before - app.available(&user);
    let part = charge / 3;
    for _ in 0..2 {
        refund(&app, (&user.label, of), (part, id(1))).await.unwrap();
        assert_eq!(app.available(&user), before - charge + part, "under one id it is given back once");
    }
    refused(refund(&app, (&user.label, of), (charge - part + 1, id(2))).await, "the amount");
    assert_eq!(app.available(&user), before - charge + part, "a refusal moves nothing");
    refund(&app, (&user.label, of), (charge - part, id(2))).await.unwrap();
    assert_eq!(app.available(&user), before);
    refused(refund(&app, (&user.label, of), (1, id(3))).await, "the amount");
    refund(&app, (&user.label, of), (part, id(1))).await.unwrap();
    assert_eq!(app.available(&user), before, "a repetition gives nothing more, though nothing is left");
    // Another request has its own charge.
    let next = charged(&app, &key).await;
    refund(&app, (&user.label, next), (1, id(4))).await.unwrap();
    let changes = app.accounts.changes(EntryId::default(), 100).await.unwrap();
    assert_eq!(changes.iter().filter(|change| change.action == "credits.refund").count(), 3);
    let sheet = app.accounts.balance_sheet(None).await.unwrap();
    assert_eq!(sheet.difference, NanoUsd::ZERO);
    assert!(sheet.lines.iter().all(|line| line.name != "accounts of nobody" || line.amount == NanoUsd::ZERO));
    app.settled();
}

#[tokio::test]
async fn a_refund_is_of_a_charge_that_the_person_paid() {
    let app = TestApp::new().await;
    let (user, key) = app.person(10).await;
    let (other, _) = app.person(10).await;
    let of = charged(&app, &key).await;
    refused(refund(&app, (&other.label, of), (1, id(1))).await, "the request");
    let nothing = GenerationId::from_bits(id(9).bits());
    refused(refund(&app, (&user.label, nothing), (1, id(1))).await, "the request");
    // A grant is an entry and no charge.
    let entries = app.ledger.entries(EntryId::default(), 100).unwrap();
    let grant = entries.iter().find(|entry| entry.legs.iter().any(|(of, _)| *of == books::PROMOTION)).unwrap();
    refused(refund(&app, (&user.label, GenerationId::from_bits(grant.id.bits())), (1, id(1))).await, "the request");
    app.settled();
}
