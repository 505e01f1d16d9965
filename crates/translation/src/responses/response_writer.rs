//! Writes answers of `openai-responses`, streamed and whole.

use crate::conversation::Seal;
use crate::json_writer::{JsonWriter, value};
use crate::origin::{Origin, ResponseHead};
use crate::seal;
use crate::step::{Closing, Reason, Step, Stop};
use crate::usage;
use opencredits_units::Usage;
use opencredits_wire::json;
use opencredits_wire::sse::push_event;
use std::borrow::Cow;

/// The prefix of ids in this dialect.
const ID_PREFIX: &str = "resp_";

/// Writes a stream. An answer is a list of items, which the last event repeats.
pub(crate) struct Writer {
    origin: Origin,
    head: ResponseHead,
    begun: bool,
    sequence: u64,
    /// The completed items; empty where one is open.
    items: Vec<String>,
    /// The open message or reasoning item.
    open: Option<Open>,
    call: Option<OpenCall>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Reasoning,
}

struct Open {
    at: usize,
    kind: Kind,
    text: String,
    signature: Option<String>,
}

struct OpenCall {
    at: usize,
    id: String,
    name: String,
    json: String,
}

impl Kind {
    /// The event names of an item's part: the part, its text, its delta, its end.
    const fn names(self) -> [&'static str; 4] {
        match self {
            Self::Text => ["output_text", "text", "response.output_text.delta", "response.output_text.done"],
            Self::Refusal => ["refusal", "refusal", "response.refusal.delta", "response.refusal.done"],
            Self::Reasoning => [
                "summary_text",
                "text",
                "response.reasoning_summary_text.delta",
                "response.reasoning_summary_text.done",
            ],
        }
    }

    /// The events that add and end its part.
    const fn part_events(self) -> [&'static str; 2] {
        match self {
            Self::Reasoning => ["response.reasoning_summary_part.added", "response.reasoning_summary_part.done"],
            _ => ["response.content_part.added", "response.content_part.done"],
        }
    }

    /// The member that gives the index of the part.
    const fn place(self) -> &'static str {
        if matches!(self, Self::Reasoning) { "summary_index" } else { "content_index" }
    }

    fn write_part(self, out: &mut JsonWriter, text: &str) {
        let [kind, member, ..] = self.names();
        out.object(|out| {
            out.member("type", kind);
            out.member(member, text);
            if self == Self::Text {
                out.member_raw("annotations", "[]");
            }
        });
    }
}

impl Writer {
    pub(crate) fn new(origin: Origin) -> Self {
        let (head, items) = (ResponseHead::default(), Vec::new());
        Self { origin, head, begun: false, sequence: 0, items, open: None, call: None }
    }

    /// Writes one step; [`Writer::close`] writes the last.
    pub(crate) fn step(&mut self, step: &Step<'_>, out: &mut Vec<u8>) {
        match step {
            Step::Start { id, model } => self.start(id, model, out),
            Step::Text(text) => self.say(Kind::Text, text, out),
            Step::Refusal(text) => self.say(Kind::Refusal, text, out),
            Step::Reasoning(text) => self.say(Kind::Reasoning, text, out),
            Step::Signature(more) => {
                let signed = self.open.as_mut().filter(|open| open.kind == Kind::Reasoning);
                match signed {
                    Some(open) => open.signature.get_or_insert_default().push_str(more),
                    None => self.sealed(&Seal::Signature(more.as_ref().into()), out),
                }
            }
            Step::Redacted(data) => self.sealed(&Seal::Redacted(data.as_ref().into()), out),
            Step::Call { id, name, .. } => self.call(id, name, out),
            Step::Arguments { json, .. } => self.arguments(json, out),
            Step::PartEnd => self.leave(out),
            Step::CallEnd { .. } | Step::Stop(_) => {}
        }
    }

