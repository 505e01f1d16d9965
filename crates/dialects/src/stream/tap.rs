//! Watches an answer pass: reads its outcome, and withholds the closing events until the charge.

use crate::decoders::anthropic_messages as messages;
use crate::decoders::cohere_chat;
use crate::decoders::gemini_generate as gemini;
use crate::decoders::openai_chat as chat;
use crate::decoders::openai_responses as responses;
use crate::dialect::Dialect;
use crate::error_shape::is_error_event;
use crate::outcome::{End, Outcome};
use crate::stream::call_indices::CallIndices;
use crate::stream::closing::{self, Before, Closing, Withheld};
use crate::stream::event_template::EventTemplate;
use crate::stream::usage_object::Charge;
use crate::upstream_error::{STATUS_IN_STREAM, UpstreamError};
use crate::usage_chunk::UsageChunk;
use crate::whole::without_mark;
use bytes::Bytes;
use opencredits_units::Usage;
use opencredits_wire::sse::{Event, Framer, Place};
use opencredits_wire::{EventTooLarge, json};

/// All closing events of a stream may take so much memory. The largest is the one that repeats the whole answer.
const WITHHELD_BYTES_MAX: usize = 16 << 20;

/// The mark that ends a stream in some dialects.
pub(crate) const DONE: &[u8] = b"[DONE]";

/// Whether the data of an event is neither JSON nor the mark that ends a stream: no client can read it.
fn is_broken_event(data: &[u8]) -> bool {
    data.trim_ascii() != DONE && !json::is_valid(data)
}

/// Watches a stream pass.
///
/// Events pass unchanged up to the one with the finish reason. From there on they are withheld until
/// [`StreamTap::close`], which adds the charge.
pub struct StreamTap {
    dialect: Dialect,
    usage_chunk: UsageChunk,
    framer: Framer,
    counts: messages::Counts,
    queries: gemini::Queries,
    open_items: responses::OpenItems,
    outcome: Outcome,
    withheld: Vec<Withheld>,
    /// The memory that they take.
    withheld_bytes: usize,
    /// Where the last event went: the rest of its line break follows it.
    last: Forwarding,
    ended: bool,
    /// Whether an event was seen.
    has_begun: bool,
    /// Whether the answer called tools; known at its end.
    has_calls: bool,
    /// The usage of the answer; known at its end.
    usage: Option<Usage>,
    /// The first chunk in `openai-chat`, for one that has to be made.
    first: Vec<u8>,
    template: EventTemplate,
    call_indices: CallIndices,
    /// The last event that matched a template, where it has counts.
    unread: Vec<u8>,
}

/// The disposition of an event.
enum Disposition {
    Forward,
    Withhold(Closing),
    Discard,
}

/// Where an event went.
#[derive(Clone, Copy)]
enum Forwarding {
    Sent,
    Withheld,
    Discarded,
}

impl StreamTap {
    /// A tap for one stream.
    #[must_use]
    pub fn new(dialect: Dialect, usage_chunk: UsageChunk) -> Self {
        Self {
            dialect,
            usage_chunk,
            framer: Framer::new(),
            counts: messages::Counts::default(),
            queries: gemini::Queries::new(),
            open_items: responses::OpenItems::default(),
            outcome: Outcome::default(),
            withheld: Vec::new(),
            withheld_bytes: 0,
            last: Forwarding::Sent,
            ended: false,
            has_begun: false,
            has_calls: false,
            usage: None,
            first: Vec::new(),
            template: EventTemplate::default(),
            call_indices: CallIndices::default(),
            unread: Vec::new(),
        }
    }

