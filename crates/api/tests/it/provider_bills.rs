//! Requests through the whole application, and bills of doubled vendors for exactly what the answers said.

use crate::app::{Answer, TestApp};
use opencredits_catalog::Catalog;
use opencredits_keys::Secret;
use opencredits_providers::Vendors;
use opencredits_providers::http::{Client, Settings};
use opencredits_service::config::Config;
use opencredits_service::provider_bills::{BilledVendor, ProviderReconciliation, ReconcileParts, ReconcileTerms};
use opencredits_testkit::bills::{ADMIN_KEY, BillForm, BilledItem, BillingDouble};
use opencredits_units::PicoUsd;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// 21 September 2026, the day of the application's clock.
const DAY: u64 = 20_717;
const TWO_DAYS: Duration = Duration::from_secs(2 * 86_400);
/// The prices of both sandbox models, in pico-dollars per token, by the classes of their bills.
const CHAT: [(&str, i128); 3] = [("input", 400_000), ("cached input", 100_000), ("output", 1_600_000)];
const MESSAGES: [(&str, i128); 5] = [
    ("uncached_input_tokens", 1_000_000),
    ("cache_read_input_tokens", 100_000),
    ("cache_creation.ephemeral_5m_input_tokens", 1_250_000),
    ("cache_creation.ephemeral_1h_input_tokens", 2_000_000),
    ("output_tokens", 5_000_000),
];

fn count(answer: &Value, path: &str) -> i128 {
    i128::from(answer.pointer(path).and_then(Value::as_u64).unwrap_or(0))
}

/// Tokens of each class, as the answer of the chat API says.
fn chat_counts(answer: &Answer) -> [i128; 3] {
    let answer = answer.json();
    let cached = count(&answer, "/usage/prompt_tokens_details/cached_tokens");
    let [input, output] = ["/usage/prompt_tokens", "/usage/completion_tokens"].map(|path| count(&answer, path));
    [input - cached, cached, output]
}

/// The same for the messages API.
fn message_counts(answer: &Answer) -> [i128; 5] {
    let answer = answer.json();
    [
        "/usage/input_tokens",
        "/usage/cache_read_input_tokens",
        "/usage/cache_creation/ephemeral_5m_input_tokens",
        "/usage/cache_creation/ephemeral_1h_input_tokens",
        "/usage/output_tokens",
    ]
    .map(|path| count(&answer, path))
}

fn added<const N: usize>(sums: &mut [i128; N], counts: [i128; N]) {
    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
}

/// The vendor's bill for so many tokens, of which a class may cost some percent more.
fn bill(model: &str, prices: &[(&str, i128)], counts: &[i128], dearer: Option<(&str, i128)>) -> Vec<BilledItem> {
    let used = prices.iter().zip(counts).filter(|(_, count)| **count > 0);
    used.map(|((class, price), count)| {
        let percent = dearer.filter(|(of, _)| of == class).map_or(100, |(_, percent)| percent);
        let usd = PicoUsd::new(count * price * percent / 100).to_string();
        BilledItem::new(DAY, model, class, &usd, u64::try_from(*count).unwrap())
    })
    .collect()
}

fn reconciliation(app: &TestApp, doubles: &[(&str, &BillingDouble)]) -> ProviderReconciliation {
    let texts: Vec<String> = doubles.iter().map(|(id, double)| double.vendor_toml(id)).collect();
    let vendors = Vendors::default().with_operator(&texts.join("\n")).unwrap();
    let key = || Some(Secret::new(ADMIN_KEY.to_owned()));
    let mut config = Config::default();
    // The figures of a few requests are small.
    config.reconcile.minimum_usd = "0.000001".parse().unwrap();
    ProviderReconciliation::new(ReconcileParts {
        usage: app.app.gateway.usage().clone(),
        bills: app.store.clone(),
        get: Arc::new(Client::new(Settings::default()).unwrap()),
        clock: app.fixed.clone(),
        terms: ReconcileTerms {
            vendors: vendors.iter().map(|vendor| BilledVendor::new(vendor.clone(), key())).collect(),
            catalog: Catalog::builtin().unwrap().with_sandbox().unwrap(),
            settings: (&config.reconcile).into(),
        },
    })
}

#[tokio::test]
async fn what_answers_said_is_what_is_booked_and_a_bill_that_says_more_of_a_class_differs_there() {
    let app = TestApp::new().await;
    let (_, key) = app.person(10).await;
    let (mut chats, mut messages) = ([0; 3], [0; 5]);
    let long = "the same beginning of many requests ".repeat(300);
    for n in 0..8 {
        let turns =
            json!([{"role": "system", "content": long}, {"role": "user", "content": format!("Tell me about {n}")}]);
        let chat = json!({"model": "sandbox/gpt", "max_tokens": 200, "messages": turns});
        let answer = app.post("/v1/chat/completions", &key, &chat).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        added(&mut chats, chat_counts(&answer));
        let system = json!([{"type": "text", "text": long, "cache_control": {"type": "ephemeral"}}]);
        let turns = json!([{"role": "user", "content": format!("Tell me about {n}")}]);
        let message = json!({"model": "sandbox/claude", "max_tokens": 200, "system": system, "messages": turns});
        let answer = app.post("/v1/messages", &key, &message).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        added(&mut messages, message_counts(&answer));
    }
    assert!(chats[0] > 1_000 && messages[2] + messages[1] > 1_000, "{chats:?} {messages:?}");
    app.pass(TWO_DAYS);
    let (costs, usage) =
        (BillingDouble::start(BillForm::Costs).unwrap(), BillingDouble::start(BillForm::Usage).unwrap());
    let reconciliation = reconciliation(&app, &[("sandbox-chat", &costs), ("sandbox-messages", &usage)]);
    costs.set_bill(bill("gpt-2026-01-31", &CHAT, &chats, None));
    usage.set_bill(bill("claude-20260131", &MESSAGES, &messages, None));
    let report = reconciliation.reconcile_day(DAY).await.unwrap();
    assert!(report.failures.is_empty() && report.not_billed.is_empty(), "{report:?}");
    assert_eq!(report.totals.len(), 2);
    // Each request is rounded up to a nano-dollar.
    assert!(report.rows.iter().all(|row| row.difference.amount.get().abs() <= 16 && !row.beyond), "{report:?}");
    let of_messages = report.rows.iter().filter(|row| row.key.vendor == "sandbox-messages");
    assert!(of_messages.clone().count() >= 3 && of_messages.clone().all(|row| row.our_quantity == row.their_quantity));
    assert!(!report.is_beyond());

    usage.set_bill(bill("claude-20260131", &MESSAGES, &messages, Some(("output_tokens", 103))));
    let report = reconciliation.reconcile_day(DAY).await.unwrap();
    let beyond: Vec<_> = report.rows.iter().filter(|row| row.beyond).collect();
    assert_eq!(beyond.len(), 1, "{report:?}");
    let key = &beyond[0].key;
    assert_eq!((&*key.vendor, &*key.model, key.class.name()), ("sandbox-messages", "claude", "output"));
    assert_eq!(beyond[0].difference.bps, 291);
}