    fn start(&mut self, id: &str, model: &str, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let id = if id.starts_with(ID_PREFIX) { id.to_owned() } else { [ID_PREFIX, id].concat() };
        self.head = ResponseHead { id, model: model.to_owned() };
        for kind in ["response.created", "response.in_progress"] {
            let response = value(|out| self.response(out, None, "in_progress", None));
            self.event(out, kind, |out| out.member_raw("response", &response));
        }
    }

    /// Continues the open item, or opens one.
    fn say(&mut self, kind: Kind, text: &str, out: &mut Vec<u8>) {
        let goes_on = self.open.as_ref().is_some_and(|open| open.kind == kind && open.signature.is_none());
        if !goes_on {
            self.leave(out);
            self.enter(kind, out);
        }
        let Some(open) = &mut self.open else { return };
        open.text.push_str(text);
        let (at, [_, _, delta, _]) = (open.at, kind.names());
        let id = self.item_id(prefix(kind), at);
        self.event(out, delta, |out| {
            out.member("item_id", &id);
            out.count("output_index", count(at));
            out.member_raw(kind.place(), "0");
            out.member("delta", text);
            if kind == Kind::Text {
                out.member_raw("logprobs", "[]");
            }
        });
    }

    fn enter(&mut self, kind: Kind, out: &mut Vec<u8>) {
        let at = self.items.len();
        self.items.push(String::new());
        let id = self.item_id(prefix(kind), at);
        let item = match kind {
            Kind::Reasoning => reasoning(&id, "", None),
            _ => message(&id, "in_progress", None),
        };
        self.item_event(out, "response.output_item.added", at, &item);
        let [added, _] = kind.part_events();
        self.part_event(out, added, (kind, at, &id), "");
        self.open = Some(Open { at, kind, text: String::new(), signature: None });
    }

    /// Hidden reasoning.
    fn sealed(&mut self, seal: &Seal<'_>, out: &mut Vec<u8>) {
        self.leave(out);
        let at = self.items.len();
        let id = self.item_id("rs", at);
        let item = reasoning(&id, "", Some(&seal::wrap(&self.origin.vendor, Some(seal))));
        self.items.push(item.clone());
        self.item_event(out, "response.output_item.added", at, &item);
        self.item_event(out, "response.output_item.done", at, &item);
    }

    fn call(&mut self, id: &str, name: &str, out: &mut Vec<u8>) {
        self.leave(out);
        let at = self.items.len();
        self.items.push(String::new());
        let call = OpenCall { at, id: id.to_owned(), name: name.to_owned(), json: String::new() };
        let item = self.write_call(&call, "in_progress");
        self.item_event(out, "response.output_item.added", at, &item);
        self.call = Some(call);
    }

    fn arguments(&mut self, json: &str, out: &mut Vec<u8>) {
        let Some(call) = &mut self.call else { return };
        call.json.push_str(json);
        if self.origin.is_custom(&call.name) {
            // The text is known once the object around it is complete.
            return;
        }
        let at = call.at;
        let id = self.item_id("fc", at);
        self.event(out, "response.function_call_arguments.delta", |out| {
            out.member("item_id", &id);
            out.count("output_index", count(at));
            out.member("delta", json);
        });
    }

    /// Closes everything that is open.
    fn leave(&mut self, out: &mut Vec<u8>) {
        self.leave_open(out);
        if let Some(call) = self.call.take() {
            if self.origin.is_custom(&call.name) {
                self.free_text(&call, out);
            } else {
                let id = self.item_id("fc", call.at);
                let name = self.origin.in_namespace(&call.name).1.to_owned();
                self.event(out, "response.function_call_arguments.done", |out| {
                    out.member("item_id", &id);
                    out.count("output_index", count(call.at));
                    out.member("name", &name);
                    out.member("arguments", &call.json);
                });
            }
            let item = self.write_call(&call, "completed");
            self.done(call.at, item, out);
        }
    }

