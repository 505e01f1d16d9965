//! Reads answers of `openai-responses`, whole and streamed.

use crate::conversation::Text;
use crate::step::{Reason, Step, Stop};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Response<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    /// Read in a whole answer only: in a stream its items came before.
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    incomplete_details: Option<Incomplete<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Incomplete<'a> {
    #[serde(borrow)]
    reason: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Item<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    /// A text in function calls, any value in other items.
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    encrypted_content: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Vec<Piece<'a>>>,
    #[serde(borrow)]
    summary: Option<Vec<Piece<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Piece<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    response: Option<Response<'a>>,
    #[serde(borrow)]
    item: Option<Item<'a>>,
    #[serde(borrow)]
    delta: Option<Text<'a>>,
    output_index: u64,
    summary_index: u64,
}

/// Numbers calls, between which items of other kinds stand.
#[derive(Default)]
pub(crate) struct Reader {
    /// By the index among the items.
    calls: HashMap<u64, KnownCall>,
    /// The number of the next call.
    next: u64,
}

struct KnownCall {
    number: u64,
    has_arguments: bool,
}

impl Reader {
    /// Reads a whole answer.
    pub(crate) fn whole(&mut self, body: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        let Ok(response) = serde_json::from_slice::<Response<'_>>(body) else {
            return;
        };
        let Response { id, model, status, output, incomplete_details } = response;
        each(Step::Start { id: id.0, model: model.0 });
        let items = output.map(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).unwrap_or_default());
        for (raw, at) in items.into_iter().flatten().zip(0..) {
            // An item of an unknown form belongs to another provider.
            self.item(serde_json::from_str(raw.get()).unwrap_or_default(), at, each);
        }
        if !status.is_empty() {
            each(Step::Stop(self.stop(&status, incomplete_details)));
        }
    }

    fn item(&mut self, item: Item<'_>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        match &*item.r#type {
            "message" => {
                for piece in item.content.into_iter().flatten() {
                    say(piece.text, Step::Text, each);
                    say(piece.refusal, Step::Refusal, each);
                }
                each(Step::PartEnd);
            }
            "reasoning" => {
                for (piece, number) in item.summary.iter().flatten().zip(0_u64..) {
                    part_break(number, each);
                    say(piece.text.as_deref().map(borrowed), Step::Reasoning, each);
                }
                for piece in item.content.iter().flatten() {
                    say(piece.text.as_deref().map(borrowed), Step::Reasoning, each);
                }
                sealed(&item, each);
                each(Step::PartEnd);
            }
            "function_call" => {
                self.begin(&item, at, each);
                self.end(item, at, each);
            }
            _ => {}
        }
    }

    /// Reads an event of a stream.
    pub(crate) fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        let Ok(event) = serde_json::from_slice::<Event<'_>>(data) else {
            return;
        };
        let at = event.output_index;
        match (&*event.r#type, event.response, event.item) {
            ("response.created", Some(response), _) => {
                each(Step::Start { id: response.id.0, model: response.model.0 });
            }
            ("response.output_item.added", _, Some(item)) if &*item.r#type == "function_call" => {
                self.begin(&item, at, each);
            }
            ("response.output_item.done", _, Some(item)) => match &*item.r#type {
                "function_call" => self.end(item, at, each),
                "reasoning" => {
                    sealed(&item, each);
                    each(Step::PartEnd);
                }
                "message" => each(Step::PartEnd),
                _ => {}
            },
            ("response.output_text.delta", ..) => say(event.delta, Step::Text, each),
            ("response.refusal.delta", ..) => say(event.delta, Step::Refusal, each),
            ("response.reasoning_summary_part.added", ..) => part_break(event.summary_index, each),
            ("response.reasoning_summary_text.delta" | "response.reasoning_text.delta", ..) => {
                say(event.delta, Step::Reasoning, each);
            }
            ("response.function_call_arguments.delta", ..) => self.arguments(event.delta, at, each),
            ("response.completed" | "response.incomplete" | "response.done", Some(response), _) => {
                each(Step::Stop(self.stop(&response.status, response.incomplete_details)));
            }
            _ => {}
        }
    }

    fn begin(&mut self, item: &Item<'_>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        let index = self.next;
        self.next = index.saturating_add(1);
        let id = item.call_id.as_deref().unwrap_or(&item.id);
        let name = item.name.as_deref().unwrap_or_default();
        each(Step::Call { index, id: Cow::Borrowed(id), name: Cow::Borrowed(name) });
        self.calls.insert(at, KnownCall { number: index, has_arguments: false });
    }

    fn arguments(&mut self, json: Option<Text<'_>>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        let json = json.filter(|json| !json.is_empty());
        if let (Some(json), Some(call)) = (json, self.calls.get_mut(&at)) {
            call.has_arguments = true;
            each(Step::Arguments { index: call.number, json: json.0 });
        }
    }

    /// The end of a call: arguments that did not come in pieces are given whole.
    fn end(&mut self, item: Item<'_>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        let has_arguments = self.calls.get(&at).is_some_and(|call| call.has_arguments);
        if !has_arguments {
            let json = item.arguments.and_then(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok());
            let json = json.filter(|json| !json.is_empty()).unwrap_or(Text(Cow::Borrowed("{}")));
            self.arguments(Some(json), at, each);
        }
        each(Step::PartEnd);
    }

    fn stop(&self, status: &str, incomplete: Option<Incomplete<'_>>) -> Stop {
        let detail = incomplete.map(|details| details.reason.0.into_owned()).filter(|reason| !reason.is_empty());
        let native = detail.unwrap_or_else(|| status.to_owned());
        let reason = match &*native {
            "max_output_tokens" => Reason::Length,
            "content_filter" => Reason::Filter,
            _ if !self.calls.is_empty() => Reason::Calls,
            _ => Reason::End,
        };
        Stop { reason, native, sequence: None }
    }
}

fn borrowed(text: &str) -> Text<'_> {
    Text(Cow::Borrowed(text))
}

/// Parts of a summary are paragraphs.
fn part_break(number: u64, each: &mut dyn FnMut(Step<'_>)) {
    if number > 0 {
        each(Step::Reasoning(Cow::Borrowed("\n\n")));
    }
}

/// The item's id belongs to the encrypted content: both go back together.
fn sealed(item: &Item<'_>, each: &mut dyn FnMut(Step<'_>)) {
    if let Some(encrypted) = item.encrypted_content.as_deref().filter(|encrypted| !encrypted.is_empty()) {
        each(Step::Redacted(Cow::Owned([&*item.id, ":", encrypted].concat())));
    }
}

fn say<'a>(text: Option<Text<'a>>, step: impl Fn(Cow<'a, str>) -> Step<'a>, each: &mut dyn FnMut(Step<'_>)) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        each(step(text.0));
    }
}
