//! What readers of requests have in common.

use super::conversation::{Conversation, Part, Reasoning, Role, Text, Turn};
use crate::error::Error;
use crate::json;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(super) const fn expected(field: &'static str, expected: &'static str) -> Error {
    Error::Field { field, expected }
}

pub(super) const fn refused(field: &'static str, remedy: &'static str) -> Error {
    Error::Unsupported { field, remedy }
}

/// Reads raw JSON, or says which form the field should have.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: &'a str, field: &'static str, form: &'static str) -> Result<T, Error> {
    serde_json::from_str(raw).map_err(|_| expected(field, form))
}

/// Reads the fields that are set; `field` says false where no other dialect has anything like one.
pub(super) fn read_fields<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    dropped: &mut Vec<String>,
    field: impl Fn(&mut Conversation<'a>, &str, &'a str, &mut Vec<String>) -> Result<bool, Error>,
) -> Result<Conversation<'a>, Error> {
    let mut conversation = Conversation::default();
    for (name, raw) in fields.filter(|(_, raw)| json::is_set(raw.as_bytes())) {
        if !field(&mut conversation, name, raw, dropped)? {
            dropped.push(name.to_owned());
        }
    }
    Ok(conversation)
}

/// Adds parts; what one side says in several messages is one turn.
pub(super) fn push<'a>(to: &mut Conversation<'a>, role: Role, parts: Vec<Part<'a>>) {
    match to.turns.last_mut().filter(|turn| turn.role == role) {
        Some(turn) => turn.parts.extend(parts),
        None => to.turns.push(Turn { role, parts }),
    }
}

/// The arguments of a call as the text of a JSON object; none at all are an empty one.
pub(super) fn arguments(text: Text<'_>) -> Result<Cow<'_, str>, Error> {
    if text.trim().is_empty() {
        return Ok(Cow::Borrowed("{}"));
    }
    let is_object = serde_json::from_str::<&RawValue>(&text).is_ok_and(|raw| raw.get().starts_with('{'));
    if is_object {
        return Ok(text.0);
    }
    Err(expected("messages", "right: the arguments of a tool call are the text of a JSON object"))
}

/// `none`, or how hard the model is to try.
pub(super) fn effort(raw: &str, field: &'static str) -> Result<Reasoning, Error> {
    const FORM: &str = "none, minimal, low, medium, high, xhigh or max";
    if raw == "\"none\"" {
        return Ok(Reasoning::Off);
    }
    read(raw, field, FORM).map(Reasoning::Effort)
}
