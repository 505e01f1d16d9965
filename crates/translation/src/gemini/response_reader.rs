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
    #[serde(borrow)]
    prompt_feedback: Option<Feedback<'a>>,
    #[serde(borrow)]
    model_version: Option<Text<'a>>,
    #[serde(borrow)]
    response_id: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
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
    #[serde(borrow)]
    block_reason: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Piece<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    thought: bool,
    #[serde(borrow)]
    thought_signature: Option<Text<'a>>,
    #[serde(borrow)]
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
}

fn name(raw: Option<&RawValue>, names: &[&'static str]) -> Option<String> {
    raw.and_then(|raw| enum_name(raw.get().as_bytes(), names)).map(Cow::into_owned)
}

/// Numbers calls, and gives them ids that no other answer has.
#[derive(Default)]
pub(crate) struct Reader {
    id: Option<String>,
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
        if self.id.is_none() {
            let id = chunk.response_id.unwrap_or_default().0;
            self.id = Some(id.clone().into_owned());
            each(Step::Start { id, model: chunk.model_version.unwrap_or_default().0 });
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
        let answer = self.id.as_deref().unwrap_or_default();
        let id = call.id.filter(|id| !id.is_empty()).map(|id| id.0);
        let id = id.unwrap_or_else(|| Cow::Owned(format!("call_{answer}_{index}")));
        each(Step::Call { index, id, name: call.name.0 });
        if let Some(args) = call.args {
            each(Step::Arguments { index, json: Cow::Borrowed(args.get()) });
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
