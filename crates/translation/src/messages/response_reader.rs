//! Reads answers of `anthropic-messages`, whole and streamed, and writes whole ones.

use super::response_writer::Writer;
use super::stop::write_stop;
use crate::conversation::{Seal, Text};
use crate::json_writer::JsonWriter;
use crate::lenient;
use crate::origin::{Origin, ResponseHead};
use crate::seal;
use crate::step::{Reason, Step, Stop};
use crate::usage;
use opencredits_units::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    model: Text<'a>,
    #[serde(borrow, default)]
    content: Vec<Block<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    stop_sequence: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    r#type: Text<'a>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    signature: Option<Text<'a>>,
    #[serde(borrow, default)]
    data: Option<Text<'a>>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    index: Option<u64>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    signature: Option<Text<'a>>,
    #[serde(borrow, default)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    stop_sequence: Option<Text<'a>>,
}

/// Numbers the client's calls, between which blocks of other kinds stand; built-in tools of the provider are not
/// counted.
#[derive(Default)]
pub(crate) struct Reader {
    calls: u64,
    /// The open blocks of a stream by their index, which some hosts mix.
    open: HashMap<u64, Open>,
    /// The index of the last one.
    last: u64,
}

/// An open block.
enum Open {
    Other,
    /// A call of a client's tool.
    Call {
        number: u64,
        has_arguments: bool,
        /// The arguments at its start: a stream begins with an empty object and gives them afterwards.
        input: Option<String>,
    },
    /// A built-in tool of the provider, or a block of an unknown type.
    Inside,
}

impl Reader {
    /// Reads a whole answer.
    pub(crate) fn whole(&mut self, body: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        let mut spare = Vec::new();
        let Some(message) = lenient::read::<Message<'_>>(body, &mut spare) else {
            return;
        };
        each(Step::Start { id: message.id.0, model: message.model.0 });
        for block in message.content {
            self.begin(block, each);
            self.end(self.last, each);
        }
        if let Some(native) = message.stop_reason {
            each(Step::Stop(stop(native, message.stop_sequence)));
        }
    }

    /// Reads an event of a stream.
    pub(crate) fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        let mut spare = Vec::new();
        let Some(event) = lenient::read::<Event<'_>>(data, &mut spare) else {
            return;
        };
        let at = event.index.unwrap_or(self.last);
        match (&*event.r#type, event.message, event.content_block, event.delta) {
            ("message_start", Some(message), ..) => each(Step::Start { id: message.id.0, model: message.model.0 }),
            ("content_block_start", _, Some(block), _) => {
                self.last = at;
                self.begin(block, each);
            }
            ("content_block_delta", .., Some(delta)) => self.delta(delta, at, each),
            ("content_block_stop", ..) => self.end(at, each),
            ("message_delta", .., Some(delta)) => {
                if let Some(native) = delta.stop_reason {
                    each(Step::Stop(stop(native, delta.stop_sequence)));
                }
            }
            _ => {}
        }
    }

    /// Begins the block at the last index.
    fn begin(&mut self, block: Block<'_>, each: &mut dyn FnMut(Step<'_>)) {
        let mut open = Open::Other;
        match &*block.r#type {
            "text" | "" => say(block.text, Step::Text, each),
            "thinking" => {
                say(block.thinking, Step::Reasoning, each);
                say(block.signature, Step::Signature, each);
            }
            "redacted_thinking" => say(block.data, Step::Redacted, each),
            "tool_use" => {
                let number = self.calls;
                self.calls = self.calls.saturating_add(1);
                let (id, name) = (block.id.unwrap_or_default().0, block.name.unwrap_or_default().0);
                each(Step::Call { index: number, id, name });
                let input = block.input.map(RawValue::get).filter(|input| *input != "{}");
                open = Open::Call { number, has_arguments: false, input: input.map(str::to_owned) };
            }
            _ => open = Open::Inside,
        }
        self.open.insert(self.last, open);
    }

    fn delta(&mut self, delta: Delta<'_>, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        match self.open.get_mut(&at) {
            Some(Open::Call { number, has_arguments, .. }) => {
                if let Some(json) = delta.partial_json.filter(|json| !json.is_empty()) {
                    *has_arguments = true;
                    each(Step::Arguments { index: *number, json: json.0 });
                }
            }
            Some(Open::Inside) => {}
            Some(Open::Other) | None => {
                say(delta.text, Step::Text, each);
                say(delta.thinking, Step::Reasoning, each);
                say(delta.signature, Step::Signature, each);
            }
        }
    }

    fn end(&mut self, at: u64, each: &mut dyn FnMut(Step<'_>)) {
        match self.open.remove(&at) {
            Some(Open::Call { number, has_arguments, input }) => {
                if let Some(input) = input.filter(|_| !has_arguments) {
                    each(Step::Arguments { index: number, json: Cow::Owned(input) });
                }
                each(Step::CallEnd { index: number });
            }
            Some(Open::Other) => each(Step::PartEnd),
            Some(Open::Inside) | None => {}
        }
    }
}

