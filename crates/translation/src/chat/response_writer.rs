//! Writes answers of `openai-chat`, whole and streamed.

use crate::json_writer::{JsonWriter, value};
use crate::origin::{Origin, ResponseHead};
use crate::step::{Closing, Reason, Step, Stop};
use crate::usage;
use opencredits_units::Usage;
use opencredits_wire::sse::push_event;

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
            Step::Start { .. } | Step::CallEnd { .. } | Step::PartEnd | Step::Stop(_) => {}
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
            Step::Arguments { json, .. } => {
                if let Some([.., arguments]) = self.calls.last_mut() {
                    arguments.push_str(&json);
                }
            }
            Step::CallEnd { .. } | Step::PartEnd => {}
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
            out.member("arguments", arguments);
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
