//! Reads and writes answers of `openai-chat`, whole and streamed.

use crate::conversation::Text;
use crate::json_writer::{JsonWriter, value};
use crate::origin::{Origin, ResponseHead};
use crate::step::{Closing, Reason, Step, Stop};
use crate::usage;
use opencredits_units::Usage;
use opencredits_wire::sse::push_event;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Answer<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    message: Option<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
    #[serde(default)]
    index: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

/// A piece of reasoning in the form of some hosts, which take it back unchanged.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    summary: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
}

impl Detail<'_> {
    fn text(&self) -> &str {
        let text = self.text.as_deref().filter(|text| !text.is_empty());
        text.or(self.summary.as_deref()).unwrap_or_default()
    }
}

impl Delta<'_> {
    /// Emits reasoning: from the details where they are complete, else from the text and its seal.
    fn think(&mut self, each: &mut dyn FnMut(Step<'_>)) {
        let shown = some(self.reasoning_content.take()).or(some(self.reasoning.take()));
        // Details of an unknown form belong to another host.
        let raws = self.reasoning_details.take().and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
        let raws = raws.iter().flatten().map(|raw| raw.get());
        let details: Vec<(&str, Detail<'_>)> =
            raws.map(|raw| (raw, serde_json::from_str(raw).unwrap_or_default())).collect();
        let length: usize = details.iter().map(|(_, detail)| detail.text().len()).sum();
        let in_details = length > 0 && length >= shown.as_ref().map_or(0, |text| text.len());
        if let Some(text) = shown.filter(|_| !in_details) {
            each(Step::Reasoning(text.0));
        }
        for (raw, detail) in details {
            if in_details && !detail.text().is_empty() {
                each(Step::Reasoning(detail.text().into()));
            }
            if some(detail.signature).is_some() {
                each(Step::Signature(raw.into()));
                each(Step::PartEnd);
            } else if some(detail.data).is_some() {
                each(Step::PartEnd);
                each(Step::Redacted(raw.into()));
            }
        }
    }
}

/// Some hosts give reasoning and text as parts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(#[serde(borrow)] Text<'a>),
    Parts(#[serde(borrow)] Vec<ContentPart<'a>>),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContentPart<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Vec<ContentPart<'a>>>,
}

impl Content<'_> {
    fn say(self, each: &mut dyn FnMut(Step<'_>)) {
        let parts = match self {
            Self::Text(text) => vec![ContentPart { text: Some(text), thinking: None }],
            Self::Parts(parts) => parts,
        };
        for part in parts {
            for text in part.thinking.into_iter().flatten().filter_map(|part| some(part.text)) {
                each(Step::Reasoning(text.0));
            }
            if let Some(text) = some(part.text) {
                each(Step::Text(text.0));
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolCall<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
}

/// Assigns a delta to its call: by its index, unless its id begins another call. A call without an id gets one that no
/// other answer has.
#[derive(Default)]
pub(crate) struct Reader {
    /// The answer's id, once known.
    id: Option<String>,
    /// The calls by their index upstream.
    calls: HashMap<u64, SameIndex>,
    /// The number of the next call.
    next: u64,
    /// The index of the last call.
    last_index: u64,
}

/// The calls of one index: some hosts give several the same.
#[derive(Default)]
struct SameIndex {
    latest: u64,
    by_id: HashMap<String, u64>,
}

impl SameIndex {
    /// The number of the call that a delta with this id belongs to; that of the latest where it has none.
    fn number_of(&self, id: &str) -> Option<u64> {
        if id.is_empty() { Some(self.latest) } else { self.by_id.get(id).copied() }
    }
}

impl Reader {
    /// Reads a whole answer.
    pub(crate) fn whole(&mut self, body: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        self.read(body, |choice| choice.message.take(), each);
    }

    /// Reads one chunk of a stream. Some hosts repeat the text so far in `message`.
    pub(crate) fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        self.read(data, |choice| choice.delta.take(), each);
    }

    fn read(
        &mut self,
        data: &[u8],
        delta_of: impl for<'a> Fn(&mut Choice<'a>) -> Option<Delta<'a>>,
        each: &mut dyn FnMut(Step<'_>),
    ) {
        let Ok(answer) = serde_json::from_slice::<Answer<'_>>(data) else {
            return;
        };
        if self.id.is_none() {
            let id = answer.id.unwrap_or_default().0;
            self.id = Some(id.clone().into_owned());
            each(Step::Start { id, model: answer.model.unwrap_or_default().0 });
        }
        for mut choice in answer.choices.into_iter().filter(|choice| choice.index == 0) {
            self.delta(delta_of(&mut choice).unwrap_or_default(), each);
            if let Some(native) = choice.finish_reason.filter(|native| !native.is_empty()) {
                let native = native.0.into_owned();
                each(Step::Stop(Stop { reason: self.reason(&native), native, sequence: None }));
            }
        }
    }

    fn delta(&mut self, mut delta: Delta<'_>, each: &mut dyn FnMut(Step<'_>)) {
        delta.think(each);
        if let Some(content) = delta.content {
            content.say(each);
        }
        if let Some(text) = some(delta.refusal) {
            each(Step::Refusal(text.0));
        }
        for call in delta.tool_calls.into_iter().flatten() {
            let index = self.call(&call, each);
            if let Some(json) = some(call.function.arguments) {
                each(Step::Arguments { index, json: json.0 });
            }
        }
    }

    /// The number of the call that a delta belongs to; emits the start of a new call.
    fn call(&mut self, call: &ToolCall<'_>, each: &mut dyn FnMut(Step<'_>)) -> u64 {
        let id = call.id.as_deref().unwrap_or_default();
        // A whole message has no indices: each of its calls has a name, and is a call of its own.
        let at = call.index.or_else(|| call.function.name.is_none().then_some(self.last_index));
        let known = at.and_then(|at| self.calls.get(&at));
        if let Some(number) = known.and_then(|known| known.number_of(id)) {
            return number;
        }
        let number = self.next;
        let answer = self.id.as_deref().unwrap_or_default();
        let id = if id.is_empty() { format!("call_{answer}_{number}") } else { id.to_owned() };
        let name = call.function.name.as_deref().unwrap_or_default();
        each(Step::Call { index: number, id: Cow::Borrowed(&id), name: Cow::Borrowed(name) });
        self.next = number.saturating_add(1);
        self.last_index = at.unwrap_or(number);
        let same_index = self.calls.entry(self.last_index).or_default();
        same_index.latest = number;
        same_index.by_id.insert(id, number);
        number
    }

    fn reason(&self, native: &str) -> Reason {
        match native {
            "length" => Reason::Length,
            "content_filter" => Reason::Filter,
            "error" => Reason::Failed,
            "tool_calls" | "function_call" => Reason::Calls,
            // Some hosts report "stop" after calls, too.
            _ if !self.calls.is_empty() => Reason::Calls,
            _ => Reason::End,
        }
    }
}

