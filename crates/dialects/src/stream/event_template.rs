//! The shape of the last event with text: most events of a stream repeat it, but for a word and some numbers.
//!
//! Where an event has the shape of one that was read, what reading it would come to is known: its text counts, and all
//! else says again what was said. So it is compared instead of read, at a fraction of the cost.

use crate::decoders::openai_chat::TEXTS;
use crate::dialect::Dialect;
use crate::outcome::Produced;
use opencredits_wire::json;
use std::ops::Range;

/// Shapes that one stream may teach: where events alternate they are read, each of them.
const TEMPLATES_MAX: u8 = 8;
/// Members whose strings are noise of the provider's.
const NOISE: [&[u8]; 1] = [b"obfuscation"];
/// How the names of members begin that count.
const COUNTS: [&[u8]; 2] = [b"usage", b"x_"];

/// What may differ between two events of one shape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// The inside of the string that is output.
    Text,
    /// The inside of a string that means nothing.
    Noise,
    /// A number.
    Number,
}

/// The shape of an event.
#[derive(Default)]
pub(crate) struct EventTemplate {
    /// What stands before each slot.
    parts: Vec<(Vec<u8>, Slot)>,
    /// What stands after the last, the blank line included; empty before anything was learnt.
    rest: Vec<u8>,
    /// Whether numbers of it are counts, of which the last ones hold.
    pub(crate) counts: bool,
    learned: u8,
}

/// An event that has the shape.
pub(crate) struct TemplateMatch<'a> {
    pub(crate) raw: &'a [u8],
    /// The raw inside of its text.
    pub(crate) text: &'a [u8],
}

impl EventTemplate {
    /// The event at the beginning of `bytes`, where it has the shape.
    pub(crate) fn match_event<'a>(&self, bytes: &'a [u8]) -> Option<TemplateMatch<'a>> {
        let (mut rest, mut text) = (bytes, None);
        for (part, slot) in &self.parts {
            rest = rest.strip_prefix(part.as_slice())?;
            let (inside, after) = rest.split_at_checked(slot.end(rest)?)?;
            if *slot == Slot::Text {
                text = Some(inside);
            }
            rest = after;
        }
        rest = rest.strip_prefix(self.rest.as_slice())?;
        Some(TemplateMatch { raw: bytes.get(..bytes.len() - rest.len())?, text: text? })
    }

    /// Takes the shape of an event that was read and brought forth `grown`, if that was the text of one string.
    pub(crate) fn learn(&mut self, dialect: Dialect, raw: &[u8], grown: Produced) {
        let whole = raw.ends_with(b"\n\n") || raw.ends_with(b"\r\n\r\n");
        if self.learned == TEMPLATES_MAX || !whole {
            return;
        }
        let Some(Slots { slots, counts }) = slots(dialect, raw) else { return };
        let mut texts = slots.iter().filter(|(_, slot)| *slot == Slot::Text).filter_map(|(at, _)| raw.get(at.clone()));
        let mut said = Produced::default();
        texts.next().into_iter().for_each(|text| said.text(text));
        if said != grown || texts.next().is_some() {
            return;
        }
        let mut copied = 0;
        self.parts.clear();
        for (at, slot) in slots {
            self.parts.push((raw.get(copied..at.start).unwrap_or_default().to_vec(), slot));
            copied = at.end;
        }
        self.rest = raw.get(copied..).unwrap_or_default().to_vec();
        self.counts = counts;
        self.learned += 1;
    }
}

impl Slot {
    /// Where what stands in it ends.
    fn end(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Number => Some(number_len(bytes)).filter(|len| *len > 0),
            // A line break ends the event, whatever the string.
            Self::Text | Self::Noise => json::string_end(bytes, 0)
                .filter(|end| memchr::memchr2(b'\n', b'\r', bytes.get(..*end).unwrap_or_default()).is_none()),
        }
    }
}

/// Where the slots of an event lie, and whether it counts.
struct Slots {
    slots: Vec<(Range<usize>, Slot)>,
    counts: bool,
}

/// `None` for what ends inside a string.
fn slots(dialect: Dialect, raw: &[u8]) -> Option<Slots> {
    let (mut slots, mut counts) = (Vec::new(), false);
    let (mut at, mut name): (usize, &[u8]) = (0, b"");
    while let Some(byte) = raw.get(at) {
        if *byte == b'"' {
            let end = json::string_end(raw, at + 1)?;
            let inside = at + 1..end;
            at = end + 1;
            if raw.get(at..).unwrap_or_default().trim_ascii_start().starts_with(b":") {
                name = raw.get(inside).unwrap_or_default();
                counts |= COUNTS.iter().any(|start| name.starts_with(start));
            } else if text_members(dialect).contains(&name) {
                slots.push((inside, Slot::Text));
            } else if NOISE.contains(&name) {
                slots.push((inside, Slot::Noise));
            }
            continue;
        }
        let number = number_len(raw.get(at..).unwrap_or_default());
        let begins = at.checked_sub(1).and_then(|before| raw.get(before)).is_some_and(|byte| b":,[ ".contains(byte));
        if number > 0 && begins && *byte != b'e' && *byte != b'E' {
            slots.push((at..at + number, Slot::Number));
        }
        at += number.max(1);
    }
    Some(Slots { slots, counts })
}

/// The members of a stream's events whose strings are output.
const fn text_members(dialect: Dialect) -> &'static [&'static [u8]] {
    match dialect {
        Dialect::OpenaiChat => &TEXTS,
        Dialect::AnthropicMessages => &[b"text", b"thinking", b"partial_json"],
        Dialect::OpenaiResponses => &[b"delta"],
        Dialect::GeminiGenerate => &[b"text"],
        Dialect::CohereChat | Dialect::OpenaiEmbeddings => &[],
    }
}

fn number_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E')).count()
}
