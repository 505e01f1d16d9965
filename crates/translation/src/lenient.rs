//! Reads answers of providers that deviate in form: what is of another type than its API says is brought into form or left out,
//! so that the rest of an answer is not lost with it.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Members that are texts.
const TEXTS: [&str; 18] = [
    "id",
    "model",
    "type",
    "name",
    "text",
    "refusal",
    "reasoning",
    "reasoning_content",
    "finish_reason",
    "stop_reason",
    "stop_sequence",
    "status",
    "reason",
    "call_id",
    "signature",
    "thoughtSignature",
    "partial_json",
    "responseId",
];
/// Members that are counts.
const COUNTS: [&str; 4] = ["index", "output_index", "content_index", "summary_index"];
/// Members that are lists.
const LISTS: [&str; 7] = ["choices", "candidates", "parts", "tool_calls", "output", "summary", "reasoning_details"];
/// Members that are objects.
const OBJECTS: [&str; 7] =
    ["message", "function", "response", "item", "content_block", "functionCall", "incomplete_details"];
/// A JSON text of more levels is not brought into form.
const LEVELS_MAX: usize = 32;

/// Reads a value as its API says or, where that fails, as near to it as it can be brought. `spare` has the bytes of the
/// latter. `None` where it is no JSON, or of a form that nothing can be read from.
pub(crate) fn read<'a, T: Deserialize<'a>>(data: &'a [u8], spare: &'a mut Vec<u8>) -> Option<T> {
    if let Ok(read) = serde_json::from_slice(data) {
        return Some(read);
    }
    let mut value: Value = serde_json::from_slice(data).ok()?;
    form(&mut value, LEVELS_MAX);
    *spare = serde_json::to_vec(&value).ok()?;
    serde_json::from_slice(spare).ok()
}

fn form(value: &mut Value, levels: usize) {
    let Some(levels) = levels.checked_sub(1) else { return };
    match value {
        Value::Object(members) => {
            let taken = std::mem::take(members);
            *members =
                taken.into_iter().filter_map(|(name, value)| Some((name.clone(), member(&name, value)?))).collect();
            members.values_mut().for_each(|value| form(value, levels));
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(|item| form(item, levels));
        }
        _ => {}
    }
}

/// A member in the form of its name; `None` where it has none.
fn member(name: &str, value: Value) -> Option<Value> {
    match (name, value) {
        (_, Value::Null) => None,
        ("content", value) => content(value),
        ("arguments", value @ (Value::Object(_) | Value::Array(_))) => Some(Value::String(value.to_string())),
        (name, value) if TEXTS.contains(&name) => match value {
            Value::String(_) => Some(value),
            Value::Number(number) => Some(Value::String(number.to_string())),
            _ => None,
        },
        (name, value) if COUNTS.contains(&name) => count(&value).map(Value::from),
        (name, value) if LISTS.contains(&name) => match value {
            Value::Array(_) => Some(value),
            Value::Object(members) if !members.is_empty() => Some(Value::Array(vec![Value::Object(members)])),
            _ => None,
        },
        (name, value) if OBJECTS.contains(&name) => value.is_object().then_some(value),
        (_, value) => Some(value),
    }
}

/// Content is a list of parts, whose texts may stand for themselves.
fn content(value: Value) -> Option<Value> {
    let part = |value: Value| match value {
        Value::String(text) => Value::Object(Map::from_iter([
            ("type".to_owned(), Value::String("text".to_owned())),
            ("text".to_owned(), Value::String(text)),
        ])),
        other => other,
    };
    match value {
        Value::Array(items) => Some(items.into_iter().map(part).collect()),
        Value::String(_) => Some(Value::Array(vec![part(value)])),
        Value::Object(_) => Some(value),
        _ => None,
    }
}

fn count(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => opencredits_wire::json::count(value.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(mut given: Value, expected: Value) {
        form(&mut given, LEVELS_MAX);
        assert_eq!(given, expected);
    }

    #[test]
    fn what_is_of_another_type_is_brought_into_form_or_left_out() {
        check(json!({"id": 7, "model": null, "refusal": false}), json!({"id": "7"}));
        check(json!({"content": "a"}), json!({"content": [{"type": "text", "text": "a"}]}));
        check(
            json!({"content": ["a", {"text": "b"}, null]}),
            json!({"content": [{"type": "text", "text": "a"}, {"text": "b"}]}),
        );
        check(
            json!({"content": {"parts": [{"text": "a", "thought": null}]}}),
            json!({"content": {"parts": [{"text": "a"}]}}),
        );
        check(json!({"tool_calls": {}}), json!({}));
        check(
            json!({"tool_calls": [null, {"index": "1", "function": {"name": "f", "arguments": {"a": 1}}}]}),
            json!({"tool_calls": [{"index": 1, "function": {"name": "f", "arguments": "{\"a\":1}"}}]}),
        );
        check(json!({"choices": [{"index": -1, "delta": {}}], "function": null}), json!({"choices": [{"delta": {}}]}));
        check(json!({"index": 0.0}), json!({"index": 0}));
    }
}
