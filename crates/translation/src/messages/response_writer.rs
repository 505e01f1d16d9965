//! Writes streams of `anthropic-messages`.

use super::stop::write_stop;
use crate::conversation::Seal;
use crate::json_writer::{JsonWriter, value};
use crate::origin::Origin;
use crate::seal;
use crate::step::{Closing, Step};
use crate::usage;
use opencredits_units::{Bucket, Tokens, Usage};
use opencredits_wire::sse::push_event;
use std::sync::Arc;

/// The prefix of ids in this dialect.
const ID_PREFIX: &str = "msg_";

/// Writes a stream. One block is open at a time; its index rises.
pub(crate) struct Writer {
    /// The vendor of signatures.
    vendor: Arc<str>,
    /// The estimated input.
    input: u64,
    begun: bool,
    blocks: u64,
    open: Option<Open>,
}

/// The kind of the open block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    /// Whether the signature was written: the next reasoning is another block.
    Signed,
    Call,
}

impl Writer {
    pub(crate) fn new(origin: Origin) -> Self {
        Self { vendor: origin.vendor, input: origin.input, begun: false, blocks: 0, open: None }
    }

    /// An id in the form that clients of this dialect expect.
    pub(super) fn message_id(id: &str) -> String {
        if id.starts_with(ID_PREFIX) { id.to_owned() } else { [ID_PREFIX, id].concat() }
    }

    /// Writes one step; [`Writer::close`] writes the last.
    pub(crate) fn step(&mut self, step: &Step<'_>, out: &mut Vec<u8>) {
        match step {
            Step::Start { id, model } => self.start(id, model, out),
            Step::Text(text) | Step::Refusal(text) => {
                self.enter(Open::Text, out);
                self.delta(out, "text_delta", "text", text);
            }
            Step::Reasoning(text) => {
                self.enter(Open::Thinking, out);
                self.delta(out, "thinking_delta", "thinking", text);
            }
            Step::Signature(seal) => {
                self.enter(Open::Thinking, out);
                self.sign(Some(&Seal::Signature(seal.as_ref().into())), out);
                self.open = Some(Open::Signed);
            }
            Step::Redacted(data) => {
                self.leave(out);
                self.begin(out, |out| {
                    out.member("type", "redacted_thinking");
                    out.member("data", &seal::wrap(&self.vendor, Some(&Seal::Redacted(data.as_ref().into()))));
                });
                self.end(out);
            }
            Step::Call { id, name, .. } => self.call(id, name, out),
            Step::Arguments { json, .. } => self.delta(out, "input_json_delta", "partial_json", json),
            Step::CallEnd { .. } | Step::PartEnd | Step::Stop(_) => {}
        }
    }

    fn start(&mut self, id: &str, model: &str, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let data = value(|out| {
            out.object(|out| {
                out.member("type", "message_start");
                out.key("message").object(|out| {
                    out.member("id", &Self::message_id(id));
                    out.member("type", "message");
                    out.member("role", "assistant");
                    out.member("model", model);
                    out.member_raw("content", "[]");
                    write_stop(out, None);
                    // An estimate: the usage is known at the end.
                    let mut usage = Usage::default();
                    usage.set(Bucket::InputUncached, Tokens::new(self.input));
                    usage::messages(out.key("usage"), &usage, "");
                });
            });
        });
        push_event(out, b"message_start", data.as_bytes());
        push_event(out, b"ping", br#"{"type":"ping"}"#);
    }

    /// Signs the open reasoning block in the name of its vendor: this dialect takes back signed reasoning only.
    fn sign(&self, seal: Option<&Seal<'_>>, out: &mut Vec<u8>) {
        self.delta(out, "signature_delta", "signature", &seal::wrap(&self.vendor, seal));
    }

    fn call(&mut self, id: &str, name: &str, out: &mut Vec<u8>) {
        self.leave(out);
        self.begin(out, |out| {
            out.member("type", "tool_use");
            out.member("id", id);
            out.member("name", name);
            out.member_raw("input", "{}");
        });
        self.open = Some(Open::Call);
    }

    /// Opens a block of this kind, unless it is open.
    fn enter(&mut self, kind: Open, out: &mut Vec<u8>) {
        if self.open == Some(kind) {
            return;
        }
        self.leave(out);
        self.begin(out, |out| match kind {
            Open::Text | Open::Call => {
                out.member("type", "text");
                out.member("text", "");
            }
            Open::Thinking | Open::Signed => {
                out.member("type", "thinking");
                out.member("thinking", "");
                out.member("signature", "");
            }
        });
        self.open = Some(kind);
    }

    /// Closes the open block.
    fn leave(&mut self, out: &mut Vec<u8>) {
        if let Some(open) = self.open.take() {
            if open == Open::Thinking {
                self.sign(None, out);
            }
            self.end(out);
        }
    }

    fn begin(&self, out: &mut Vec<u8>, block: impl FnOnce(&mut JsonWriter)) {
        let data = value(|out| {
            out.object(|out| {
                out.member("type", "content_block_start");
                out.count("index", self.blocks);
                out.key("content_block").object(block);
            });
        });
        push_event(out, b"content_block_start", data.as_bytes());
    }

    fn delta(&self, out: &mut Vec<u8>, kind: &str, member: &str, text: &str) {
        let data = value(|out| {
            out.object(|out| {
                out.member("type", "content_block_delta");
                out.count("index", self.blocks);
                out.key("delta").object(|out| {
                    out.member("type", kind);
                    out.member(member, text);
                });
            });
        });
        push_event(out, b"content_block_delta", data.as_bytes());
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let data = value(|out| {
            out.object(|out| {
                out.member("type", "content_block_stop");
                out.count("index", self.blocks);
            });
        });
        push_event(out, b"content_block_stop", data.as_bytes());
        self.blocks = self.blocks.saturating_add(1);
    }

    /// The closing events: the end of the open block, the stop reason with the usage, and the end.
    pub(crate) fn close(&mut self, closing: &Closing<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.start("", "", &mut out);
        self.leave(&mut out);
        let data = value(|out| {
            out.object(|out| {
                out.member("type", "message_delta");
                out.key("delta").object(|out| write_stop(out, closing.stop));
                usage::messages(out.key("usage"), closing.usage, closing.extras);
            });
        });
        push_event(&mut out, b"message_delta", data.as_bytes());
        push_event(&mut out, b"message_stop", br#"{"type":"message_stop"}"#);
        out
    }
}
