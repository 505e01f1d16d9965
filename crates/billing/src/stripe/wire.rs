//! Stripe's objects, as far as they are read. What may grow (statuses, kinds) is text, so that it fails nothing.
//!
//! None of these has a `Debug`: the objects that they are read from name people.

use crate::hint::Event;
use serde::Deserialize;
use std::collections::HashMap;

pub(super) type Metadata = HashMap<String, String>;

/// A field that has an id, or the object where that was asked for.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Linked<T> {
    Id(String),
    Object(Box<T>),
}

/// An object of which only the id matters.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

#[derive(Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) url: Option<String>,
    pub(super) status: Option<String>,
    pub(super) payment_status: Option<String>,
    pub(super) livemode: bool,
    pub(super) currency: Option<String>,
    pub(super) amount_total: Option<i64>,
    pub(super) customer: Option<Linked<Named>>,
    pub(super) payment_intent: Option<Linked<Intent>>,
    pub(super) metadata: Option<Metadata>,
    pub(super) created: u64,
    pub(super) expires_at: u64,
}

#[derive(Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) livemode: bool,
    pub(super) amount: i64,
    #[serde(default)]
    pub(super) amount_received: i64,
    pub(super) currency: String,
    pub(super) created: u64,
    pub(super) customer: Option<Linked<Named>>,
    pub(super) payment_method: Option<Linked<Named>>,
    pub(super) setup_future_usage: Option<String>,
    pub(super) latest_charge: Option<Linked<Charge>>,
    pub(super) last_payment_error: Option<ApiError>,
    pub(super) metadata: Option<Metadata>,
}

#[derive(Deserialize)]
pub(super) struct Charge {
    pub(super) id: String,
    pub(super) livemode: bool,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) created: u64,
    pub(super) status: Option<String>,
    pub(super) payment_intent: Option<Linked<Named>>,
    pub(super) balance_transaction: Option<Linked<BalanceTransaction>>,
    pub(super) failure_balance_transaction: Option<Linked<BalanceTransaction>>,
}

#[derive(Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: Option<String>,
    pub(super) metadata: Option<Metadata>,
    pub(super) balance_transaction: Option<Linked<BalanceTransaction>>,
    pub(super) failure_balance_transaction: Option<Linked<BalanceTransaction>>,
}

#[derive(Deserialize)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) reason: String,
    pub(super) is_charge_refundable: bool,
    pub(super) balance_transactions: Vec<BalanceTransaction>,
}

#[derive(Deserialize)]
pub(super) struct Warning {
    pub(super) id: String,
    pub(super) actionable: bool,
}

/// A refund, dispute or warning of which only the payment matters.
#[derive(Deserialize)]
pub(super) struct OfPayment {
    pub(super) payment_intent: Option<Linked<Named>>,
    pub(super) charge: Option<Linked<Charge>>,
}

#[derive(Deserialize)]
pub(super) struct BalanceTransaction {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) reporting_category: String,
    pub(super) amount: i64,
    pub(super) fee: i64,
    pub(super) net: i64,
    pub(super) currency: String,
    pub(super) source: Option<Linked<Named>>,
    pub(super) created: u64,
}

#[derive(Deserialize)]
pub(super) struct Portal {
    pub(super) url: String,
}

#[derive(Deserialize)]
pub(super) struct Failure {
    pub(super) error: ApiError,
}

/// Stripe's account of what went wrong. Its message is for people and may quote what was sent, so it is not read.
#[derive(Deserialize, Default)]
pub(super) struct ApiError {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) code: Option<String>,
    pub(super) decline_code: Option<String>,
    pub(super) param: Option<String>,
    pub(super) payment_intent: Option<Named>,
}

impl Intent {
    /// Whether the bank wants the buyer to confirm it.
    pub(super) fn needs_buyer(&self) -> bool {
        self.status == "requires_action" || self.last_payment_error.as_ref().is_some_and(ApiError::needs_buyer)
    }
}

impl ApiError {
    /// Whether the bank wants the buyer to confirm the payment.
    pub(super) fn needs_buyer(&self) -> bool {
        self.code.as_deref() == Some("authentication_required")
            || self.decline_code.as_deref() == Some("authentication_required")
    }
}

impl Linked<Named> {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => &object.id,
        }
    }
}

/// An item of a list, which goes on after its id.
pub(super) trait Identified {
    fn id(&self) -> &str;
}

impl Identified for Refund {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Dispute {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Warning {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Intent {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for BalanceTransaction {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for Event {
    fn id(&self) -> &str {
        self.event_id()
    }
}

/// What is left of a deleted object.
#[derive(Deserialize)]
pub(super) struct Deleted {}
