//! Templates of repeating events: most events of a stream differ from the last one in one text and some numbers only.
//!
//! An event that matches the template of a parsed event has a known meaning: its text counts, and everything else
//! repeats. It is compared instead of parsed, at a fraction of the cost.

use crate::decoders::openai_chat::TEXTS;
use crate::dialect::Dialect;
use crate::outcome::Produced;
use opencredits_wire::json;
use std::ops::Range;

/// Templates that one stream may learn. Where events alternate, each of them is parsed.
const TEMPLATES_MAX: u8 = 8;
/// Members whose strings carry no meaning.
const NOISE: [&[u8]; 1] = [b"obfuscation"];
/// Prefixes of the names of members that are counts.
const COUNTS: [&[u8]; 2] = [b"usage", b"x_"];

/// The kind of a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// The inside of a string that is output.
    Text,
    /// The inside of a string without meaning.
    Noise,
    /// A number.
    Number,
}

/// The template of an event.
#[derive(Default)]
pub(crate) struct EventTemplate {
    /// The constant bytes in front of each slot.
    parts: Vec<(Vec<u8>, Slot)>,
    /// The constant bytes after the last slot, the blank line included; empty before anything was learnt.
    rest: Vec<u8>,
    /// Whether it has counts, of which the last ones hold.
    pub(crate) counts: bool,
    learned: u8,
}

/// An event that matches.
pub(crate) struct TemplateMatch<'a> {
    pub(crate) raw: &'a [u8],
    /// The raw inside of its text.
    pub(crate) text: &'a [u8],
}

impl EventTemplate {
    /// The event at the beginning of `bytes`, if it matches.
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

    /// Learns the template of a parsed event that added `grown` bytes of text to the output, if that was the text of one string.
    pub(crate) fn learn(&mut self, dialect: Dialect, raw: &[u8], grown: u64) {
        let whole = raw.ends_with(b"\n\n") || raw.ends_with(b"\r\n\r\n");
        if self.learned == TEMPLATES_MAX || !whole {
            return;
        }
        let Some(Slots { slots, counts }) = slots(dialect, raw) else { return };
        let mut texts = slots.iter().filter(|(_, slot)| *slot == Slot::Text).filter_map(|(at, _)| raw.get(at.clone()));
        let mut in_string = Produced::default();
        texts.next().into_iter().for_each(|text| in_string.text(text));
        if in_string.bytes() != grown || texts.next().is_some() {
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
    /// The end of the slot's content.
    fn end(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Number => Some(number_len(bytes)).filter(|len| *len > 0),
            // A line break ends the event, even within a string.
            Self::Text | Self::Noise => json::string_end(bytes, 0)
                .filter(|end| memchr::memchr2(b'\n', b'\r', bytes.get(..*end).unwrap_or_default()).is_none()),
        }
    }
}

/// The slots of an event, and whether it has counts.
struct Slots {
    slots: Vec<(Range<usize>, Slot)>,
    counts: bool,
}

/// `None` for bytes that end within a string.
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

/// The members of events whose strings are output.
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
