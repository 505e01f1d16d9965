//! Readers that the request readers of all dialects share.

use crate::conversation::{Conversation, Format, Part, PartContent, Reasoning, Role, Text, ToolChoice, Turn, raw_text};
use crate::json_writer::value;
use opencredits_dialects::RequestError;
use opencredits_wire::{json, surrogates};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(crate) const fn expected(field: &'static str, expected: &'static str) -> RequestError {
    RequestError::Field { field, expected }
}

pub(crate) const fn refused(field: &'static str, remedy: &'static str) -> RequestError {
    RequestError::Unsupported { field, remedy }
}

/// Reads raw JSON, or reports which form the field should have.
pub(crate) fn read<'a, T: Deserialize<'a>>(
    raw: &'a str,
    field: &'static str,
    form: &'static str,
) -> Result<T, RequestError> {
    serde_json::from_str(raw).map_err(|_| expected(field, form))
}

/// Reads the fields that are set; `field` returns false where no other dialect has an equivalent.
pub(crate) fn read_fields<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    dropped: &mut Vec<String>,
    field: impl Fn(&mut Conversation<'a>, &str, &'a str, &mut Vec<String>) -> Result<bool, RequestError>,
) -> Result<Conversation<'a>, RequestError> {
    let mut conversation = Conversation::default();
    for (name, raw) in fields.filter(|(_, raw)| json::is_set(raw.as_bytes())) {
        if !field(&mut conversation, name, raw, dropped)? {
            dropped.push(name.to_owned());
        }
    }
    Ok(conversation)
}

/// Adds parts. Consecutive messages of one author become one turn.
pub(crate) fn push<'a>(to: &mut Conversation<'a>, role: Role, parts: Vec<Part<'a>>) {
    match to.turns.last_mut().filter(|turn| turn.role == role) {
        Some(turn) => turn.parts.extend(parts),
        None => to.turns.push(Turn { role, parts }),
    }
}

/// The arguments of a call as the text of a JSON object; missing ones become an empty object. A model may have written
/// something else: it is carried as a text in an object and named, so that the conversation can go on.
pub(crate) fn arguments<'a>(text: Text<'a>, field: &str, dropped: &mut Vec<String>) -> Cow<'a, str> {
    if text.trim().is_empty() {
        return Cow::Borrowed("{}");
    }
    if is_object(&text) { without_lone_surrogates(text.0) } else { wrapped(&text, field, dropped) }
}

/// Escapes within a text are no escapes of the request, which are mended as it comes in.
fn without_lone_surrogates(text: Cow<'_, str>) -> Cow<'_, str> {
    let mended = match surrogates::mended(text.as_bytes()) {
        Cow::Borrowed(_) => None,
        Cow::Owned(mended) => String::from_utf8(mended).ok(),
    };
    mended.map_or(text, Cow::Owned)
}

/// The arguments of a call that are given as an object; missing ones become an empty object, others as above.
pub(crate) fn object<'a>(raw: Option<&'a RawValue>, field: &str, dropped: &mut Vec<String>) -> Cow<'a, str> {
    match raw.map_or("{}", RawValue::get) {
        raw if raw.starts_with('{') => Cow::Borrowed(raw),
        raw => wrapped(&json::owned(raw.as_bytes()).unwrap_or_else(|| raw.to_owned()), field, dropped),
    }
}

/// Whether a text is a JSON object.
pub(crate) fn is_object(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get().starts_with('{'))
}

fn wrapped(text: &str, field: &str, dropped: &mut Vec<String>) -> Cow<'static, str> {
    dropped.push(format!("{field}.arguments"));
    Cow::Owned(value(|out| out.object(|out| out.member("invalid_arguments", text))))
}

/// Names the members of an object that are not `known`: they are not carried.
pub(crate) fn name_others(raw: &str, known: &[&str], field: &str, dropped: &mut Vec<String>) {
    json::members(raw.as_bytes(), |name, value| {
        let name = String::from_utf8_lossy(name);
        if json::is_set(value) && !known.contains(&&*name) {
            dropped.push(format!("{field}.{name}"));
        }
    });
}

/// `none`, or a reasoning effort.
pub(crate) fn effort(raw: &str, field: &'static str) -> Result<Reasoning, RequestError> {
    const FORM: &str = "none, minimal, low, medium, high, xhigh or max";
    if raw == "\"none\"" {
        return Ok(Reasoning::Off);
    }
    read(raw, field, FORM).map(Reasoning::Effort)
}

/// Audio in the form of `openai-chat` and `openai-responses`.
#[derive(Deserialize)]
pub(crate) struct InputAudio<'a> {
    #[serde(borrow)]
    data: Text<'a>,
    #[serde(borrow)]
    format: Text<'a>,
}

impl<'a> InputAudio<'a> {
    pub(crate) fn content(self) -> PartContent<'a> {
        PartContent::Audio { data: self.data, format: self.format }
    }
}

/// A text or a list of parts.
pub(crate) fn content<'a, P: Deserialize<'a>>(
    content: &'a RawValue,
    field: &'static str,
    part: impl Fn(P) -> Result<Part<'a>, RequestError>,
) -> Result<Vec<Part<'a>>, RequestError> {
    const FORM: &str = "complete: content is a text or a list of parts";
    let raw = content.get();
    if raw.starts_with('[') {
        return read::<Vec<P>>(raw, field, FORM)?.into_iter().map(part).collect();
    }
    Ok(vec![PartContent::Text(read(raw, field, FORM)?).into()])
}

/// A tool choice that is one word; `None` for one that has members.
pub(crate) fn choice_in_a_word(raw: &str) -> Option<ToolChoice<'_>> {
    match raw {
        "\"auto\"" => Some(ToolChoice::Auto),
        "\"none\"" => Some(ToolChoice::None),
        "\"required\"" => Some(ToolChoice::Any),
        _ => None,
    }
}

/// The answer format by its type; `asked` gives the schema's name, the schema, and whether it is strict.
pub(crate) fn format_of<'a>(
    kind: &str,
    (name, schema, strict): (Option<Text<'a>>, Option<&'a RawValue>, Option<bool>),
    wrong: RequestError,
) -> Result<Option<Format<'a>>, RequestError> {
    match (kind, schema) {
        ("text", _) => Ok(None),
        ("json_object", _) => Ok(Some(Format::Json)),
        ("json_schema", Some(schema)) => {
            let name = name.unwrap_or(Text(Cow::Borrowed("answer")));
            Ok(Some(Format::Schema { name, schema: raw_text(schema), strict }))
        }
        _ => Err(wrong),
    }
}
