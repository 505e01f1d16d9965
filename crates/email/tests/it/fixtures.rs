//! Letters and envelopes of all kinds.

use opencredits_email::{
    AlarmLetter, AlarmNews, Currency, DeletionScheduled, Envelope, Letter, LimitLevel, LimitReached, LimitedParty,
    LowBalance, Message, MessageId, Paid, PolicyChanged, Receipt, Refund, Site, Templates, TopUp, TopUpFailed,
    TopUpFault,
};
use opencredits_units::{CreditPrice, NanoUsd, UnixMs};

pub(crate) const NOW: UnixMs = UnixMs::new(1_790_000_000_000);

pub(crate) fn usd(cents: i64) -> NanoUsd {
    NanoUsd::new(cents * 10_000_000)
}

pub(crate) fn paid(minor_units: u64, currency: &str) -> Paid {
    let currency: Currency = currency.parse().unwrap();
    Paid { minor_units, currency }
}

pub(crate) fn site() -> Site {
    Site { name: "Acme".into(), url: "https://acme.example".into(), credit_price: CreditPrice::default() }
}

pub(crate) fn envelope(to: &str, local_id: &str) -> Envelope {
    Envelope {
        from: "Acme Credits <mail@acme.example>".parse().unwrap(),
        reply_to: None,
        to: to.parse().unwrap(),
        id: MessageId::new(local_id, "acme.example").unwrap(),
        date: NOW,
    }
}

/// A letter of every kind and every branch of its template.
pub(crate) fn letters() -> Vec<Letter> {
    let receipt = Receipt {
        credits: usd(2_000),
        bonus: NanoUsd::ZERO,
        debt_settled: NanoUsd::ZERO,
        paid: paid(2_000, "usd"),
        fee: None,
        top_up: TopUp::ByHand,
        order: "order_7".parse().unwrap(),
        paid_at: NOW,
    };
    let automatic = Receipt {
        bonus: usd(100),
        debt_settled: NanoUsd::ZERO,
        paid: paid(2_110, "eur"),
        fee: Some(paid(110, "eur")),
        top_up: TopUp::Automatic,
        ..receipt.clone()
    };
    let limit = LimitReached {
        whose: LimitedParty::Key,
        name: "laptop".into(),
        level: LimitLevel::Most,
        limit: usd(500),
        spent: usd(401),
    };
    let all = LimitReached { level: LimitLevel::All, spent: usd(500), ..limit.clone() };
    let declined =
        TopUpFailed { amount: paid(2_000, "usd"), fault: TopUpFault::Declined, order: "order_8".parse().unwrap() };
    let action = TopUpFailed { fault: TopUpFault::ActionRequired, ..declined.clone() };
    let refund = Refund {
        refunded: paid(1_000, "usd"),
        credits: usd(1_000),
        debt: NanoUsd::ZERO,
        order: "order_7".parse().unwrap(),
    };
    let short = Refund { credits: usd(900), debt: usd(100), ..refund.clone() };
    vec![
        Letter::Receipt(receipt),
        Letter::Receipt(automatic),
        Letter::LowBalance(LowBalance { balance: usd(180), threshold: usd(200) }),
        Letter::LimitReached(limit),
        Letter::LimitReached(LimitReached { whose: LimitedParty::App, name: "Notes".into(), ..all.clone() }),
        Letter::LimitReached(LimitReached { whose: LimitedParty::Person, ..all.clone() }),
        Letter::LimitReached(all),
        Letter::TopUpFailed(declined),
        Letter::TopUpFailed(action),
        Letter::DeletionScheduled(DeletionScheduled { due_at: NOW, balance: usd(1_250) }),
        Letter::DeletionScheduled(DeletionScheduled { due_at: NOW, balance: NanoUsd::ZERO }),
        Letter::PolicyChanged(PolicyChanged {
            version: "2026-12".into(),
            effective_at: NOW,
            summary: "We keep requests for a year, and <no longer>.".to_owned(),
        }),
        alarm(AlarmNews::Fired, "vendor house"),
        alarm(AlarmNews::Repeated, ""),
        alarm(AlarmNews::Resolved, "vendor house"),
        alarm(AlarmNews::Test, ""),
        Letter::Refund(refund),
        Letter::Refund(short),
    ]
}

fn alarm(news: AlarmNews, about: &str) -> Letter {
    Letter::Alarm(AlarmLetter {
        news,
        alarm: "OpenCreditsVendorRefusesAccount".into(),
        severity: "page".into(),
        about: about.into(),
        summary: "house refuses our own account".to_owned(),
        since: NOW,
        at: NOW.saturating_add_ms(600_000),
    })
}

pub(crate) fn message(to: &str, local_id: &str) -> Message {
    let letter = &letters()[0];
    Templates::new().unwrap().render(letter, &site(), envelope(to, local_id)).unwrap()
}
