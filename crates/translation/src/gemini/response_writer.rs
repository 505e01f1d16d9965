//! Writes answers of `gemini-generate`, streamed and whole.

use crate::conversation::Seal;
use crate::json_writer::{JsonWriter, value};
use crate::origin::{Origin, ResponseHead};
use crate::seal;
use crate::step::{Closing, Reason, Step, Stop};
use crate::usage;
use opencredits_units::Usage;
use opencredits_wire::sse::push_event;

/// Writes a stream: an event has the form of a whole answer. Calls are written whole.
pub(crate) struct Writer {
    head: ResponseHead,
    parts: Parts,
}

/// Assembles parts.
struct Parts {
    vendor: String,
    /// The call that is being written.
    call: Option<OpenCall>,
    /// Whether a reasoning block has begun whose vendor is not yet known.
    thinks: bool,
    signature: String,
    /// A seal for the next part.
    sealed: Option<String>,
}

struct OpenCall {
    id: String,
    name: String,
    json: String,
}

/// A complete part.
enum WrittenPart {
    Text { text: String, thought: bool, seal: Option<String> },
    Call { id: String, name: String, json: String, seal: Option<String> },
}

impl Parts {
    fn new(vendor: &str) -> Self {
        Self { vendor: vendor.to_owned(), call: None, thinks: false, signature: String::new(), sealed: None }
    }

    fn step(&mut self, step: &Step<'_>, each: &mut dyn FnMut(WrittenPart)) {
        match step {
            Step::Text(text) | Step::Refusal(text) => {
                self.leave(each);
                each(WrittenPart::Text { text: text.to_string(), thought: false, seal: self.sealed.take() });
            }
            Step::Reasoning(text) => {
                if !self.thinks || !self.signature.is_empty() {
                    self.leave(each);
                }
                self.thinks = true;
                each(WrittenPart::Text { text: text.to_string(), thought: true, seal: None });
            }
            Step::Signature(more) => self.signature.push_str(more),
            Step::Redacted(data) => {
                self.leave(each);
                self.rest(each);
                self.sealed = Some(seal::wrap(&self.vendor, Some(&Seal::Redacted(data.as_ref().into()))));
            }
            Step::Call { id, name, .. } => {
                self.leave(each);
                self.call = Some(OpenCall { id: id.to_string(), name: name.to_string(), json: String::new() });
            }
            Step::Arguments { json, .. } => {
                self.call.iter_mut().for_each(|call| call.json.push_str(json));
            }
            Step::PartEnd => self.leave(each),
            Step::Start { .. } | Step::CallEnd { .. } | Step::Stop(_) => {}
        }
    }

    /// The signature of the preceding reasoning; where it is unsigned, a tag with its vendor.
    fn sign(&mut self, each: &mut dyn FnMut(WrittenPart)) {
        let signature = std::mem::take(&mut self.signature);
        let thought = std::mem::take(&mut self.thinks);
        if thought || !signature.is_empty() {
            let signature = (!signature.is_empty()).then(|| Seal::Signature(signature.into()));
            let seal = seal::wrap(&self.vendor, signature.as_ref());
            each(WrittenPart::Text { text: String::new(), thought: true, seal: Some(seal) });
        }
    }

    fn leave(&mut self, each: &mut dyn FnMut(WrittenPart)) {
        self.sign(each);
        if let Some(OpenCall { id, name, json }) = self.call.take() {
            each(WrittenPart::Call { id, name, json, seal: self.sealed.take() });
        }
    }

    /// A seal that no part follows.
    fn rest(&mut self, each: &mut dyn FnMut(WrittenPart)) {
        if let Some(seal) = self.sealed.take() {
            each(WrittenPart::Text { text: String::new(), thought: true, seal: Some(seal) });
        }
    }
}

impl WrittenPart {
    fn write(&self, out: &mut JsonWriter) {
        out.object(|out| {
            let seal = match self {
                Self::Text { text, thought, seal } => {
                    out.member("text", text);
                    if *thought {
                        out.member_raw("thought", "true");
                    }
                    seal
                }
                Self::Call { id, name, json, seal } => {
                    out.key("functionCall").object(|out| {
                        out.member("id", id);
                        out.member("name", name);
                        out.member_raw("args", json);
                    });
                    seal
                }
            };
            if let Some(seal) = seal {
                out.member("thoughtSignature", seal);
            }
        });
    }
}

