//! Families of models, and how their tokens differ from the vocabulary that the tables are made of.

use crate::class::{Class, Counted};
use crate::tables::ONE;
use crate::text::TextAmount;
use crate::vocabulary::Vocabulary;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../data/families.toml");
/// Factors are in percent.
const PERCENT: u64 = 100;
/// The margin of a hold on an estimate, in percent, where its family has no other.
pub const MARGIN: u64 = 15;
/// A hold counts at least so many tokens for so many bytes of a text. In most texts the errors of the tables even out, but not in
/// one that repeats a word.
const DENSITY: (u64, u64) = (4, 17);
/// The first bytes of a text, to which that does not apply.
const FIRST_BYTES: u64 = 256;
/// A hold counts more where most of a text is unlike English and the vocabulary is not public: one part in so many of the tokens
/// that are unlike it, beyond those that are like it.
const RARE_PART: u64 = 3;

/// A token, in the product of units, a factor and the scale.
fn token() -> u64 {
    u64::from(ONE) * PERCENT * PERCENT
}

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
    /// What a hold counts with besides.
    #[serde(default)]
    hold: Margins,
    /// The factors of its vocabulary, by the number of the class.
    #[serde(skip)]
    factors: Vec<Factors>,
}

/// What a hold of a family counts with besides the estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Margins {
    /// On the text, in percent.
    text: u64,
    /// On the JSON of tools and schemas, in percent.
    schemas: u64,
    /// Tokens of each request,
    base: u64,
    /// and of one with tools or a schema.
    tools: u64,
}

impl Default for Margins {
    fn default() -> Self {
        PLAIN_MARGINS
    }
}

const PLAIN_MARGINS: Margins = Margins { text: MARGIN, schemas: MARGIN, base: 0, tools: 0 };

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
    hold: PLAIN_MARGINS,
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

impl Entry {
    /// What was counted of the class of this number, as this vocabulary counts it.
    fn weight(&self, at: usize, counted: Counted) -> u64 {
        let plain = Factors { tokens: PERCENT, chars: 0 };
        let factors = self.factors.get(at).copied().unwrap_or(plain);
        let tokens = u64::from(counted.units).saturating_mul(factors.tokens);
        let chars = u64::from(counted.chars).saturating_mul(factors.chars).saturating_mul(u64::from(ONE));
        tokens.saturating_add(chars)
    }

    /// The JSON of tools and schemas, in tokens.
    fn schemas(&self, tokens: u64) -> u64 {
        tokens.saturating_mul(self.schemas).div_ceil(PERCENT)
    }
}

impl TextAmount {
    /// The estimated tokens of the text, rounded; one at least where there is any text.
    #[must_use]
    pub fn tokens(&self, family: Family) -> u64 {
        let entry = family.entry;
        let weights = self.by_class().enumerate().map(|(at, (_, counted))| entry.weight(at, counted));
        let sum = weights.fold(0, u64::saturating_add);
        let tokens = sum.saturating_mul(entry.scale).saturating_add(token() / 2) / token();
        tokens.max(u64::from(!self.is_empty()))
    }

    /// What a hold counts of the text, in hundredths of a token: the estimate with the margin of the family. More where most of
    /// it is unlike English and the vocabulary is not public, and where a long text would have fewer tokens than nearly any.
    #[must_use]
    pub fn held(&self, family: Family) -> u64 {
        let entry = family.entry;
        let tokens = self.tokens(family);
        let with_margin = tokens.saturating_mul(PERCENT.saturating_add(entry.hold.text));
        let rare = self.by_class().enumerate().find(|(_, (class, _))| *class == Class::RareLetters);
        let weight = rare.map_or(0, |(at, (_, counted))| entry.weight(at, counted));
        let rare = weight.saturating_mul(entry.scale) / (token() / PERCENT);
        let surplus = rare.saturating_mul(2).saturating_sub(tokens.saturating_mul(PERCENT)) / RARE_PART;
        let unsure = if entry.exact.is_empty() { surplus } else { 0 };
        let (at_least, bytes) = DENSITY;
        let dense = self.bytes().saturating_sub(FIRST_BYTES).saturating_mul(at_least * PERCENT) / bytes;
        with_margin.saturating_add(unsure).max(dense)
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
        entry.schemas(self.schemas.tokens(family)).saturating_add(self.others(entry))
    }

