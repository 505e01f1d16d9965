//! What the double keeps: objects by id, in the order in which they were made.

use super::events::Produced;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};

/// 2026-05-28: the double's clock stands until a test sets it.
const START_S: u64 = 1_780_000_000;

/// A refusal: the status, and Stripe's error.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: Value,
}

pub(super) type Handled = Result<Value, Refusal>;

/// A movement of money to be booked.
pub(super) struct Movement<'a> {
    pub(super) kind: &'a str,
    pub(super) category: &'a str,
    pub(super) amount: i64,
    pub(super) fee: i64,
    pub(super) source: &'a str,
}

pub(super) struct Books {
    pub(super) now_s: u64,
    pub(super) livemode: bool,
    objects: HashMap<String, Value>,
    order: Vec<String>,
    made: u64,
    pub(super) queue: VecDeque<Produced>,
}

impl Books {
    pub(super) fn new() -> Self {
        Self {
            now_s: START_S,
            livemode: false,
            objects: HashMap::new(),
            order: Vec::new(),
            made: 0,
            queue: VecDeque::new(),
        }
    }

    /// A new id with this prefix.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}double{:08}", self.made)
    }

    /// Keeps an object under its id.
    pub(super) fn keep(&mut self, object: Value) -> String {
        let id = text(&object, "id").to_owned();
        if self.objects.insert(id.clone(), object).is_none() {
            self.order.push(id.clone());
        }
        id
    }

    /// The object, which must be there.
    pub(super) fn get(&self, id: &str) -> &Value {
        self.objects.get(id).unwrap_or_else(|| panic!("the double has no {id}"))
    }

    pub(super) fn find(&self, id: &str) -> Option<&Value> {
        self.objects.get(id)
    }

    /// The object as Stripe shows it, without what the double notes in it.
    pub(super) fn shown(&self, id: &str) -> Value {
        let mut object = self.get(id).clone();
        if let Some(fields) = object.as_object_mut() {
            fields.retain(|name, _| !name.starts_with("double_"));
        }
        object
    }

    /// Sets fields of an object.
    pub(super) fn set(&mut self, id: &str, fields: Value) {
        let object = self.objects.get_mut(id).unwrap_or_else(|| panic!("the double has no {id}"));
        for (name, value) in fields.as_object().into_iter().flatten() {
            object[name] = value.clone();
        }
    }

    /// Sets any value of an object, named by a JSON pointer whose last part may be new.
    pub(super) fn edit(&mut self, id: &str, pointer: &str, value: Value) {
        let object = self.objects.get_mut(id).unwrap_or_else(|| panic!("the double has no {id}"));
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_else(|| panic!("{pointer} is no pointer"));
        object.pointer_mut(parent).unwrap_or_else(|| panic!("{id} has no {parent}"))[name] = value;
    }

    /// All objects of a kind, oldest first.
    pub(super) fn of_kind<'a>(&'a self, kind: &'a str) -> impl DoubleEndedIterator<Item = &'a Value> {
        self.order.iter().filter_map(|id| self.objects.get(id)).filter(move |object| object["object"] == kind)
    }

    /// Books a movement of money, and gives its id.
    pub(super) fn book(&mut self, movement: &Movement<'_>) -> String {
        let id = self.id("txn_");
        let fee_details = match movement.fee {
            0 => json!([]),
            fee => json!([{"amount": fee, "application": null, "currency": self.currency(), "description": "fees",
                "type": "stripe_fee"}]),
        };
        self.keep(json!({
            "id": id, "object": "balance_transaction", "amount": movement.amount, "available_on": self.now_s,
            "balance_type": "payments", "created": self.now_s, "currency": self.currency(), "description": null,
            "exchange_rate": null, "fee": movement.fee, "fee_details": fee_details,
            "net": movement.amount - movement.fee, "reporting_category": movement.category,
            "source": movement.source, "status": "pending", "type": movement.kind,
        }))
    }

    /// The currency in which the account is settled: that of the first payment.
    fn currency(&self) -> String {
        let first = self.of_kind("charge").next();
        first.map_or_else(|| "usd".to_owned(), |charge| text(charge, "currency").to_owned())
    }
}

/// A field that is a text; empty where it is none.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

/// A field that is an amount.
pub(super) fn amount(object: &Value, field: &str) -> i64 {
    object[field].as_i64().unwrap_or_default()
}

/// Stripe's error about a request.
pub(super) fn invalid(code: &str, param: &str, message: &str) -> Refusal {
    let mut error = json!({"type": "invalid_request_error", "message": message});
    for (name, value) in [("code", code), ("param", param)] {
        if !value.is_empty() {
            error[name] = json!(value);
        }
    }
    Refusal { status: 400, error }
}

/// Stripe's error about an object that is not there.
pub(super) fn missing(status: u16, param: &str, id: &str) -> Refusal {
    Refusal { status, ..invalid("resource_missing", param, &format!("No such object: '{id}'")) }
}