    /// Takes a chunk and returns the bytes that may go out now: complete events, unchanged, sliced from the chunk where
    /// possible.
    ///
    /// # Errors
    /// When an event, or all closing events together, exceed the size limit.
    pub fn feed(&mut self, chunk: &Bytes) -> Result<Bytes, EventTooLarge> {
        let matched_bytes = self.match_events(chunk);
        if matched_bytes == chunk.len() {
            return Ok(chunk.clone());
        }
        self.read_unread();
        let mut framer = std::mem::replace(&mut self.framer, Framer::new());
        let mut out = Out::new(chunk, matched_bytes);
        let fed = framer.feed(chunk.get(matched_bytes..).unwrap_or_default(), |raw, place| {
            match place.after(matched_bytes) {
                Place::Rest(range) => self.rest(raw, &Place::Chunk(range), &mut out),
                place => self.forward(raw, place, &mut out),
            }
        });
        self.framer = framer;
        fed?;
        if self.withheld_bytes > WITHHELD_BYTES_MAX {
            return Err(EventTooLarge { limit_bytes: WITHHELD_BYTES_MAX });
        }
        Ok(out.finish())
    }

    /// Moves an event by its disposition.
    fn forward(&mut self, raw: &[u8], place: Place, out: &mut Out<'_>) {
        let (raw, place) = self.begun(raw, place);
        let mended = if self.dialect == Dialect::OpenaiChat { self.call_indices.mended(raw) } else { None };
        let (raw, place) = mended.as_deref().map_or((raw, &place), |mended| (mended, &Place::Joined));
        self.last = match self.read(raw) {
            Disposition::Forward => {
                for waiting in self.overtaken(raw) {
                    out.push(&waiting.raw, &Place::Joined);
                }
                out.push(raw, place);
                Forwarding::Sent
            }
            Disposition::Withhold(kind) => {
                // What is beyond the limit is not kept; the stream fails for it.
                self.withheld_bytes =
                    self.withheld_bytes.saturating_add(raw.len()).saturating_add(size_of::<Withheld>());
                if self.withheld_bytes <= WITHHELD_BYTES_MAX {
                    self.withheld.push(Withheld { kind, raw: raw.to_vec() });
                }
                Forwarding::Withheld
            }
            Disposition::Discard => Forwarding::Discarded,
        };
    }