    /// The text of a call of a custom tool, at once.
    fn free_text(&mut self, call: &OpenCall, out: &mut Vec<u8>) {
        let (id, input) = (self.item_id("ctc", call.at), input(&call.json));
        for (kind, member) in [("delta", "delta"), ("done", "input")] {
            self.event(out, &["response.custom_tool_call_input.", kind].concat(), |out| {
                out.member("item_id", &id);
                out.count("output_index", count(call.at));
                out.member(member, &input);
            });
        }
    }

    fn leave_open(&mut self, out: &mut Vec<u8>) {
        let Some(Open { at, kind, text, signature }) = self.open.take() else {
            return;
        };
        let id = self.item_id(prefix(kind), at);
        let [_, member, _, ended] = kind.names();
        self.event(out, ended, |out| {
            out.member("item_id", &id);
            out.count("output_index", count(at));
            out.member_raw(kind.place(), "0");
            out.member(member, &text);
            if kind == Kind::Text {
                out.member_raw("logprobs", "[]");
            }
        });
        let [_, done] = kind.part_events();
        self.part_event(out, done, (kind, at, &id), &text);
        let item = match kind {
            Kind::Reasoning => {
                // Unsigned reasoning gets a tag with its vendor.
                let seal = signature.map(|signature| Seal::Signature(signature.into()));
                reasoning(&id, &text, Some(&seal::wrap(&self.origin.vendor, seal.as_ref())))
            }
            _ => message(&id, "completed", Some((kind, &text))),
        };
        self.done(at, item, out);
    }

    fn done(&mut self, at: usize, item: String, out: &mut Vec<u8>) {
        self.item_event(out, "response.output_item.done", at, &item);
        if let Some(place) = self.items.get_mut(at) {
            *place = item;
        }
    }

    fn item_id(&self, prefix: &str, at: usize) -> String {
        let id = self.head.id.strip_prefix(ID_PREFIX).unwrap_or(&self.head.id);
        format!("{prefix}_{id}_{at}")
    }

    fn write_call(&self, call: &OpenCall, status: &str) -> String {
        let is_custom = self.origin.is_custom(&call.name);
        let (prefix, kind) = if is_custom { ("ctc", "custom_tool_call") } else { ("fc", "function_call") };
        value(|out| {
            out.object(|out| {
                out.member("id", &self.item_id(prefix, call.at));
                out.member("type", kind);
                out.member("status", status);
                out.member("call_id", &call.id);
                let (namespace, name) = self.origin.in_namespace(&call.name);
                if let Some(namespace) = namespace {
                    out.member("namespace", namespace);
                }
                out.member("name", name);
                match (is_custom, status) {
                    (true, "completed") => out.member("input", &input(&call.json)),
                    (true, _) => out.member("input", ""),
                    (false, "completed") => out.member("arguments", &call.json),
                    (false, _) => out.member("arguments", ""),
                }
            });
        })
    }

    fn event(&mut self, out: &mut Vec<u8>, kind: &str, members: impl FnOnce(&mut JsonWriter)) {
        let data = value(|out| {
            out.object(|out| {
                out.member("type", kind);
                out.count("sequence_number", self.sequence);
                members(out);
            });
        });
        self.sequence = self.sequence.saturating_add(1);
        push_event(out, kind.as_bytes(), data.as_bytes());
    }

    fn item_event(&mut self, out: &mut Vec<u8>, kind: &str, at: usize, item: &str) {
        self.event(out, kind, |out| {
            out.count("output_index", count(at));
            out.member_raw("item", item);
        });
    }

    fn part_event(&mut self, out: &mut Vec<u8>, event: &str, (kind, at, id): (Kind, usize, &str), text: &str) {
        self.event(out, event, |out| {
            out.member("item_id", id);
            out.count("output_index", count(at));
            out.member_raw(kind.place(), "0");
            kind.write_part(out.key("part"), text);
        });
    }

