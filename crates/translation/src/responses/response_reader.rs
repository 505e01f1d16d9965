//! Reads answers of `openai-responses`, whole and streamed.

use crate::conversation::Text;
use crate::lenient;
use crate::step::{Reason, Step, Stop};
use opencredits_wire::json;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

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
    /// What has come as a whole: a text, a refusal, or arguments.
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    output_index: u64,
    content_index: u64,
    summary_index: u64,
}

/// Numbers calls, between which items of other kinds stand.
#[derive(Default)]
pub(crate) struct Reader {
    /// By the index among the items.
    calls: HashMap<u64, KnownCall>,
    /// The number of the next call.
    next: u64,
    /// Parts whose text has come, by the indices of item and part; `None` stands for any part.
    said: HashSet<(u64, Option<u64>)>,
    /// Whether any item came before the last event.
    has_items: bool,
}

struct KnownCall {
    number: u64,
    id: String,
    has_name: bool,
    has_arguments: bool,
    /// The arguments at its start, where they came there.
    early: Option<String>,
}

impl Reader {
    /// Reads a whole answer.
    pub(crate) fn whole(&mut self, body: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        let mut spare = Vec::new();
        let Some(response) = lenient::read::<Response<'_>>(body, &mut spare) else {
            return;
        };
        let Response { id, model, status, output, incomplete_details } = response;
        each(Step::Start { id: id.0, model: model.0 });
        self.items(output, each);
        if !status.is_empty() {
            each(Step::Stop(self.stop(&status, incomplete_details)));
        }
    }

    fn items(&mut self, output: Option<&RawValue>, each: &mut dyn FnMut(Step<'_>)) {
        for (raw, at) in raw_items(output).into_iter().zip(0..) {
            // An item of an unknown form belongs to another provider.
            let mut spare = Vec::new();
            self.item(lenient::read(raw.get().as_bytes(), &mut spare).unwrap_or_default(), at, each);
        }
    }

    /// A whole item; of one that came in pieces, what did not come.
    fn item(&mut self, item: Item<'_>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        let is_new = !self.said.contains(&(at, None));
        match &*item.r#type {
            "message" => {
                for piece in item.content.into_iter().flatten().filter(|_| is_new) {
                    self.say(piece.text, (at, 0), Step::Text, each);
                    self.say(piece.refusal, (at, 0), Step::Refusal, each);
                }
                each(Step::PartEnd);
            }
            "reasoning" => {
                for (piece, number) in item.summary.iter().flatten().filter(|_| is_new).zip(0_u64..) {
                    part_break(number, each);
                    self.say(piece.text.as_deref().map(borrowed), (at, 0), Step::Reasoning, each);
                }
                for piece in item.content.iter().flatten().filter(|_| is_new) {
                    self.say(piece.text.as_deref().map(borrowed), (at, 0), Step::Reasoning, each);
                }
                sealed(&item, each);
                each(Step::PartEnd);
            }
            "function_call" => {
                self.begin(&item, at, each);
                self.end(&item, at, each);
            }
            _ => {}
        }
    }

    /// Reads an event of a stream.
    pub(crate) fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        let mut spare = Vec::new();
        let Some(event) = lenient::read::<Event<'_>>(data, &mut spare) else {
            return;
        };
        let at = event.output_index;
        let part = (at, event.content_index);
        match (&*event.r#type, event.response, event.item) {
            ("response.created", Some(response), _) => {
                each(Step::Start { id: response.id.0, model: response.model.0 });
            }
            ("response.output_item.added", _, Some(item)) if &*item.r#type == "function_call" => {
                self.begin(&item, at, each);
            }
            ("response.output_item.done", _, Some(item)) => {
                self.has_items = true;
                self.item(item, at, each);
            }
            ("response.output_text.delta", ..) => self.say(event.delta, part, Step::Text, each),
            ("response.output_text.done", ..) if !self.said.contains(&(at, Some(part.1))) => {
                self.say(event.text, part, Step::Text, each);
            }
            ("response.refusal.delta", ..) => self.say(event.delta, part, Step::Refusal, each),
            ("response.refusal.done", ..) if !self.said.contains(&(at, Some(part.1))) => {
                self.say(event.refusal, part, Step::Refusal, each);
            }
            ("response.reasoning_summary_part.added", ..) => part_break(event.summary_index, each),
            ("response.reasoning_summary_text.delta" | "response.reasoning_text.delta", ..) => {
                self.say(event.delta, part, Step::Reasoning, each);
            }
            ("response.function_call_arguments.delta", ..) => {
                self.arguments(event.delta.map(|json| json.0), at, each);
            }
            ("response.function_call_arguments.done", ..) => self.all_arguments(event.arguments, at, each),
            ("response.completed" | "response.incomplete" | "response.done", Some(response), _) => {
                self.rest(response.output, each);
                each(Step::Stop(self.stop(&response.status, response.incomplete_details)));
            }
            _ => {}
        }
    }

    /// What the last event has, and no event before: all of an answer, or the arguments of its calls.
    fn rest(&mut self, output: Option<&RawValue>, each: &mut dyn FnMut(Step<'_>)) {
        if !self.has_items && self.said.is_empty() && self.calls.is_empty() {
            return self.items(output, each);
        }
        if self.calls.values().all(|call| call.has_arguments) {
            return;
        }
        for raw in raw_items(output) {
            let mut spare = Vec::new();
            let item: Item<'_> = lenient::read(raw.get().as_bytes(), &mut spare).unwrap_or_default();
            let id = item.call_id.as_deref().unwrap_or(&item.id);
            let is_open = |call: &KnownCall| !call.has_arguments && call.id == id;
            let at = self.calls.iter().find(|(_, call)| is_open(call)).map(|(at, _)| *at);
            if let Some(at) = at {
                self.end(&item, at, each);
            }
        }
        for call in self.calls.values_mut().filter(|call| !call.has_arguments) {
            if let Some(json) = call.early.take() {
                call.has_arguments = true;
                each(Step::Arguments { index: call.number, json: Cow::Owned(json) });
            }
        }
    }

    fn begin(&mut self, item: &Item<'_>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        if self.calls.contains_key(&at) {
            return;
        }
        let index = self.next;
        self.next = index.saturating_add(1);
        let id = item.call_id.as_deref().unwrap_or(&item.id);
        let name = item.name.as_deref().unwrap_or_default();
        each(Step::Call { index, id: Cow::Borrowed(id), name: Cow::Borrowed(name) });
        let early = arguments_of(item.arguments).map(Cow::into_owned);
        let (id, has_name) = (id.to_owned(), !name.is_empty());
        self.calls.insert(at, KnownCall { number: index, id, has_name, has_arguments: false, early });
    }

    fn arguments(&mut self, json: Option<Cow<'_, str>>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        let json = json.filter(|json| !json.is_empty());
        if let (Some(json), Some(call)) = (json, self.calls.get_mut(&at)) {
            call.has_arguments = true;
            each(Step::Arguments { index: call.number, json });
        }
    }

    /// Arguments that did not come in pieces.
    fn all_arguments(&mut self, raw: Option<&RawValue>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        if self.calls.get(&at).is_some_and(|call| !call.has_arguments) {
            self.arguments(arguments_of(raw), at, each);
        }
    }

    /// The end of a call.
    fn end(&mut self, item: &Item<'_>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        self.all_arguments(item.arguments, at, each);
        let early = self.calls.get_mut(&at).filter(|call| !call.has_arguments).and_then(|call| call.early.take());
        self.arguments(early.map(Cow::Owned), at, each);
        if let Some(call) = self.calls.get(&at) {
            let late = item.name.as_deref().filter(|_| !call.has_name);
            if let Some(name) = late {
                each(Step::Call { index: call.number, id: Cow::Borrowed(""), name: Cow::Borrowed(name) });
            }
            each(Step::CallEnd { index: call.number });
        }
    }

    fn say<'a>(
        &mut self,
        text: Option<Text<'a>>,
        (item, part): (u64, u64),
        step: impl Fn(Cow<'a, str>) -> Step<'a>,
        each: &mut dyn FnMut(Step<'_>),
    ) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.said.insert((item, None));
            self.said.insert((item, Some(part)));
            each(step(text.0));
        }
    }

    fn stop(&self, status: &str, incomplete: Option<Incomplete<'_>>) -> Stop {
        let detail = incomplete.map(|details| details.reason.0.into_owned()).filter(|reason| !reason.is_empty());
        let native = detail.unwrap_or_else(|| status.to_owned());
        let reason = match (&*native, status) {
            ("max_output_tokens", _) => Reason::Length,
            ("content_filter", _) => Reason::Filter,
            // Incomplete for a reason that is not told or not known.
            (_, "incomplete") => Reason::Length,
            (_, "failed" | "cancelled" | "in_progress" | "queued") => Reason::Failed,
            _ if !self.calls.is_empty() => Reason::Calls,
            _ => Reason::End,
        };
        Stop { reason, native, sequence: None }
    }
}

fn raw_items(output: Option<&RawValue>) -> Vec<&RawValue> {
    output.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The text of arguments; some hosts give an object itself.
fn arguments_of(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let raw = raw.map(RawValue::get).filter(|raw| *raw != "null")?;
    Some(if raw.starts_with('"') { json::text(raw.as_bytes())? } else { Cow::Borrowed(raw) })
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
