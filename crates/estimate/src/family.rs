//! Families of models, and how their tokens differ from the vocabulary that the tables are made of.

use crate::class::Class;
use crate::tables::ONE;
use crate::text::TextAmount;
use crate::vocabulary::Vocabulary;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../data/families.toml");
/// Factors are in percent.
const PERCENT: u64 = 100;

/// How a vocabulary counts a class of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Factors {
    /// Percent of the tokens of the vocabulary that the tables are made of,
    tokens: u64,
    /// and hundredths of a token for each character.
    #[serde(default)]
    chars: u64,
}

/// A family of models that share a way to count tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    entry: &'static Entry,
    vocabulary: Option<Vocabulary>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct File {
    vocabulary: BTreeMap<String, BTreeMap<Class, Factors>>,
    family: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    words: Vec<String>,
    vocabulary: String,
    /// Parts of the names of those models that have exactly this vocabulary, which is public.
    #[serde(default)]
    exact: Vec<String>,
    /// Percent of the tokens of the vocabulary.
    scale: u64,
    /// Tokens of a request without any content.
    base: u64,
    per_message: u64,
    /// Tokens of the call of a tool, or of its result, besides their text.
    per_call: u64,
    /// Instructions for tools, where a request has any.
    tools: u64,
    /// The JSON of tools and schemas, in percent of its tokens as text.
    schemas: u64,
    /// Instructions for reasoning, where the model is to reason.
    reasoning: u64,
    /// The factors of its vocabulary, by the number of the class.
    #[serde(skip)]
    factors: Vec<Factors>,
}

/// Where the file cannot be read, which a test excludes.
static PLAIN: Entry = Entry {
    words: Vec::new(),
    vocabulary: String::new(),
    exact: Vec::new(),
    scale: PERCENT,
    base: 8,
    per_message: 4,
    per_call: 8,
    tools: 0,
    schemas: PERCENT,
    reasoning: 0,
    factors: Vec::new(),
};

static FAMILIES: LazyLock<Vec<Entry>> = LazyLock::new(|| read(TEXT).unwrap_or_default());

fn read(text: &str) -> Option<Vec<Entry>> {
    let File { vocabulary, mut family } = toml::from_str(text).ok()?;
    for entry in &mut family {
        let factors = vocabulary.get(&entry.vocabulary)?;
        entry.factors = Class::ALL.iter().map(|class| factors.get(class).copied()).collect::<Option<_>>()?;
    }
    Some(family)
}

impl Family {
    /// The family of a model with these names, such as the vendor's and our own; the last one of the file where none fits.
    #[must_use]
    pub fn of(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let fits = |word: &String| names.iter().any(|name| name.contains(word.as_str()));
        let entry = FAMILIES.iter().find(|entry| entry.words.iter().any(fits)).unwrap_or(&PLAIN);
        let vocabulary = Vocabulary::named(&entry.vocabulary).filter(|_| entry.exact.iter().any(fits));
        Self { entry, vocabulary }
    }

    /// The vocabulary with which its tokens can be counted exactly, where that is known and public.
    #[must_use]
    pub fn vocabulary(self) -> Option<Vocabulary> {
        self.vocabulary
    }
}

impl TextAmount {
    /// The estimated tokens of the text, rounded; one at least where there is any text.
    #[must_use]
    pub fn tokens(&self, family: Family) -> u64 {
        let entry = family.entry;
        let plain = Factors { tokens: PERCENT, chars: 0 };
        let mut sum = 0_u64;
        for (at, (_, counted)) in self.by_class().enumerate() {
            let factors = entry.factors.get(at).copied().unwrap_or(plain);
            let tokens = u64::from(counted.units).saturating_mul(factors.tokens);
            let chars = u64::from(counted.chars).saturating_mul(factors.chars).saturating_mul(u64::from(ONE));
            sum = sum.saturating_add(tokens).saturating_add(chars);
        }
        let token = u64::from(ONE) * PERCENT * PERCENT;
        let tokens = sum.saturating_mul(entry.scale).saturating_add(token / 2) / token;
        tokens.max(u64::from(!self.is_empty()))
    }
}

/// What a provider adds to the text of a request.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Messages of the conversation.
    pub messages: u64,
    /// Calls and results of tools.
    pub calls: u64,
    /// The JSON of tools and of the answer's schema.
    pub schemas: &'a TextAmount,
    /// Whether the model is to reason.
    pub reasons: bool,
}

impl Frame<'_> {
    /// The estimated tokens.
    #[must_use]
    pub fn tokens(self, family: Family) -> u64 {
        let entry = family.entry;
        let schemas = self.schemas.tokens(family).saturating_mul(entry.schemas).div_ceil(PERCENT);
        let tools = if self.schemas.is_empty() { 0 } else { entry.tools };
        let messages = self.messages.saturating_mul(entry.per_message);
        let calls = self.calls.saturating_mul(entry.per_call);
        let reasoning = if self.reasons { entry.reasoning } else { 0 };
        [entry.base, messages, calls, tools, reasoning].into_iter().fold(schemas, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_every_class_of_every_vocabulary() {
        let families = read(TEXT).expect("the file can be read");
        assert!(families.last().is_some_and(|last| last.words == [""]), "the last family fits every name");
    }

    #[test]
    fn a_family_is_found_by_a_part_of_any_name() {
        let words = |names: &[&str]| Family::of(names).entry.words.first().cloned().unwrap_or_default();
        assert_eq!(words(&["anthropic/Claude-Opus-4.5"]), "claude");
        assert_eq!(words(&["gpt-4-turbo"]), "gpt-4-");
        assert_eq!(words(&["gpt-4o", "openai/gpt-4o"]), "gpt");
        assert_eq!(words(&["a-model-of-tomorrow"]), "");
    }

    #[test]
    fn only_models_whose_vocabulary_is_known_are_counted_exactly() {
        let of = |name: &str| Family::of(&[name]).vocabulary();
        for name in ["gpt-5-mini", "openai/gpt-4o", "gpt-4.1", "o3-mini", "openai/gpt-oss-120b"] {
            assert_eq!(of(name), Some(Vocabulary::O200k), "{name}");
        }
        assert_eq!(of("gpt-4-turbo"), Some(Vocabulary::Cl100k));
        assert_eq!(of("text-embedding-3-small"), Some(Vocabulary::Cl100k));
        for name in ["gpt-neox", "sandbox/gpt", "claude-opus-4-5", "gemini-2.5-pro", "gpt-6", "copilot"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