    /// An event without the byte order mark that the first one of a stream may begin with.
    fn begun<'a>(&mut self, raw: &'a [u8], place: Place) -> (&'a [u8], Place) {
        if std::mem::replace(&mut self.has_begun, true) {
            return (raw, place);
        }
        let kept = without_mark(raw);
        let mark_bytes = raw.len().saturating_sub(kept.len());
        (kept, place.without_front(mark_bytes))
    }

    /// Moves the rest of a line break to the event that it ends.
    fn rest(&mut self, raw: &[u8], place: &Place, out: &mut Out<'_>) {
        match self.last {
            Forwarding::Sent => out.push(raw, place),
            Forwarding::Withheld => {
                self.withheld.last_mut().into_iter().for_each(|last| last.raw.extend_from_slice(raw))
            }
            Forwarding::Discarded => {}
        }
    }

    /// The length of the events at the beginning of a chunk that match a template.
    fn match_events(&mut self, chunk: &[u8]) -> usize {
        let plain = self.withheld.is_empty() && !self.ended && self.outcome.error.is_none();
        let mut rest = chunk;
        if !plain || !self.framer.is_between_events() {
            return 0;
        }
        while let Some(matched) = self.template.match_event(rest) {
            self.outcome.produced.text(matched.text);
            if self.template.counts {
                self.unread.clear();
                self.unread.extend_from_slice(matched.raw);
            }
            rest = rest.get(matched.raw.len()..).unwrap_or_default();
        }
        chunk.len() - rest.len()
    }

    /// Reads the counts of the last event that was only compared; its text is counted already.
    fn read_unread(&mut self) {
        if !self.unread.is_empty() {
            let raw = std::mem::take(&mut self.unread);
            let produced = std::mem::take(&mut self.outcome.produced);
            self.event(&raw);
            self.outcome.produced = produced;
        }
    }

    /// Parses an event, and learns its template.
    fn read(&mut self, raw: &[u8]) -> Disposition {
        let (bytes, parts) = self.outcome.produced.amount();
        let disposition = self.event(raw);
        let grown = self.outcome.produced.bytes().saturating_sub(bytes);
        let is_text = grown > 0 && self.outcome.produced.parts() == parts;
        if is_text && matches!(disposition, Disposition::Forward) {
            self.template.learn(self.dialect, raw, grown);
        }
        disposition
    }

    /// The dialect of the stream.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether the event that ends the stream was seen.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether the bytes given out so far end between two events, where a comment may be inserted.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        self.withheld.is_empty()
    }

    /// The bytes that are kept until the event, or the stream, ends.
    #[must_use]
    pub const fn kept_bytes(&self) -> usize {
        self.framer.partial_bytes().saturating_add(self.withheld_bytes)
    }

    /// Whether any billable output has passed.
    pub fn has_produced(&mut self) -> bool {
        self.read_unread();
        !self.outcome.produced.is_nothing()
    }

    /// The outcome of the exchange. Call it once, at the end.
    pub fn outcome(&mut self, end: End) -> Outcome {
        self.read_unread();
        if end == End::Clean {
            // Some servers omit the last blank line.
            let rest = self.framer.take_rest();
            if let (false, Disposition::Withhold(kind)) = (rest.is_empty(), self.event(&rest)) {
                // Clients wait for the blank line.
                let raw = [without_mark(&rest), b"\n\n"].concat();
                self.withheld.push(Withheld { kind, raw });
            }
        }
        let mut outcome = std::mem::take(&mut self.outcome);
        (self.has_calls, self.usage) = (outcome.has_calls, outcome.usage);
        // Compatible hosts may omit [DONE]; an orderly end after a finish reason is complete all the same.
        let has_end = !matches!(self.dialect, Dialect::OpenaiChat | Dialect::GeminiGenerate);
        let finished = !has_end && outcome.finish.is_some();
        outcome.complete = self.ended || (end == End::Clean && finished);
        outcome
    }

    /// The closing events, with `extras` (JSON members without braces) added to the usage object.
    #[must_use]
    pub fn close(self, extras: &str) -> Bytes {
        let charge = Charge { dialect: self.dialect, usage: self.usage, extras };
        let before = Before { usage_chunk: self.usage_chunk, has_calls: self.has_calls, first: &self.first };
        closing::close(&self.withheld, &before, &charge).into()
    }

    fn event(&mut self, raw: &[u8]) -> Disposition {
        let event = Event::read(raw);
        let Some(data) = event.data else {
            return if self.withheld.is_empty() { Disposition::Forward } else { Disposition::Discard };
        };
        if is_broken_event(&data) {
            self.outcome.error.get_or_insert(UpstreamError::broken(STATUS_IN_STREAM));
            self.ended = true;
            return Disposition::Discard;
        }
        let produced = self.outcome.produced.amount();
        let disposition = match self.dialect {
            Dialect::OpenaiChat => self.chat_event(&data),
            Dialect::AnthropicMessages => self.messages_event(&data),
            Dialect::OpenaiResponses => self.responses_event(&data),
            Dialect::GeminiGenerate => self.gemini_event(&data),
            Dialect::CohereChat => self.cohere_chat_event(&data),
            Dialect::OpenaiEmbeddings => Disposition::Forward,
        };
        match disposition {
            Disposition::Forward | Disposition::Withhold(Closing::Other)
                if self.outcome.error.is_none()
                    && self.outcome.produced.amount() == produced
                    && is_error_event(self.dialect, &data) =>
            {
                self.error(&data)
            }
            // Nothing follows the end, and nothing follows an error.
            Disposition::Forward if self.outcome.error.is_some() => Disposition::Discard,
            disposition => disposition,
        }
    }

    fn chat_event(&mut self, data: &[u8]) -> Disposition {
        if data.trim_ascii() == DONE {
            self.ended = true;
            return Disposition::Withhold(Closing::Done);
        }
        if self.first.is_empty() && data.starts_with(b"{") {
            self.first = data.to_vec();
        }
        match chat::absorb(data, &mut self.outcome) {
            chat::Kind::Aside if !self.withheld.is_empty() => Disposition::Withhold(Closing::Other),
            chat::Kind::Plain | chat::Kind::Aside => Disposition::Forward,
            chat::Kind::Finish => Disposition::Withhold(Closing::Finish),
            chat::Kind::Usage => Disposition::Withhold(Closing::Usage),
            chat::Kind::Error => self.error(data),
        }
    }

    fn messages_event(&mut self, data: &[u8]) -> Disposition {
        match messages::absorb_event(data, &mut self.counts, &mut self.outcome) {
            messages::Kind::Plain if self.withheld.is_empty() => Disposition::Forward,
            messages::Kind::Plain => Disposition::Withhold(Closing::Other),
            messages::Kind::Delta => Disposition::Withhold(Closing::Finish),
            messages::Kind::Stop => {
                self.ended = true;
                Disposition::Withhold(Closing::Done)
            }
            messages::Kind::Error => self.error(data),
        }
    }

    fn responses_event(&mut self, data: &[u8]) -> Disposition {
        if data.trim_ascii() == DONE {
            return Disposition::Discard;
        }
        match responses::absorb_event(data, &mut self.open_items, &mut self.outcome) {
            responses::Kind::Plain if self.withheld.is_empty() => Disposition::Forward,
            responses::Kind::Plain => Disposition::Withhold(Closing::Other),
            responses::Kind::End => {
                self.ended = true;
                Disposition::Withhold(Closing::Finish)
            }
            responses::Kind::Error => self.error(data),
        }
    }

    fn cohere_chat_event(&mut self, data: &[u8]) -> Disposition {
        if data.trim_ascii() == DONE {
            return Disposition::Withhold(Closing::Done);
        }
        match cohere_chat::absorb_event(data, &mut self.outcome) {
            cohere_chat::Kind::Plain if self.withheld.is_empty() => Disposition::Forward,
            cohere_chat::Kind::Plain => Disposition::Withhold(Closing::Other),
            cohere_chat::Kind::End => {
                self.ended = true;
                Disposition::Withhold(Closing::Finish)
            }
            cohere_chat::Kind::Error => self.error(data),
        }
    }

    fn gemini_event(&mut self, data: &[u8]) -> Disposition {
        // Its clients read every event as JSON.
        if data.trim_ascii() == DONE {
            return Disposition::Discard;
        }
        match gemini::absorb(data, &mut self.queries, &mut self.outcome) {
            gemini::Kind::Plain if self.withheld.is_empty() => Disposition::Forward,
            gemini::Kind::Plain => Disposition::Withhold(Closing::Other),
            gemini::Kind::Finish => Disposition::Withhold(Closing::Finish),
            gemini::Kind::Error => self.error(data),
        }
    }

    fn error(&mut self, data: &[u8]) -> Disposition {
        self.outcome.error.get_or_insert_with(|| UpstreamError::in_answer(data));
        self.ended = true;
        Disposition::Discard
    }

    /// Withheld events that are no closing events: another choice continues after the first has finished.
    fn overtaken(&mut self, raw: &[u8]) -> Vec<Withheld> {
        if self.withheld.is_empty() {
            return Vec::new();
        }
        let comment = Event::read(raw).data.is_none();
        if comment || self.dialect != Dialect::OpenaiChat {
            return Vec::new();
        }
        self.withheld_bytes = 0;
        std::mem::take(&mut self.withheld)
    }
}

/// The bytes that go out: a slice of the chunk while that is possible, a copy otherwise.
struct Out<'a> {
    chunk: &'a Bytes,
    range: std::ops::Range<usize>,
    copied: Vec<u8>,
}

impl<'a> Out<'a> {
    /// The first `begun` bytes of the chunk go out.
    fn new(chunk: &'a Bytes, begun: usize) -> Self {
        Self { chunk, range: 0..begun, copied: Vec::new() }
    }

    fn push(&mut self, raw: &[u8], place: &Place) {
        match place {
            Place::Chunk(range) if self.copied.is_empty() && self.range.is_empty() => self.range = range.clone(),
            Place::Chunk(range) if self.copied.is_empty() && self.range.end == range.start => {
                self.range.end = range.end
            }
            Place::Chunk(_) | Place::Rest(_) | Place::Joined => {
                if self.copied.is_empty() {
                    let sliced = self.chunk.get(self.range.clone()).unwrap_or_default();
                    self.copied.extend_from_slice(sliced);
                }
                self.copied.extend_from_slice(raw);
            }
        }
    }

    fn finish(self) -> Bytes {
        if self.copied.is_empty() { self.chunk.slice(self.range) } else { self.copied.into() }
    }
}
