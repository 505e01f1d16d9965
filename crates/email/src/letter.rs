//! The mails that there are, each with its figures.
//!
//! A letter may wait in a queue: it has amounts, numbers of orders and names of keys. It has no field for an address, a
//! code, a link or a key; links are made of the site's URL when the letter is written. What carries a secret is a
//! [`SecretLetter`](crate::SecretLetter).

use crate::money::Paid;
use crate::text::{Label, Reference};
use opencredits_units::{NanoUsd, UnixMs};
use serde::{Deserialize, Serialize};

/// The kinds of letters, by the names of their templates.
pub const LETTER_KINDS: [&str; 8] = [
    "receipt",
    "low_balance",
    "limit_reached",
    "top_up_failed",
    "refund",
    "deletion_scheduled",
    "policy_changed",
    "alarm",
];

/// A mail before it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "with", rename_all = "snake_case")]
pub enum Letter {
    /// Credits were bought.
    Receipt(Receipt),
    /// The balance is low.
    LowBalance(LowBalance),
    /// A key has spent most or all of its limit.
    LimitReached(LimitReached),
    /// An automatic top-up failed.
    TopUpFailed(TopUpFailed),
    /// Money was given back.
    Refund(Refund),
    /// An account is going to be deleted.
    DeletionScheduled(DeletionScheduled),
    /// The policy changes.
    PolicyChanged(PolicyChanged),
    /// An alarm, for the operator.
    Alarm(AlarmLetter),
}

impl Letter {
    /// The kind's name, one of [`LETTER_KINDS`].
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Receipt(_) => "receipt",
            Self::LowBalance(_) => "low_balance",
            Self::LimitReached(_) => "limit_reached",
            Self::TopUpFailed(_) => "top_up_failed",
            Self::Refund(_) => "refund",
            Self::DeletionScheduled(_) => "deletion_scheduled",
            Self::PolicyChanged(_) => "policy_changed",
            Self::Alarm(_) => "alarm",
        }
    }
}

/// Who began a top-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopUp {
    /// The person, at a checkout.
    ByHand,
    /// The service, on the person's order for a low balance.
    Automatic,
}

/// Credits were bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The credits that were bought, without a bonus.
    pub credits: NanoUsd,
    /// Credits on top, zero for none.
    pub bonus: NanoUsd,
    /// Of these, what settled a debt and is not in the balance; zero for none.
    #[serde(default)]
    pub debt_settled: NanoUsd,
    /// What was paid, fee and tax included.
    pub paid: Paid,
    /// The part of it that is our fee, where there is one.
    pub fee: Option<Paid>,
    /// Who began it.
    pub top_up: TopUp,
    /// The number of the order.
    pub order: Reference,
    /// The time of the payment.
    pub paid_at: UnixMs,
}

/// The balance is low.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowBalance {
    /// What can be spent.
    pub balance: NanoUsd,
    /// The threshold that it is below.
    pub threshold: NanoUsd,
}

/// How much of a limit is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitLevel {
    /// At least 80 %.
    Most,
    /// All of it.
    All,
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedParty {
    /// A key's.
    #[default]
    Key,
    /// An app's, over all keys that it issued to the person.
    App,
    /// The person's, over all of their keys.
    Person,
}

/// Most or all of a limit is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitReached {
    /// Whose limit it is. Letters from before there were others are about keys.
    #[serde(default)]
    pub whose: LimitedParty,
    /// The name of the key or app; of a person's own limit it does not matter.
    #[serde(alias = "key")]
    pub name: Label,
    /// How much of the limit is spent.
    pub level: LimitLevel,
    /// The limit.
    pub limit: NanoUsd,
    /// What is spent of it.
    pub spent: NanoUsd,
}

/// Why a top-up failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopUpFault {
    /// The card or bank declined.
    Declined,
    /// The bank wants the person to confirm.
    ActionRequired,
}

/// An automatic top-up failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopUpFailed {
    /// What would have been charged.
    pub amount: Paid,
    /// The reason.
    pub fault: TopUpFault,
    /// The number of the order.
    pub order: Reference,
}

/// Money was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// What was given back.
    pub refunded: Paid,
    /// The credits that were taken out of the balance for it.
    pub credits: NanoUsd,
    /// What the balance could not cover, which the next top-up settles first; zero for none.
    pub debt: NanoUsd,
    /// The number of the order.
    pub order: Reference,
}

/// An account is going to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletionScheduled {
    /// When it is deleted.
    pub due_at: UnixMs,
    /// The balance, which nobody can spend afterwards.
    pub balance: NanoUsd,
}

/// The policy changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChanged {
    /// The version.
    pub version: Label,
    /// From when on it holds.
    pub effective_at: UnixMs,
    /// What changes, in a sentence or two.
    pub summary: String,
}

/// What a letter tells of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmNews {
    /// It fires.
    Fired,
    /// It still fires.
    Repeated,
    /// It has ended.
    Resolved,
    /// Nothing: somebody tries out whether alarms arrive.
    Test,
}

/// An alarm, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmLetter {
    /// What it tells.
    pub news: AlarmNews,
    /// The alarm's name.
    pub alarm: Label,
    /// How soon somebody has to look.
    pub severity: Label,
    /// What the alarm is about, such as a vendor; blank where there is one of it only.
    pub about: Label,
    /// What it says.
    pub summary: String,
    /// Since when its condition holds.
    pub since: UnixMs,
    /// When this came about.
    pub at: UnixMs,
}