    /// The tokens of all but the schemas.
    fn others(self, entry: &Entry) -> u64 {
        let tools = if self.schemas.is_empty() { 0 } else { entry.tools };
        let messages = self.messages.saturating_mul(entry.per_message);
        let calls = self.calls.saturating_mul(entry.per_call);
        let reasoning = if self.reasons { entry.reasoning } else { 0 };
        [messages, calls, tools, reasoning].into_iter().fold(entry.base, u64::saturating_add)
    }

    /// What a hold counts of it, in hundredths of a token: the estimate with the margins of the family.
    #[must_use]
    pub fn held(self, family: Family) -> u64 {
        let entry = family.entry;
        let schemas = entry.schemas(self.schemas.tokens(family));
        let others = self.others(entry);
        let tools = if self.schemas.is_empty() { 0 } else { entry.hold.tools };
        let more = entry.hold.base.saturating_add(tools).saturating_mul(PERCENT);
        schemas
            .saturating_mul(PERCENT.saturating_add(entry.hold.schemas))
            .saturating_add(others.saturating_mul(PERCENT.saturating_add(MARGIN)))
            .saturating_add(more)
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

    /// What a hold counts of a text, in percent of its estimate.
    fn check_held(model: &str, text: &str, percent: u64) {
        let mut amount = TextAmount::default();
        amount.push(text);
        let family = Family::of(&[model]);
        assert_eq!(amount.held(family) / amount.tokens(family), percent, "{model}: {text:.20}");
    }

    #[test]
    fn a_hold_has_the_margin_of_the_family_on_a_text() {
        let prose = "The pilot waits for the tide, and the harbour is quiet. ".repeat(20);
        for model in ["claude-sonnet-4-5", "claude-3-5-sonnet", "gpt-5-mini", "a-model-of-tomorrow"] {
            check_held(model, &prose, 100 + MARGIN);
        }
        for model in ["claude-opus-4-8", "anthropic/claude-opus-4.7", "claude-4.8-opus-2026", "claude-sonnet-5"] {
            check_held(model, &prose, 140);
        }
        check_held("gemini-2.5-pro", &prose, 110);
    }

    #[test]
    fn a_hold_of_random_letters_is_larger_where_the_vocabulary_is_not_public() {
        let random = "qzxvkjwpbgh".repeat(100);
        check_held("gpt-5-mini", &random, 100 + MARGIN);
        check_held("claude-sonnet-4-5", &random, 147);
        check_held("mistral-large", &random, 147);
    }

    #[test]
    fn a_hold_of_a_word_that_is_repeated_has_a_token_for_some_bytes() {
        let (word, family) = (" farewell", Family::of(&["claude-sonnet-4"]));
        let mut amount = TextAmount::default();
        amount.push(&word.repeat(1_024));
        // The provider counts two for each.
        assert!((2_048..2_200).contains(&(amount.held(family) / 100)), "{}", amount.held(family));
        check_held("claude-sonnet-4", &word.repeat(20), 100 + MARGIN);
    }

    #[test]
    fn a_hold_of_a_frame_has_the_additions_of_the_family() {
        let check = |model: &str, json: &str, margin: u64, others: u64| {
            let mut schemas = TextAmount::default();
            schemas.push_json(json.as_bytes());
            let family = Family::of(&[model]);
            let frame = Frame { messages: 1, calls: 0, schemas: &schemas, reasons: false };
            let tokens = family.entry.schemas(schemas.tokens(family));
            assert_eq!(frame.held(family), tokens * (100 + margin) + others, "{model} {json}");
            assert!(frame.held(family) >= frame.tokens(family) * 100, "a hold is never below the estimate: {model}");
        };
        let tools = r#"[{"type":"function","function":{"name":"add"}}]"#;
        check("claude-sonnet-4-5", "", MARGIN, (4 + 3) * 115);
        check("claude-sonnet-4-5", tools, MARGIN, (4 + 3 + 600) * 115);
        check("claude-opus-4-7", tools, 40, (4 + 3 + 600) * 115 + 12_000);
        check("gpt-4o", tools, 0, (4 + 4 + 46) * 115);
        check("gpt-5-nano", tools, 0, (4 + 4 + 46) * 115 + 4_800);
        check("gpt-5-nano", "", 0, (4 + 4) * 115);
        check("deepseek-chat", "", 0, (8 + 3) * 115 + 600);
        check("a-model-of-tomorrow", tools, MARGIN, (6 + 4 + 120) * 115);
    }
}
