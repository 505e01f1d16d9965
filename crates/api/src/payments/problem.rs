//! Errors of purchases, as answers.

use crate::errors::{ErrorType, Problem};
use crate::faults;
use crate::state::App;
use opencredits_billing::{Fault, PaymentError, Retry};
use opencredits_service::purchases::{NotSold, PurchaseError};
use serde_json::{Value, json};

/// The answer to a client.
pub(crate) fn of(app: &App, error: PurchaseError) -> Problem {
    let invalid = |error: &PurchaseError| Problem::new(ErrorType::InvalidRequest, error.to_string());
    match error {
        PurchaseError::NotSold(why) => not_sold(app, why),
        PurchaseError::OtherRequest => Problem::new(ErrorType::DuplicateRequest, error.to_string()),
        PurchaseError::TooManyOpen { .. } => Problem::new(ErrorType::RateLimitExceeded, error.to_string()),
        PurchaseError::Paused => Problem::new(ErrorType::PermissionDenied, error.to_string()),
        PurchaseError::NoOrder { .. } => Problem::new(ErrorType::NotFound, error.to_string()),
        PurchaseError::NotPaid { .. } | PurchaseError::NoMethod | PurchaseError::MonthlyMax { .. } => invalid(&error),
        PurchaseError::Contended { .. } => Problem::new(ErrorType::Unavailable, error.to_string()),
        PurchaseError::Payment(error) => of_payment(&error),
        PurchaseError::Ledger(error) => faults::problem(&error.into(), &app.settings),
        PurchaseError::Store(error) => faults::problem(&error.into(), &app.settings),
        error => {
            tracing::error!(%error, "a purchase failed");
            Problem::new(ErrorType::Server, "the purchase cannot be made now; try again, or ask the operator")
        }
    }
}

fn of_payment(error: &PaymentError) -> Problem {
    let retry_after_ms = match error.retry() {
        Retry::SameKey { after_ms } => Some(after_ms),
        _ => None,
    };
    match error.fault() {
        Fault::Caller | Fault::Sender => Problem::new(ErrorType::InvalidRequest, error.to_string()),
        Fault::Processor => {
            let message = "the payment processor does not answer; try again in a moment";
            Problem::new(ErrorType::ProviderUnavailable, message).retry_after_ms(retry_after_ms)
        }
        Fault::Us => {
            tracing::error!(%error, "the payment processor refuses what we ask, or a payment does not fit its order");
            Problem::new(ErrorType::Server, "payments are out of order; the operator has been told")
        }
    }
}

fn not_sold(app: &App, why: NotSold) -> Problem {
    let (param, message) = match why {
        NotSold::Currency => ("currency", format!("credits are sold in {}", currencies(app).join(", "))),
        NotSold::Below(least) => ("amount", format!("the least is {}", decimal(least))),
        NotSold::Above(most) => ("amount", format!("the most is {}", decimal(most))),
    };
    Problem::new(ErrorType::InvalidRequest, message).with("param", param)
}

fn currencies(app: &App) -> Vec<String> {
    let sold = app.payments.as_deref().map(|payments| payments.purchases.currencies()).unwrap_or_default();
    sold.into_iter().map(|currency| currency.code().to_owned()).collect()
}

/// An amount of a currency with two decimals.
pub(super) fn decimal(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor.div_euclid(100), minor.rem_euclid(100))
}

/// A field is not what it must be.
pub(super) fn wrong(param: &str, message: impl Into<String>) -> Problem {
    Problem::new(ErrorType::InvalidRequest, message).with("param", param)
}

/// A JSON object's member as text: numbers as they are written.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The answer to events that were heard.
pub(super) fn received() -> Value {
    json!({ "received": true })
}
