//! Allow-lists as data, and the one pass that applies them.

use crate::error::{PolicyError, SanitizeError};
use crate::scrubbed::{Scrubbed, TopLevel};
use hashbrown::HashMap;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An API of the gateway, named by its dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `openai-chat`.
    OpenaiChat,
    /// `anthropic-messages`.
    AnthropicMessages,
    /// `openai-responses`.
    OpenaiResponses,
    /// `openai-embeddings`.
    OpenaiEmbeddings,
    /// `gemini-generate`.
    GeminiGenerate,
}

impl Api {
    /// All APIs.
    pub const ALL: [Self; 5] = [
        Self::OpenaiChat,
        Self::AnthropicMessages,
        Self::OpenaiResponses,
        Self::OpenaiEmbeddings,
        Self::GeminiGenerate,
    ];
}

/// The treatment of a field that is not on the allow-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// It is dropped and named.
    Lax,
    /// It is refused.
    Strict,
}

/// The options of a scrub.
pub struct Scrub<'a> {
    /// The treatment of a field that is not on the allow-list.
    pub strictness: Strictness,
    /// Makes a pseudonym of a client's cache key: it cannot be turned back, and two people never share one.
    pub hash: &'a dyn Fn(&str) -> String,
}

/// The rule of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    Keep,
    Drop,
    Hash,
    /// Read by the gateway itself.
    Ours,
    /// Set to this value; refused with a remedy, where there is one and the client sets the opposite.
    Force(String, Option<String>),
    Refuse(String),
}

/// The allow-list of one API.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: HashMap<String, Rule>,
    forced: Vec<(String, String)>,
}

/// An allow-list in its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    keep: Vec<String>,
    drop: Vec<String>,
    hash: Vec<String>,
    #[serde(default)]
    ours: Vec<String>,
    force: BTreeMap<String, String>,
    refuse: BTreeMap<String, String>,
    #[serde(default)]
    refuse_true: BTreeMap<String, String>,
}

impl Policy {
    /// The compiled-in allow-list of `api`.
    ///
    /// # Errors
    /// When it is damaged, which a test rules out.
    pub fn builtin(api: Api) -> Result<Self, PolicyError> {
        Self::read(match api {
            Api::OpenaiChat => include_str!("../data/openai-chat.toml"),
            Api::AnthropicMessages => include_str!("../data/anthropic-messages.toml"),
            Api::OpenaiResponses => include_str!("../data/openai-responses.toml"),
            Api::OpenaiEmbeddings => include_str!("../data/openai-embeddings.toml"),
            Api::GeminiGenerate => include_str!("../data/gemini-generate.toml"),
        })
    }

    fn read(text: &str) -> Result<Self, PolicyError> {
        let written: Written = toml::from_str(text)?;
        let forced: Vec<_> = written.force.clone().into_iter().collect();
        let named = |names: Vec<String>, rule: Rule| names.into_iter().map(move |name| (name, rule.clone()));
        let all = named(written.keep, Rule::Keep)
            .chain(named(written.drop, Rule::Drop))
            .chain(named(written.hash, Rule::Hash))
            .chain(named(written.ours, Rule::Ours))
            .chain(written.force.into_iter().map(|(name, value)| {
                let remedy = written.refuse_true.get(&name).cloned();
                (name, Rule::Force(value, remedy))
            }))
            .chain(written.refuse.into_iter().map(|(name, remedy)| (name, Rule::Refuse(remedy))));
        let mut rules = HashMap::new();
        for (field, rule) in all {
            if rules.insert(field.clone(), rule).is_some() {
                return Err(PolicyError::TwoRules { field });
            }
        }
        Ok(Self { rules, forced })
    }

    /// Takes the fields from `body` that may pass.
    ///
    /// # Errors
    /// When the body is no JSON object, has a field twice, or has a refused field.
    pub fn scrub<'a>(&self, body: &'a [u8], how: &Scrub<'_>) -> Result<Scrubbed<'a>, SanitizeError> {
        let top: TopLevel<'a> = TopLevel::read(body)?;
        let mut scrubbed = Scrubbed::with_capacity(top.fields.len());
        for (name, value) in top.fields {
            if scrubbed.has(&name) {
                return Err(SanitizeError::Duplicate { field: name.into_owned() });
            }
            match self.rules.get(&*name) {
                Some(Rule::Keep) => scrubbed.keep(name, Cow::Borrowed(value)),
                Some(Rule::Ours) => scrubbed.keep_ours(name, value),
                Some(Rule::Hash) => scrubbed.keep(name, Cow::Owned(hashed(value, how.hash))),
                Some(Rule::Force(_, Some(remedy))) if value == "true" => {
                    return Err(SanitizeError::Refused { field: name.into_owned(), remedy: remedy.clone() });
                }
                Some(Rule::Force(forced, _)) => scrubbed.keep(name, Cow::Owned(forced.clone())),
                // A field that is switched off asks for nothing.
                Some(Rule::Refuse(_)) if value == "false" => {}
                Some(Rule::Refuse(remedy)) if value != "null" => {
                    return Err(SanitizeError::Refused { field: name.into_owned(), remedy: remedy.clone() });
                }
                Some(Rule::Drop | Rule::Refuse(_)) | None => match how.strictness {
                    Strictness::Lax => scrubbed.drop_field(name),
                    Strictness::Strict => {
                        return Err(SanitizeError::NotPassedOn { field: name.into_owned() });
                    }
                },
            }
        }
        for (name, value) in &self.forced {
            if !scrubbed.has(name) {
                scrubbed.keep(Cow::Owned(name.clone()), Cow::Owned(value.clone()));
            }
        }
        Ok(scrubbed)
    }

    /// The names of the fields that pass unchanged, for documentation.
    pub fn kept(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter(|(_, rule)| **rule == Rule::Keep).map(|(name, _)| name.as_str())
    }
}

/// Hashes the raw JSON, without interpreting it.
fn hashed(raw: &str, hash: &dyn Fn(&str) -> String) -> String {
    if raw == "null" { raw.to_owned() } else { serde_json::Value::String(hash(raw)).to_string() }
}
