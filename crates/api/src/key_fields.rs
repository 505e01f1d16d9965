//! Reads the fields with which a key is made or changed.

use crate::errors::{ErrorType, Problem};
use opencredits_service::accounts::{Edit, KeyEdit};
use opencredits_store::LimitReset;
use opencredits_units::{CreditPrice, NanoUsd, UnixMs};
use serde_json::{Map, Value};
use std::num::NonZeroU32;

/// The fields of a change.
const KNOWN: [&str; 9] = [
    "name",
    "disabled",
    "limit",
    "limit_reset",
    "expires_at",
    "allowed_models",
    "requests_per_minute",
    "tokens_per_minute",
    "parallel_max",
];

/// Reads a change of a key. A field that is absent stays, and `null` removes what it names.
///
/// # Errors
/// A problem that names the field.
pub(crate) fn read(body: &[u8], price: CreditPrice) -> Result<KeyEdit, Problem> {
    let fields: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
        Problem::new(ErrorType::InvalidRequest, format!("the body is no JSON object of a key's fields: {error}"))
    })?;
    if let Some(unknown) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        let message = format!("a key has no field {unknown}; it has {}", KNOWN.join(", "));
        return Err(Problem::new(ErrorType::UnsupportedParameter, message).with("param", unknown.as_str()));
    }
    let fields = Fields(fields);
    Ok(KeyEdit {
        name: fields.value("name", "a text", |value| value.as_str().map(str::to_owned))?,
        disabled: fields.value("disabled", "true or false", Value::as_bool)?,
        limit: fields
            .edit("limit", "a number of credits, with nine decimal places at most", |value| amount(value, price))?,
        limit_reset: fields.edit("limit_reset", "daily, weekly, monthly or null", |value| {
            value.as_str().and_then(LimitReset::of_name)
        })?,
        expires_at: fields.edit("expires_at", "a time such as 2030-01-31T00:00:00Z, or null", time)?,
        allowed_models: fields.edit("allowed_models", "a list of models, or null", texts)?,
        requests_per_minute: fields.edit("requests_per_minute", RATE, rate)?,
        tokens_per_minute: fields.edit("tokens_per_minute", RATE, rate)?,
        parallel_max: fields.edit("parallel_max", RATE, rate)?,
    })
}

/// What a rate is.
const RATE: &str = "a whole number above zero, or null";

struct Fields(Map<String, Value>);

impl Fields {
    /// A field that cannot be removed.
    fn value<T>(&self, name: &str, what: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>, Problem> {
        self.0.get(name).map(|value| read(value).ok_or_else(|| invalid(name, what))).transpose()
    }

    fn edit<T>(&self, name: &str, what: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Edit<T>, Problem> {
        match self.0.get(name) {
            None => Ok(Edit::Keep),
            Some(Value::Null) => Ok(Edit::Clear),
            Some(value) => read(value).map(Edit::Set).ok_or_else(|| invalid(name, what)),
        }
    }
}

fn invalid(name: &str, what: &str) -> Problem {
    Problem::new(ErrorType::InvalidRequest, format!("{name} is {what}")).with("param", name)
}

/// An amount in credits, as a number or as a decimal text.
fn amount(value: &Value, price: CreditPrice) -> Option<NanoUsd> {
    match value {
        Value::Number(number) => price.parse(&number.to_string()).ok(),
        Value::String(text) => price.parse(text).ok(),
        _ => None,
    }
}

fn time(value: &Value) -> Option<UnixMs> {
    let at: jiff::Timestamp = value.as_str()?.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok().map(UnixMs::new)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

fn rate(value: &Value) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(value.as_u64()?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: Result<KeyEdit, &str>) {
        let found = read(body.as_bytes(), CreditPrice::default());
        let found = found.map_err(|problem| problem.into_json(crate::errors::ApiSurface::OpenaiChat, "req_1"));
        match (found, expect) {
            (Ok(edit), Ok(expected)) => assert_eq!(edit, expected, "{body}"),
            (Err(text), Err(part)) => assert!(text.contains(part), "{body}: {text}"),
            (found, _) => panic!("{body}: {found:?}"),
        }
    }

    #[test]
    fn what_is_absent_stays_and_null_removes() {
        check("{}", Ok(KeyEdit::default()));
        let cleared = KeyEdit { limit: Edit::Clear, expires_at: Edit::Clear, ..KeyEdit::default() };
        check(r#"{"limit": null, "expires_at": null}"#, Ok(cleared));
        let limit = KeyEdit {
            limit: Edit::Set(NanoUsd::new(125_000_000)),
            limit_reset: Edit::Set(LimitReset::Monthly),
            parallel_max: Edit::Set(NonZeroU32::MIN),
            ..KeyEdit::default()
        };
        check(r#"{"limit": 12.5, "limit_reset": "monthly", "parallel_max": 1}"#, Ok(limit.clone()));
        check(r#"{"limit": "12.5", "limit_reset": "monthly", "parallel_max": 1}"#, Ok(limit));
        let expires_at = Edit::Set(UnixMs::new(1_896_134_400_000));
        check(r#"{"expires_at": "2030-02-01T02:00:00+02:00"}"#, Ok(KeyEdit { expires_at, ..KeyEdit::default() }));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        check("[]", Err("no JSON object"));
        check(r#"{"limits": 1}"#, Err(r#""param":"limits""#));
        check(r#"{"name": null}"#, Err("name is a text"));
        check(r#"{"disabled": 1}"#, Err("disabled is true or false"));
        check(r#"{"limit": 1e30}"#, Err("limit is a number of credits"));
        check(r#"{"limit": 0.0000000001}"#, Err("limit is a number of credits"));
        check(r#"{"limit_reset": "hourly"}"#, Err("limit_reset is daily"));
        check(r#"{"expires_at": "tomorrow"}"#, Err("expires_at is a time"));
        check(r#"{"allowed_models": "a/b"}"#, Err("allowed_models is a list"));
        for rate in ["0", "-1", "1.5", "4294967296", "\"1\""] {
            check(&format!(r#"{{"tokens_per_minute": {rate}}}"#), Err("tokens_per_minute is a whole number"));
        }
    }
}