impl Writer {
    pub(crate) fn new(origin: &Origin) -> Self {
        Self { head: ResponseHead::default(), parts: Parts::new(&origin.vendor) }
    }

    /// Writes one step; [`Writer::close`] writes the last.
    pub(crate) fn step(&mut self, step: &Step<'_>, out: &mut Vec<u8>) {
        if let Step::Start { id, model } = step {
            self.head = ResponseHead { id: id.to_string(), model: model.to_string() };
        }
        let mut written = Vec::new();
        self.parts.step(step, &mut |part| written.push(part));
        if !written.is_empty() {
            push_event(out, b"", answer(&self.head, &written, None, None).as_bytes());
        }
    }

    /// The closing event: the remaining parts, the finish reason, and the usage.
    pub(crate) fn close(&mut self, closing: &Closing<'_>) -> Vec<u8> {
        let (mut out, mut written) = (Vec::new(), Vec::new());
        self.parts.leave(&mut |part| written.push(part));
        self.parts.rest(&mut |part| written.push(part));
        let counts = Some((closing.usage, closing.extras));
        push_event(&mut out, b"", answer(&self.head, &written, Some(closing.stop), counts).as_bytes());
        out
    }
}

/// Writes a whole answer from its steps.
pub(crate) fn write_body(read: impl FnOnce(&mut dyn FnMut(Step<'_>)), usage: &Usage, origin: &Origin) -> Vec<u8> {
    let (mut head, mut stop, mut written) = (ResponseHead::default(), None, Vec::new());
    let mut parts = Parts::new(&origin.vendor);
    read(&mut |step| match step {
        Step::Start { id, model } => head = ResponseHead { id: id.into_owned(), model: model.into_owned() },
        Step::Stop(reason) => stop = Some(reason),
        step => parts.step(&step, &mut |part| append(&mut written, part)),
    });
    parts.leave(&mut |part| append(&mut written, part));
    parts.rest(&mut |part| append(&mut written, part));
    answer(&head, &written, Some(stop.as_ref()), Some((usage, ""))).into_bytes()
}

/// Pieces of one part are joined.
fn append(written: &mut Vec<WrittenPart>, part: WrittenPart) {
    match (written.last_mut(), part) {
        (
            Some(WrittenPart::Text { text, thought, seal: open @ None }),
            WrittenPart::Text { text: more, thought: goes_on, seal },
        ) if *thought == goes_on => {
            text.push_str(&more);
            *open = seal;
        }
        (_, part) => written.push(part),
    }
}

/// `stop` appears in the last event only, whether a reason was given or not.
fn answer(
    head: &ResponseHead,
    written: &[WrittenPart],
    stop: Option<Option<&Stop>>,
    counts: Option<(&Usage, &str)>,
) -> String {
    value(|out| {
        out.object(|out| {
            out.key("candidates").array(|out| {
                out.object(|out| {
                    out.key("content").object(|out| {
                        out.key("parts").array(|out| written.iter().for_each(|part| part.write(out)));
                        out.member("role", "model");
                    });
                    if let Some(stop) = stop {
                        out.member("finishReason", stop.map_or("STOP", |stop| finish(stop.reason)));
                    }
                    if let Some(stop) = stop.flatten() {
                        out.member("nativeFinishReason", &stop.native);
                    }
                    out.member_raw("index", "0");
                });
            });
            if let Some((counts, extras)) = counts {
                usage::gemini(out.key("usageMetadata"), counts, extras);
            }
            out.member("modelVersion", &head.model);
            out.member("responseId", &head.id);
        });
    })
}

const fn finish(reason: Reason) -> &'static str {
    match reason {
        Reason::End | Reason::Sequence | Reason::Calls => "STOP",
        Reason::Length | Reason::Pause => "MAX_TOKENS",
        Reason::Filter => "SAFETY",
        Reason::Failed => "OTHER",
        Reason::BrokenCall => "MALFORMED_FUNCTION_CALL",
    }
}
