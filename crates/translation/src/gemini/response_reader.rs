//! Reads answers of `gemini-generate`, whole and streamed: an event has the form of a whole answer.

use crate::conversation::Text;
use crate::lenient;
use crate::step::{Reason, Step, Stop};
use opencredits_dialects::{BLOCK_REASONS, FINISH_REASONS, enum_name};
use opencredits_wire::json;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow)]
    candidates: Vec<Candidate<'a>>,
    #[serde(borrow, alias = "prompt_feedback")]
    prompt_feedback: Option<Feedback<'a>>,
    #[serde(borrow, alias = "model_version")]
    model_version: Option<Text<'a>>,
    #[serde(borrow, alias = "response_id")]
    response_id: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow, alias = "finish_reason")]
    finish_reason: Option<&'a RawValue>,
    index: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Vec<Piece<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback<'a> {
    #[serde(borrow, alias = "block_reason")]
    block_reason: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Piece<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    thought: bool,
    #[serde(borrow, alias = "thought_signature")]
    thought_signature: Option<Text<'a>>,
    #[serde(borrow, alias = "function_call")]
    function_call: Option<FunctionCall<'a>>,
}

#[derive(Deserialize)]
struct FunctionCall<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
    /// Arguments in pieces, which nobody asks for here.
    #[serde(borrow, default, rename = "partialArgs")]
    partial: Option<&'a RawValue>,
    #[serde(default, rename = "willContinue")]
    goes_on: bool,
}

fn name(raw: Option<&RawValue>, names: &[&'static str]) -> Option<String> {
    raw.and_then(|raw| enum_name(raw.get().as_bytes(), names)).map(Cow::into_owned)
}

/// Numbers calls.
#[derive(Default)]
pub(crate) struct Reader {
    has_begun: bool,
    calls: u64,
}

impl Reader {
    /// Reads a whole answer.
    pub(crate) fn whole(&mut self, body: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        if body.trim_ascii_start().first() == Some(&b'[') {
            return json::items(body, |chunk| self.event(chunk, each));
        }
        self.event(body, each);
    }

    /// Reads an event of a stream.
    pub(crate) fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        let mut spare = Vec::new();
        let Some(chunk) = lenient::read::<Chunk<'_>>(data, &mut spare) else {
            return;
        };
        if !std::mem::replace(&mut self.has_begun, true) {
            each(Step::Start {
                id: chunk.response_id.unwrap_or_default().0,
                model: chunk.model_version.unwrap_or_default().0,
            });
        }
        for candidate in chunk.candidates.into_iter().filter(|candidate| candidate.index == 0) {
            for piece in candidate.content.unwrap_or_default().parts {
                self.piece(piece, each);
            }
            if let Some(native) = name(candidate.finish_reason, FINISH_REASONS) {
                each(Step::Stop(Stop { reason: self.reason(&native), native, sequence: None }));
            }
        }
        let blocked = chunk.prompt_feedback.and_then(|feedback| name(feedback.block_reason, BLOCK_REASONS));
        if let Some(native) = blocked {
            each(Step::Stop(Stop { reason: Reason::Filter, native, sequence: None }));
        }
    }

    fn piece(&mut self, piece: Piece<'_>, each: &mut dyn FnMut(Step<'_>)) {
        let text = piece.text.filter(|text| !text.is_empty());
        let seal = piece.thought_signature.filter(|seal| !seal.is_empty());
        if piece.thought {
            if let Some(text) = text {
                each(Step::Reasoning(text.0));
            }
            if let Some(seal) = seal {
                each(Step::Signature(seal.0));
            }
            return;
        }
        // A seal comes before the part that carries it.
        if let Some(seal) = seal {
            each(Step::PartEnd);
            each(Step::Redacted(seal.0));
        }
        if let Some(text) = text {
            each(Step::Text(text.0));
        }
        if let Some(call) = piece.function_call {
            self.call(call, each);
        }
    }

    fn call(&mut self, call: FunctionCall<'_>, each: &mut dyn FnMut(Step<'_>)) {
        let index = self.calls;
        self.calls = index.saturating_add(1);
        each(Step::Call { index, id: call.id.unwrap_or_default().0, name: call.name.0 });
        let pieces = call.partial.map(RawValue::get).or(call.goes_on.then_some("…"));
        if let Some(json) = call.args.map(RawValue::get).filter(|_| pieces.is_none()).or(pieces) {
            each(Step::Arguments { index, json: Cow::Borrowed(json) });
        }
        each(Step::CallEnd { index });
    }

    fn reason(&self, native: &str) -> Reason {
        match native {
            "MAX_TOKENS" => Reason::Length,
            // The provider reports STOP after calls, too.
            "STOP" | "FINISH_REASON_UNSPECIFIED" | "OTHER" if self.calls > 0 => Reason::Calls,
            "STOP" | "FINISH_REASON_UNSPECIFIED" | "OTHER" => Reason::End,
            "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "MODEL_ARMOR" => {
                Reason::Filter
            }
            "IMAGE_SAFETY" | "IMAGE_PROHIBITED_CONTENT" | "IMAGE_RECITATION" => Reason::Filter,
            // A malformed call, or one of an unknown function, is not a refusal.
            _ => Reason::Failed,
        }
    }
}
