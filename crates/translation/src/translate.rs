//! Translates a request: one reader, then one writer.

use crate::attach;
use crate::attachment::Attached;
use crate::conversation::{Conversation, Reasoning, Role, ToolChoice, Turn};
use crate::conversation_dialect::ConversationDialect;
use crate::target::{Target, Translated};
use crate::{chat, fit, gemini, messages, responses};
use opencredits_dialects::{Dialect, RequestError};
use opencredits_wire::surrogates;
use std::borrow::Cow;

/// Translates the fields of a request's body.
///
/// # Errors
/// When the request is invalid in its dialect, or asks for something that the target cannot express and that must not
/// be dropped silently. The error names the field.
pub fn translate<'a>(
    from: Dialect,
    to: &Target<'_>,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Translated, RequestError> {
    translate_with(from, to, fields, &Attached::default())
}

/// The same, with fetched attachments in the place of their URLs: see [`addresses`].
///
/// # Errors
/// As [`translate`].
pub fn translate_with<'a>(
    from: Dialect,
    to: &Target<'_>,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    attached: &Attached,
) -> Result<Translated, RequestError> {
    let untranslatable = RequestError::Untranslatable { from, to: to.dialect };
    let (Some(reads), Some(writes)) = (ConversationDialect::of(from), ConversationDialect::of(to.dialect)) else {
        return Err(untranslatable);
    };
    let mut dropped = Vec::new();
    let fields: Vec<(&str, Cow<'_, str>)> = fields.map(|(name, raw)| (name, sound(name, raw, &mut dropped))).collect();
    let mut conversation = read(reads, fields.iter().map(|(name, raw)| (*name, &**raw)), &mut dropped)?;
    if !conversation.results_follow_calls() {
        let expected = "complete: the result of a tool follows the call that it answers, under the same id";
        return Err(RequestError::Field { field: reads.turns_field(), expected });
    }
    attach::attach(&mut conversation, attached);
    if conversation.turns.is_empty() && matches!(writes, ConversationDialect::Messages | ConversationDialect::Gemini) {
        // Instructions alone cannot be answered in that dialect: they become the user's text.
        conversation.turns.push(Turn { role: Role::User, parts: std::mem::take(&mut conversation.system) });
    }
    let mut tool_names = std::mem::take(&mut conversation.tool_names);
    fit::fit(&mut conversation, to, &mut tool_names);
    let by_client = dropped.len();
    leave_out(&mut conversation, to, &mut dropped);
    let fields = match writes {
        ConversationDialect::Chat => chat::write_request(&conversation, to, &mut dropped)?,
        ConversationDialect::Messages => messages::write_request(&conversation, to, &mut dropped)?,
        ConversationDialect::Responses => responses::write_request(&conversation, to, &mut dropped)?,
        ConversationDialect::Gemini => gemini::write_request(&conversation, to, &mut dropped)?,
    };
    for name in dropped.iter_mut().skip(by_client) {
        *name = reads.name_of(name).to_owned();
    }
    dropped.sort_unstable();
    dropped.dedup();
    let output_cap = conversation.output_cap.map(|cap| cap.min(to.output_max));
    Ok(Translated { fields, output_cap, tool_names, dropped })
}

/// Drops settings that the model does not support in any dialect.
fn leave_out(from: &mut Conversation<'_>, to: &Target<'_>, dropped: &mut Vec<String>) {
    let sampling = &mut from.sampling;
    let all =
        [("temperature", &mut sampling.temperature), ("top_p", &mut sampling.top_p), ("top_k", &mut sampling.top_k)];
    let there = all.into_iter().filter(|_| !to.samples).filter_map(|(name, raw)| raw.take().map(|_| name.to_owned()));
    dropped.extend(there);
    // A model that reasons by default cannot be told not to. In `anthropic-messages` a model reasons when told to.
    let heeded = match from.reasoning {
        Some(Reasoning::Off) => !to.reasons || to.dialect == Dialect::AnthropicMessages,
        Some(_) => to.reasons,
        None => true,
    };
    if !heeded {
        from.reasoning = None;
        dropped.push("reasoning_effort".to_owned());
    }
    let forced = matches!(from.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_)));
    if forced && from.tools.is_empty() {
        from.tool_choice = None;
        dropped.push("tool_choice".to_owned());
    }
}

/// The URLs of pictures and documents that a request names. A provider that takes bytes only refuses them with
/// [`RequestError::NeedsBytes`].
///
/// # Errors
/// When the request is invalid in its dialect.
pub fn addresses<'a>(
    from: Dialect,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<String>, RequestError> {
    let Some(reads) = ConversationDialect::of(from) else { return Ok(Vec::new()) };
    Ok(attach::addresses(&mut read(reads, fields, &mut Vec::new())?))
}

/// A field without lone surrogates. One of them, in a conversation of any length, would end it for good.
fn sound<'a>(name: &str, raw: &'a str, dropped: &mut Vec<String>) -> Cow<'a, str> {
    match surrogates::mended(raw.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(raw),
        Cow::Owned(mended) => {
            dropped.push(format!("{name}.surrogate"));
            String::from_utf8(mended).map_or(Cow::Borrowed(raw), Cow::Owned)
        }
    }
}

fn read<'a>(
    conversation_dialect: ConversationDialect,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    dropped: &mut Vec<String>,
) -> Result<Conversation<'a>, RequestError> {
    match conversation_dialect {
        ConversationDialect::Chat => chat::read_request(fields, dropped),
        ConversationDialect::Messages => messages::read_request(fields, dropped),
        ConversationDialect::Responses => responses::read_request(fields, dropped),
        ConversationDialect::Gemini => gemini::read_request(fields, dropped),
    }
}