    /// The response so far.
    fn response(&self, out: &mut JsonWriter, stop: Option<&Stop>, status: &str, counts: Option<(&Usage, &str)>) {
        out.object(|out| {
            out.member("id", &self.head.id);
            out.member("object", "response");
            out.count("created_at", self.origin.created);
            out.member("status", status);
            out.member("model", &self.head.model);
            out.key("output").array(|out| {
                self.items.iter().filter(|item| !item.is_empty()).for_each(|item| out.raw(item));
            });
            for name in ["error", "instructions", "max_output_tokens", "previous_response_id", "temperature", "top_p"] {
                out.member_raw(name, "null");
            }
            match stop.and_then(|stop| incomplete(stop.reason)) {
                Some(reason) => out.key("incomplete_details").object(|out| out.member("reason", reason)),
                None => out.member_raw("incomplete_details", "null"),
            }
            out.member_raw("parallel_tool_calls", "true");
            out.member_raw("store", "false");
            out.member("tool_choice", "auto");
            out.member_raw("tools", "[]");
            out.member("truncation", "disabled");
            out.member_raw("metadata", "{}");
            if let Some(stop) = stop {
                out.member("native_finish_reason", &stop.native);
            }
            match counts {
                Some((counts, extras)) => usage::responses(out.key("usage"), counts, extras),
                None => out.member_raw("usage", "null"),
            }
        });
    }

    /// The closing events: the end of open items, then the response with its usage.
    pub(crate) fn close(&mut self, closing: &Closing<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.start("", "", &mut out);
        self.leave(&mut out);
        let status = status(closing.stop);
        let counts = Some((closing.usage, closing.extras));
        let response = value(|out| self.response(out, closing.stop, status, counts));
        self.event(&mut out, &["response.", status].concat(), |out| out.member_raw("response", &response));
        out
    }
}

/// Writes a whole answer from its steps.
pub(crate) fn write_body(read: impl FnOnce(&mut dyn FnMut(Step<'_>)), usage: &Usage, origin: &Origin) -> Vec<u8> {
    let (mut writer, mut stop, mut events) = (Writer::new(origin.clone()), None, Vec::new());
    read(&mut |step| match step {
        Step::Stop(reason) => stop = Some(reason),
        step => {
            writer.step(&step, &mut events);
            events.clear();
        }
    });
    writer.leave(&mut events);
    value(|out| writer.response(out, stop.as_ref(), status(stop.as_ref()), Some((usage, "")))).into_bytes()
}

const fn prefix(kind: Kind) -> &'static str {
    if matches!(kind, Kind::Reasoning) { "rs" } else { "msg" }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The free text in a call's arguments; all of the arguments where a model gave another object.
fn input(json: &str) -> Cow<'_, str> {
    json::member(json.as_bytes(), "input").and_then(json::text).unwrap_or(Cow::Borrowed(json))
}

/// The reason why an answer is incomplete; a paused turn has none.
const fn incomplete(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::Length | Reason::Pause | Reason::Failed | Reason::BrokenCall => Some("max_output_tokens"),
        Reason::Filter => Some("content_filter"),
        Reason::End | Reason::Sequence | Reason::Calls => None,
    }
}

fn status(stop: Option<&Stop>) -> &'static str {
    if stop.and_then(|stop| incomplete(stop.reason)).is_some() { "incomplete" } else { "completed" }
}

fn message(id: &str, status: &str, content: Option<(Kind, &str)>) -> String {
    value(|out| {
        out.object(|out| {
            out.member("id", id);
            out.member("type", "message");
            out.member("status", status);
            out.member("role", "assistant");
            out.key("content").array(|out| {
                if let Some((kind, text)) = content {
                    kind.write_part(out, text);
                }
            });
        });
    })
}

fn reasoning(id: &str, text: &str, encrypted: Option<&str>) -> String {
    value(|out| {
        out.object(|out| {
            out.member("id", id);
            out.member("type", "reasoning");
            out.key("summary").array(|out| {
                if !text.is_empty() {
                    Kind::Reasoning.write_part(out, text);
                }
            });
            if let Some(encrypted) = encrypted {
                out.member("encrypted_content", encrypted);
            }
        });
    })
}
