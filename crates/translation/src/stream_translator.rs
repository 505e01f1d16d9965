//! Translates a streamed or whole answer into the client's dialect.

use crate::call_assembler::CallAssembler;
use crate::conversation_dialect::ConversationDialect;
use crate::origin::Origin;
use crate::step::{Closing, Reason, Step, Stop};
use crate::tool_names::ToolNames;
use crate::{chat, gemini, messages, responses};
use bytes::Bytes;
use opencredits_dialects::Dialect;
use opencredits_dialects::{End, Outcome};
use opencredits_dialects::{StreamTap, UsageChunk};
use opencredits_units::Usage;
use opencredits_wire::EventTooLarge;
use opencredits_wire::sse::{Event, Framer};
use opencredits_wire::surrogates;
use std::sync::Arc;

/// Translates a stream. The same tap reads its usage as without translation.
pub struct StreamTranslator {
    tap: StreamTap,
    framer: Framer,
    reader: Reader,
    writer: Writer,
    usage_chunk: UsageChunk,
    steps: Steps,
    usage: Usage,
}

enum Reader {
    Chat(chat::Reader),
    Messages(messages::Reader),
    Responses(responses::Reader),
    Gemini(gemini::Reader),
}

enum Writer {
    Chat(chat::Writer),
    Messages(messages::Writer),
    Responses(responses::Writer),
    Gemini(gemini::Writer),
}

impl Reader {
    fn new(conversation_dialect: ConversationDialect) -> Self {
        match conversation_dialect {
            ConversationDialect::Chat => Self::Chat(chat::Reader::default()),
            ConversationDialect::Messages => Self::Messages(messages::Reader::default()),
            ConversationDialect::Responses => Self::Responses(responses::Reader::default()),
            ConversationDialect::Gemini => Self::Gemini(gemini::Reader::default()),
        }
    }

    fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        match self {
            Self::Chat(reader) => reader.event(data, each),
            Self::Messages(reader) => reader.event(data, each),
            Self::Responses(reader) => reader.event(data, each),
            Self::Gemini(reader) => reader.event(data, each),
        }
    }

    fn whole(&mut self, body: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        match self {
            Self::Chat(reader) => reader.whole(body, each),
            Self::Messages(reader) => reader.whole(body, each),
            Self::Responses(reader) => reader.whole(body, each),
            Self::Gemini(reader) => reader.whole(body, each),
        }
    }
}

impl Writer {
    fn new(conversation_dialect: ConversationDialect, origin: Origin) -> Self {
        match conversation_dialect {
            ConversationDialect::Chat => Self::Chat(chat::Writer::new(origin)),
            ConversationDialect::Messages => Self::Messages(messages::Writer::new(origin)),
            ConversationDialect::Responses => Self::Responses(responses::Writer::new(origin)),
            ConversationDialect::Gemini => Self::Gemini(gemini::Writer::new(&origin)),
        }
    }

    fn step(&mut self, step: &Step<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Chat(writer) => writer.step(step, out),
            Self::Messages(writer) => writer.step(step, out),
            Self::Responses(writer) => writer.step(step, out),
            Self::Gemini(writer) => writer.step(step, out),
        }
    }

    /// The bytes of a step that are kept after it was written, at most: an answer of one dialect repeats everything at its
    /// end.
    fn keeps(&self, step: &Step<'_>) -> usize {
        match (self, step) {
            (Self::Responses(_), Step::Text(text) | Step::Refusal(text) | Step::Reasoning(text)) => text.len(),
            (Self::Responses(_), Step::Arguments { json, .. }) => json.len(),
            _ => 0,
        }
    }

    fn close(&mut self, closing: &Closing<'_>) -> Vec<u8> {
        match self {
            Self::Chat(writer) => writer.close(closing),
            Self::Messages(writer) => writer.close(closing),
            Self::Responses(writer) => writer.close(closing),
            Self::Gemini(writer) => writer.close(closing),
        }
    }
}