fn some(text: Option<Text<'_>>) -> Option<Text<'_>> {
    text.filter(|text| !text.is_empty())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

const fn finish(reason: Reason) -> &'static str {
    match reason {
        Reason::End | Reason::Sequence => "stop",
        // A paused turn is incomplete, and "stop" would say that it is complete.
        Reason::Length | Reason::Pause => "length",
        Reason::Calls => "tool_calls",
        Reason::Filter => "content_filter",
        // Not part of the API, but the words of gateways in front of this one.
        Reason::Failed | Reason::BrokenCall => "error",
    }
}

/// Writes a stream.
pub(crate) struct Writer {
    head: ResponseHead,
    origin: Origin,
    begun: bool,
    thoughts: u64,
}

impl Writer {
    pub(crate) fn new(origin: Origin) -> Self {
        Self { head: ResponseHead::default(), origin, begun: false, thoughts: 0 }
    }

    /// Writes one step; [`Writer::close`] writes the last.
    pub(crate) fn step(&mut self, step: &Step<'_>, out: &mut Vec<u8>) {
        if let Step::Start { id, model } = step {
            self.head = ResponseHead { id: id.to_string(), model: model.to_string() };
            return;
        }
        let delta = value(|out| out.object(|out| self.delta(step, out)));
        if delta != "{}" {
            self.chunk(&delta, None, out);
        }
    }

    fn delta(&mut self, step: &Step<'_>, out: &mut JsonWriter) {
        let say_role = |begun: &mut bool, out: &mut JsonWriter| {
            if !std::mem::replace(begun, true) {
                out.member("role", "assistant");
            }
        };
        match step {
            Step::Text(text) => {
                say_role(&mut self.begun, out);
                out.member("content", text);
            }
            Step::Refusal(text) => {
                say_role(&mut self.begun, out);
                out.member("refusal", text);
            }
            Step::Reasoning(text) => {
                say_role(&mut self.begun, out);
                out.member("reasoning", text);
                out.member("reasoning_content", text);
                self.detail(out, "reasoning.text", "text", text);
            }
            Step::Signature(seal) => {
                self.detail(out, "reasoning.text", "signature", seal);
                self.thoughts = self.thoughts.saturating_add(1);
            }
            Step::Redacted(seal) => {
                self.detail(out, "reasoning.encrypted", "data", seal);
                self.thoughts = self.thoughts.saturating_add(1);
            }
            Step::Call { index, id, name } => {
                say_role(&mut self.begun, out);
                out.key("tool_calls").array(|out| {
                    out.object(|out| {
                        out.count("index", *index);
                        out.member("id", id);
                        out.member("type", "function");
                        out.key("function").object(|out| {
                            out.member("name", name);
                            out.member("arguments", "");
                        });
                    });
                });
            }
            Step::Arguments { index, json } => out.key("tool_calls").array(|out| {
                out.object(|out| {
                    out.count("index", *index);
                    out.key("function").object(|out| out.member("arguments", json));
                });
            }),
            Step::Start { .. } | Step::PartEnd | Step::Stop(_) => {}
        }
    }

    fn detail(&self, out: &mut JsonWriter, kind: &str, member: &str, text: &str) {
        out.key("reasoning_details").array(|out| detail(out, &self.origin, kind, (member, text), self.thoughts));
    }

    fn chunk(&self, delta: &str, finish: Option<&Stop>, out: &mut Vec<u8>) {
        let chunk = value(|out| {
            out.object(|out| {
                self.head(out);
                out.key("choices").array(|out| {
                    out.object(|out| {
                        out.member_raw("index", "0");
                        out.member_raw("delta", delta);
                        write_finish(out, finish);
                    });
                });
            });
        });
        push_event(out, b"", chunk.as_bytes());
    }

    fn head(&self, out: &mut JsonWriter) {
        out.member("id", &self.head.id);
        out.member("object", "chat.completion.chunk");
        out.count("created", self.origin.created);
        out.member("model", &self.head.model);
    }

    /// The closing events: the finish reason, a usage chunk where one was requested, and the end.
    pub(crate) fn close(&self, closing: &Closing<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let usage = value(|out| usage::chat(out, closing.usage, closing.extras));
        let finish = value(|out| {
            out.object(|out| {
                self.head(out);
                out.key("choices").array(|out| {
                    out.object(|out| {
                        out.member_raw("index", "0");
                        out.member_raw("delta", "{}");
                        write_finish(out, closing.stop);
                    });
                });
                if !closing.usage_chunk {
                    out.member_raw("usage", &usage);
                }
            });
        });
        push_event(&mut out, b"", finish.as_bytes());
        if closing.usage_chunk {
            let last = value(|out| {
                out.object(|out| {
                    self.head(out);
                    out.member_raw("choices", "[]");
                    out.member_raw("usage", &usage);
                });
            });
            push_event(&mut out, b"", last.as_bytes());
        }
        push_event(&mut out, b"", b"[DONE]");
        out
    }
}

fn write_finish(out: &mut JsonWriter, stop: Option<&Stop>) {
    match stop {
        Some(stop) => {
            out.member("finish_reason", finish(stop.reason));
            out.member("native_finish_reason", &stop.native);
        }
        None => out.member_raw("finish_reason", "null"),
    }
}

/// A piece of reasoning, tagged with its vendor.
fn detail(out: &mut JsonWriter, origin: &Origin, kind: &str, (member, text): (&str, &str), index: u64) {
    out.object(|out| {
        out.member("type", kind);
        out.member(member, text);
        out.member("format", &origin.vendor);
        out.count("index", index);
    });
}

/// An answer that is being assembled.
#[derive(Default)]
struct Whole {
    head: ResponseHead,
    text: String,
    refusal: String,
    reasoning: String,
    thoughts: Vec<Sealed>,
    calls: Vec<[String; 3]>,
    stop: Option<Stop>,
}

/// A reasoning block, and the data that its provider wants back with it.
#[derive(Default)]
struct Sealed {
    text: String,
    signature: Option<String>,
    redacted: Option<String>,
}

impl Whole {
    fn step(&mut self, step: Step<'_>) {
        match step {
            Step::Start { id, model } => {
                self.head = ResponseHead { id: id.into_owned(), model: model.into_owned() };
            }
            Step::Text(text) => self.text.push_str(&text),
            Step::Refusal(text) => self.refusal.push_str(&text),
            Step::Reasoning(text) => {
                self.reasoning.push_str(&text);
                match self.thoughts.last_mut().filter(|last| last.signature.is_none() && last.redacted.is_none()) {
                    Some(last) => last.text.push_str(&text),
                    None => self.thoughts.push(Sealed { text: text.into_owned(), ..Sealed::default() }),
                }
            }
            Step::Signature(seal) => match self.thoughts.last_mut().filter(|last| last.signature.is_none()) {
                Some(last) => last.signature = Some(seal.into_owned()),
                None => self.thoughts.push(Sealed { signature: Some(seal.into_owned()), ..Sealed::default() }),
            },
            Step::Redacted(seal) => {
                self.thoughts.push(Sealed { redacted: Some(seal.into_owned()), ..Sealed::default() });
            }
            Step::Call { id, name, .. } => self.calls.push([id.into_owned(), name.into_owned(), String::new()]),
            Step::Arguments { index, json } => {
                if let Some([.., arguments]) = usize::try_from(index).ok().and_then(|at| self.calls.get_mut(at)) {
                    arguments.push_str(&json);
                }
            }
            Step::PartEnd => {}
            Step::Stop(stop) => self.stop = Some(stop),
        }
    }

    fn message(&self, out: &mut JsonWriter, origin: &Origin) {
        out.member("role", "assistant");
        if self.text.is_empty() && (!self.calls.is_empty() || !self.refusal.is_empty()) {
            out.member_raw("content", "null");
        } else {
            out.member("content", &self.text);
        }
        if self.refusal.is_empty() {
            out.member_raw("refusal", "null");
        } else {
            out.member("refusal", &self.refusal);
        }
        if !self.reasoning.is_empty() {
            out.member("reasoning", &self.reasoning);
            out.member("reasoning_content", &self.reasoning);
        }
        if !self.thoughts.is_empty() {
            out.key("reasoning_details").array(|out| {
                for (at, thought) in self.thoughts.iter().enumerate() {
                    thought.write(out, origin, count(at));
                }
            });
        }
        if !self.calls.is_empty() {
            out.key("tool_calls").array(|out| self.calls.iter().for_each(|call| write_call(out, call)));
        }
    }
}

impl Sealed {
    fn write(&self, out: &mut JsonWriter, origin: &Origin, index: u64) {
        if let Some(data) = &self.redacted {
            return detail(out, origin, "reasoning.encrypted", ("data", data), index);
        }
        out.object(|out| {
            out.member("type", "reasoning.text");
            out.member("text", &self.text);
            if let Some(signature) = &self.signature {
                out.member("signature", signature);
            }
            out.member("format", &origin.vendor);
            out.count("index", index);
        });
    }
}

fn write_call(out: &mut JsonWriter, [id, name, arguments]: &[String; 3]) {
    out.object(|out| {
        out.member("id", id);
        out.member("type", "function");
        out.key("function").object(|out| {
            out.member("name", name);
            out.member("arguments", if arguments.is_empty() { "{}" } else { arguments });
        });
    });
}

/// Writes a whole answer from its steps.
pub(crate) fn write_body(read: impl FnOnce(&mut dyn FnMut(Step<'_>)), usage: &Usage, origin: &Origin) -> Vec<u8> {
    let mut whole = Whole::default();
    read(&mut |step| whole.step(step));
    let mut out = JsonWriter::default();
    out.object(|out| {
        out.member("id", &whole.head.id);
        out.member("object", "chat.completion");
        out.count("created", origin.created);
        out.member("model", &whole.head.model);
        out.key("choices").array(|out| {
            out.object(|out| {
                out.member_raw("index", "0");
                out.key("message").object(|out| whole.message(out, origin));
                write_finish(out, whole.stop.as_ref());
                out.member_raw("logprobs", "null");
            });
        });
        usage::chat(out.key("usage"), usage, "");
    });
    out.bytes()
}