fn say<'a>(text: Option<Text<'a>>, step: impl Fn(Cow<'a, str>) -> Step<'a>, each: &mut dyn FnMut(Step<'_>)) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        each(step(text.0));
    }
}

fn stop(native: Text<'_>, sequence: Option<Text<'_>>) -> Stop {
    let reason = match &*native {
        "stop_sequence" => Reason::Sequence,
        "max_tokens" | "model_context_window_exceeded" => Reason::Length,
        "tool_use" => Reason::Calls,
        "refusal" => Reason::Filter,
        "pause_turn" => Reason::Pause,
        _ => Reason::End,
    };
    Stop { reason, native: native.0.into_owned(), sequence: sequence.map(|sequence| sequence.0.into_owned()) }
}

/// A block that is being assembled.
enum Whole {
    Text(String),
    Thinking { text: String, signature: String },
    Redacted(String),
    Call { id: String, name: String, json: String },
}

/// Writes a whole answer from its steps.
pub(crate) fn write_body(read: impl FnOnce(&mut dyn FnMut(Step<'_>)), usage: &Usage, origin: &Origin) -> Vec<u8> {
    let (mut head, mut stop, mut blocks) = (ResponseHead::default(), None, Vec::new());
    read(&mut |step| match step {
        Step::Start { id, model } => head = ResponseHead { id: id.into_owned(), model: model.into_owned() },
        Step::Stop(reason) => stop = Some(reason),
        step => append(&mut blocks, step),
    });
    let mut out = JsonWriter::default();
    out.object(|out| {
        out.member("id", &Writer::message_id(&head.id));
        out.member("type", "message");
        out.member("role", "assistant");
        out.member("model", &head.model);
        out.key("content").array(|out| blocks.iter().for_each(|block| write_block(out, block, &origin.vendor)));
        write_stop(out, stop.as_ref());
        usage::messages(out.key("usage"), usage, "");
    });
    out.bytes()
}

fn append(blocks: &mut Vec<Whole>, step: Step<'_>) {
    match (step, blocks.last_mut()) {
        (Step::Text(more) | Step::Refusal(more), Some(Whole::Text(text))) => text.push_str(&more),
        (Step::Text(text) | Step::Refusal(text), _) => blocks.push(Whole::Text(text.into_owned())),
        (Step::Reasoning(more), Some(Whole::Thinking { text, signature })) if signature.is_empty() => {
            text.push_str(&more);
        }
        (Step::Reasoning(text), _) => {
            blocks.push(Whole::Thinking { text: text.into_owned(), signature: String::new() });
        }
        (Step::Signature(seal), Some(Whole::Thinking { signature, .. })) => signature.push_str(&seal),
        (Step::Signature(seal), _) => {
            blocks.push(Whole::Thinking { text: String::new(), signature: seal.into_owned() });
        }
        (Step::Redacted(data), _) => blocks.push(Whole::Redacted(data.into_owned())),
        (Step::Call { id, name, .. }, _) => {
            blocks.push(Whole::Call { id: id.into_owned(), name: name.into_owned(), json: String::new() });
        }
        (Step::Arguments { json: more, .. }, Some(Whole::Call { json, .. })) => json.push_str(&more),
        _ => {}
    }
}

fn write_block(out: &mut JsonWriter, block: &Whole, vendor: &str) {
    out.object(|out| match block {
        Whole::Text(text) => {
            out.member("type", "text");
            out.member("text", text);
        }
        Whole::Thinking { text, signature } => {
            out.member("type", "thinking");
            out.member("thinking", text);
            let seal = (!signature.is_empty()).then(|| Seal::Signature(signature.into()));
            out.member("signature", &seal::wrap(vendor, seal.as_ref()));
        }
        Whole::Redacted(data) => {
            out.member("type", "redacted_thinking");
            out.member("data", &seal::wrap(vendor, Some(&Seal::Redacted(data.into()))));
        }
        Whole::Call { id, name, json } => {
            out.member("type", "tool_use");
            out.member("id", id);
            out.member("name", name);
            out.member_raw("input", json);
        }
    });
}