impl StreamTranslator {
    /// A translator from the provider's dialect to the client's; `None` where one of them has no conversations.
    #[must_use]
    pub fn new(from: Dialect, to: Dialect, origin: Origin, usage_chunk: UsageChunk) -> Option<Self> {
        let (reads, writes) = (ConversationDialect::of(from)?, ConversationDialect::of(to)?);
        Some(Self {
            tap: StreamTap::new(from, UsageChunk::Requested),
            framer: Framer::new(),
            reader: Reader::new(reads),
            steps: Steps::new(writes, &origin),
            writer: Writer::new(writes, origin),
            usage_chunk,
            usage: Usage::default(),
        })
    }

    /// The bytes that are kept until the event, or the stream, ends.
    pub(crate) const fn kept_bytes(&self) -> usize {
        self.tap.kept_bytes().saturating_add(self.framer.partial_bytes()).saturating_add(self.steps.kept_bytes())
    }

    /// Takes a chunk and returns the bytes to send for it: complete events.
    ///
    /// # Errors
    /// When an event exceeds the size limit.
    pub fn feed(&mut self, chunk: &Bytes) -> Result<Bytes, EventTooLarge> {
        self.tap.feed(chunk)?;
        let mut out = Vec::new();
        let Self { framer, reader, writer, steps, .. } = self;
        framer.feed(chunk, |raw, _| event(raw, reader, |step| steps.pass(step, writer, &mut out)))?;
        Ok(out.into())
    }

    /// Takes a whole answer and its usage, and returns the bytes to send for it, up to the closing events.
    pub(crate) fn whole(&mut self, body: &[u8], usage: &Usage) -> Bytes {
        self.usage = *usage;
        let mut out = Vec::new();
        let Self { reader, writer, steps, .. } = self;
        reader.whole(body, &mut |step| steps.pass(step, writer, &mut out));
        out.into()
    }

    /// Whether the event that ends the stream was seen.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.tap.is_ended()
    }

    /// The outcome of the exchange. Call it once, at the end.
    pub fn has_produced(&mut self) -> bool {
        self.tap.has_produced()
    }

    /// The outcome of the exchange.
    pub fn outcome(&mut self, end: End) -> Outcome {
        let outcome = self.tap.outcome(end);
        self.usage = outcome.usage.unwrap_or_default();
        outcome
    }

    /// The closing events, with `extras` (JSON members without braces) added to the usage object. `charged` is the usage to
    /// show, where it is not what the provider reported.
    #[must_use]
    pub fn close(mut self, extras: &str, charged: Option<&Usage>) -> Bytes {
        let rest = self.framer.take_rest();
        let Self { reader, writer, steps, .. } = &mut self;
        let mut out = Vec::new();
        event(&rest, reader, |step| steps.pass(step, writer, &mut out));
        let stop = steps.stop(writer, &mut out);
        let usage_chunk = self.usage_chunk == UsageChunk::Requested;
        let closing = Closing { stop: Some(&stop), usage: charged.unwrap_or(&self.usage), extras, usage_chunk };
        out.extend(self.writer.close(&closing));
        out.into()
    }
}

fn event(raw: &[u8], reader: &mut Reader, mut each: impl FnMut(Step<'_>)) {
    if let Some(data) = Event::read(raw).data {
        reader.event(&surrogates::mended(&data), &mut each);
    }
}

/// The steps on their way from the reader to the writer.
struct Steps {
    assembler: CallAssembler,
    seen: Seen,
}

/// What the steps so far say of the end.
#[derive(Default)]
struct Seen {
    stop: Option<Stop>,
    has_calls: bool,
    tool_names: Option<Arc<ToolNames>>,
    /// Bytes of content that the writer keeps for its closing events.
    kept_bytes: usize,
}

impl Seen {
    /// The same step, with a tool's name as the client knows it.
    fn named<'a>(&self, step: Step<'a>) -> Step<'a> {
        let Some(names) = &self.tool_names else { return step };
        match step {
            Step::Call { index, id, name } => match names.fitted.get(&*name) {
                Some(known) => Step::Call { index, id, name: known.clone().into() },
                None => Step::Call { index, id, name },
            },
            step => step,
        }
    }

    /// Notes a step; gives those that are written as they come.
    fn note<'a>(&mut self, step: Step<'a>) -> Option<Step<'a>> {
        let step = self.named(step);
        self.has_calls |= matches!(step, Step::Call { .. });
        match step {
            Step::Stop(reason) => {
                self.stop = Some(reason);
                None
            }
            step => Some(step),
        }
    }

    fn write(&mut self, step: Step<'_>, writer: &mut Writer, out: &mut Vec<u8>) {
        if let Some(step) = self.note(step) {
            self.kept_bytes = self.kept_bytes.saturating_add(writer.keeps(&step));
            writer.step(&step, out);
        }
    }

    /// The reason why the model stopped. A provider may end its answer in order without one, and clients take an answer
    /// without a reason for broken; or with one that says of calls what is not so, and clients make calls by the reason.
    fn stop(&mut self) -> Stop {
        let reason = if self.has_calls { Reason::Calls } else { Reason::End };
        let mut stop = self.stop.take().unwrap_or(Stop { reason, native: String::new(), sequence: None });
        if matches!(stop.reason, Reason::End | Reason::Calls) {
            stop.reason = reason;
        }
        stop
    }
}

