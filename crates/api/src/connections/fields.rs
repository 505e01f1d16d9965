//! The fields of bodies: caps and decisions.

use super::common::BODY_BYTES_MAX;
use crate::body;
use crate::errors::{ErrorType, Problem};
use crate::state::App;
use axum::body::Body;
use http::HeaderMap;
use opencredits_service::accounts::Edit;
use opencredits_service::connections::{CapChoice, Decision};
use opencredits_store::LimitReset;
use opencredits_units::NanoUsd;
use serde_json::{Map, Value};

/// The members of a body that is a JSON object.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body.
    pub(super) async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let body = body::read_small(app, (headers, body), BODY_BYTES_MAX).await?;
        // The error's own text would repeat values.
        let read = serde_json::from_slice(&body);
        read.map(Self).map_err(|_| Problem::new(ErrorType::InvalidRequest, "the body is no JSON object"))
    }

    /// A text that must be there.
    pub(super) fn text(&self, name: &'static str) -> Result<&str, Problem> {
        let text = self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| wrong(name, format!("{name} is missing, or is no text")))
    }

    /// The cap that a person chooses: `cap_usd` in dollars, and `cap_reset`.
    pub(super) fn cap(&self) -> Result<CapChoice, Problem> {
        let amount = match self.0.get("cap_usd") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(dollars(text)?),
            Some(Value::Number(number)) => Some(dollars(&number.to_string())?),
            Some(_) => return Err(no_amount()),
        };
        let reset = match self.0.get("cap_reset") {
            None => Edit::Keep,
            Some(Value::Null) => Edit::Clear,
            Some(value) => {
                let known = value.as_str().and_then(LimitReset::of_name);
                Edit::Set(known.ok_or_else(|| {
                    wrong("cap_reset", "cap_reset is daily, weekly or monthly, or null for never".to_owned())
                })?)
            }
        };
        Ok(CapChoice { amount, reset })
    }

    /// What a person decides: `decision` with the cap.
    pub(super) fn decision(&self) -> Result<Decision, Problem> {
        match self.text("decision")? {
            "allow" => self.cap().map(Decision::Allow),
            "deny" => Ok(Decision::Deny),
            _ => Err(wrong("decision", "decision is allow or deny".to_owned())),
        }
    }
}

fn dollars(text: &str) -> Result<NanoUsd, Problem> {
    text.trim().parse().map_err(|_| no_amount())
}

fn no_amount() -> Problem {
    wrong("cap_usd", "cap_usd is an amount in dollars, such as \"10\" or \"2.50\"".to_owned())
}

fn wrong(name: &'static str, message: String) -> Problem {
    Problem::new(ErrorType::InvalidRequest, message).with("param", name)
}
