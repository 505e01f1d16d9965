//! Words that most records have, as one character in place of their letters: a request leaves a smaller row on the disk.

use serde::{Deserialize, Deserializer, Serializer};

/// The words, whose number is their place. The list may grow, up to 31 words; a place never gets another word.
const WORDS: [&str; 17] = [
    "stop",
    "length",
    "tool_calls",
    "end_turn",
    "tool_use",
    "max_tokens",
    "completed",
    "STOP",
    "MAX_TOKENS",
    "stop_sequence",
    "content_filter",
    "max_output_tokens",
    "default",
    "standard",
    "priority",
    "flex",
    "batch",
];

pub(super) fn serialize<S: Serializer>(word: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let number = WORDS.iter().position(|known| *known == word).and_then(|at| u8::try_from(at.saturating_add(1)).ok());
    match number {
        Some(number) => serializer.collect_str(&char::from(number)),
        // One character could be taken for a number; no provider has such a word.
        None if word_of(word).is_some() => serializer.serialize_str(""),
        None => serializer.serialize_str(word),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let written = String::deserialize(deserializer)?;
    Ok(word_of(&written).map_or(written, str::to_owned))
}

/// The word of a number.
fn word_of(written: &str) -> Option<&'static str> {
    let [number] = *written.as_bytes() else { return None };
    WORDS.get(usize::from(number).checked_sub(1)?).copied()
}