impl Steps {
    fn new(to: ConversationDialect, origin: &Origin) -> Self {
        let streams = matches!(to, ConversationDialect::Chat | ConversationDialect::Responses);
        let seen = Seen { tool_names: origin.tool_names.clone(), ..Seen::default() };
        Self { assembler: CallAssembler::new(streams), seen }
    }

    const fn kept_bytes(&self) -> usize {
        self.assembler.kept_bytes().saturating_add(self.seen.kept_bytes)
    }

    fn pass(&mut self, step: Step<'_>, writer: &mut Writer, out: &mut Vec<u8>) {
        let Self { assembler, seen } = self;
        assembler.pass(step, &mut |step| seen.write(step, writer, out));
    }

    /// Writes what waits for the end.
    fn stop(&mut self, writer: &mut Writer, out: &mut Vec<u8>) -> Stop {
        let Self { assembler, seen } = self;
        assembler.finish(Reason::End, &mut |step| seen.write(step, writer, out));
        seen.stop()
    }
}

/// A whole answer in the client's dialect, with the billed usage; `None` where one of the dialects has no
/// conversations.
#[must_use]
pub fn translate_body(from: Dialect, to: Dialect, body: &[u8], usage: &Usage, origin: &Origin) -> Option<Vec<u8>> {
    let mut reader = Reader::new(ConversationDialect::of(from)?);
    written(to, usage, origin, |each| reader.whole(&surrogates::mended(body), each))
}

/// The same from a whole stream of events, as some providers answer to a request that wants none.
#[must_use]
pub fn body_of_events(from: Dialect, to: Dialect, events: &[u8], usage: &Usage, origin: &Origin) -> Option<Vec<u8>> {
    let mut reader = Reader::new(ConversationDialect::of(from)?);
    let mut framer = Framer::new();
    written(to, usage, origin, |each| {
        // An event that is too large ends what can be read.
        let _too_large_or_not = framer.feed(events, |raw, _| event(raw, &mut reader, &mut *each));
        event(&framer.take_rest(), &mut reader, &mut *each);
    })
}

/// A whole answer from its steps. It has a reason for its end, whether the provider gave one or not.
fn written(
    to: Dialect,
    usage: &Usage,
    origin: &Origin,
    steps: impl FnOnce(&mut dyn FnMut(Step<'_>)),
) -> Option<Vec<u8>> {
    let writes = ConversationDialect::of(to)?;
    let read = |each: &mut dyn FnMut(Step<'_>)| {
        let Steps { mut assembler, mut seen } = Steps::new(writes, origin);
        let mut write = |step: Step<'_>| {
            if let Some(step) = seen.note(step) {
                each(step);
            }
        };
        steps(&mut |step| assembler.pass(step, &mut write));
        assembler.finish(Reason::End, &mut write);
        each(Step::Stop(seen.stop()));
    };
    Some(match writes {
        ConversationDialect::Chat => chat::write_body(read, usage, origin),
        ConversationDialect::Messages => messages::write_body(read, usage, origin),
        ConversationDialect::Responses => responses::write_body(read, usage, origin),
        ConversationDialect::Gemini => gemini::write_body(read, usage, origin),
    })
}
