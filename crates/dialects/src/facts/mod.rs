//! The facts of a request that admission needs.

mod amount;
mod exact;
mod media;
mod scan;
mod terms;
mod tools;

use crate::decoders::anthropic_messages::FAST_US;
use crate::dialect::Dialect;
use crate::enum_names::{RESPONSE_MODALITIES, enum_name};
use crate::error::RequestError;
use opencredits_units::{Bucket, ToolUse};
use opencredits_wire::json;
use scan::{ContentScan, plain};
use terms::{AUDIO, CACHE_CONTROL, IMAGE, INPUT_AUDIO, ONE_HOUR, VIDEO};

pub use amount::InputAmount;
pub use exact::ExactInput;

/// Tokens that a provider adds for the frame of a request: instructions for tools, separators of messages.
const OVERHEAD_TOKENS_MAX: u64 = 2_048;

/// The fields that the model reads as a conversation.
const CONVERSATION: [&str; 8] =
    ["messages", "system", "input", "instructions", "contents", "systemInstruction", "system_instruction", "prompt"];
/// The fields whose JSON the provider shows to the model: tools, and the schema of an answer.
const SCHEMAS: [&str; 6] = ["tools", "functions", "response_format", "output_config", "output_format", "text"];

/// The facts of a request that admission needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// The model, as the client names it.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The client's output cap for one choice.
    pub output_cap: Option<u64>,
    /// The number of choices.
    pub choices: u64,
    /// Whether the client requested a usage chunk.
    pub usage_chunk_requested: bool,
    /// The requested service tier.
    pub tier: Option<String>,
    /// Buckets with prices of their own that the request may use.
    pub extra: Vec<Bucket>,
    /// An upper bound of the input, in tokens. `None` where built-in tools of the provider may add to it without limit,
    /// or where the request names a file of unknown length.
    pub input_max: Option<u64>,
    /// The amount of input, for estimates.
    pub input_amount: InputAmount,
    /// The exact count of its text, where one was made.
    pub exact: Option<ExactInput>,
    /// By how much the bound is less than a token for each byte.
    pub surplus: u64,
    /// The largest number of uses of each built-in tool in the request.
    pub uses: Vec<(ToolUse, u64)>,
    /// Whether the model may reason, visibly or not.
    pub thinks: bool,
    /// The length of the definitions of tools, for which providers add instructions; 0 without tools.
    pub tools_bytes: usize,
}

/// The two spellings of the settings of `gemini-generate`.
const CONFIGS: [&str; 2] = ["generationConfig", "generation_config"];
/// Fields that decide on the price, and the byte that each begins with.
const PRICED: [(&str, u8); 8] = [
    ("tools", b'['),
    ("web_search_options", b'{'),
    ("thinking", b'{'),
    ("reasoning", b'{'),
    ("stream_options", b'{'),
    ("output_config", b'{'),
    ("generationConfig", b'{'),
    ("generation_config", b'{'),
];

/// Refuses a field that decides on the price and that providers could read in another way than it is read here: of another
/// form, or with a name twice.
fn unambiguous(name: &str, raw: &[u8]) -> Result<(), RequestError> {
    let Some((field, first)) = PRICED.iter().find(|(priced, _)| *priced == name) else { return Ok(()) };
    if raw.first() != Some(first) {
        return Err(expected(field, if *first == b'[' { "a list" } else { "an object" }));
    }
    if json::has_duplicate_names(raw) {
        return Err(expected(field, "free of names that appear twice in one object, with at most 128 levels"));
    }
    if CONFIGS.contains(&name) && has_both_spellings(raw) {
        return Err(expected("generationConfig", "in one spelling: a setting is given in both"));
    }
    Ok(())
}

/// Whether a setting, or one of `thinkingConfig`, is given in `camelCase` and in `snake_case`.
fn has_both_spellings(config: &[u8]) -> bool {
    let twice = |raw: &[u8]| {
        let mut names: Vec<Vec<u8>> = Vec::new();
        json::members(raw, |name, _| {
            names.push(name.iter().filter(|byte| **byte != b'_').map(u8::to_ascii_lowercase).collect());
        });
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        names.len() < all
    };
    let thinking = ["thinkingConfig", "thinking_config"].into_iter().find_map(|name| json::member(config, name));
    twice(config) || thinking.is_some_and(twice)
}

/// The largest number of searches of a model that searches by itself.
const SEARCHES_MAX: u64 = 10;

impl RequestFacts {
    /// Reads the top-level fields of a body, each with its raw JSON.
    ///
    /// # Errors
    /// When the model is missing, or a field that admission needs has another form than its API requires.
    pub fn read<'a>(dialect: Dialect, fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, RequestError> {
        Self::read_with(dialect, fields, None)
    }

    /// The same for a translated request, whose amount of input is known: a translation says the same in other words.
    ///
    /// # Errors
    /// Like [`RequestFacts::read`].
    pub fn read_as<'a>(
        dialect: Dialect,
        fields: impl Iterator<Item = (&'a str, &'a str)>,
        amount: InputAmount,
    ) -> Result<Self, RequestError> {
        Self::read_with(dialect, fields, Some(amount))
    }

    fn read_with<'a>(
        dialect: Dialect,
        fields: impl Iterator<Item = (&'a str, &'a str)>,
        amount: Option<InputAmount>,
    ) -> Result<Self, RequestError> {
        // Models of other dialects reason by default.
        let thinks = dialect != Dialect::AnthropicMessages;
        let mut facts = Self { choices: 1, thinks, input_max: Some(OVERHEAD_TOKENS_MAX), ..Self::default() };
        if dialect == Dialect::OpenaiChat {
            // Caches are written by default, and some models bill for it.
            facts.extra.push(Bucket::CacheWriteOther);
        }
        let mut configs = 0_usize;
        for (name, value) in fields {
            let value = plain(value);
            configs = configs.saturating_add(usize::from(CONFIGS.contains(&name)));
            if configs > 1 {
                return Err(RequestError::Field { field: "generationConfig", expected: "given once, in one spelling" });
            }
            let scan = ContentScan::of(value.as_bytes());
            facts.input_max = facts.input_max.zip(scan.bound()).map(|(sum, bound)| sum.saturating_add(bound));
            if amount.is_none() && CONVERSATION.contains(&name) {
                facts.input_amount.conversation(value.as_bytes());
                facts.input_amount.attach(scan.attachments());
            } else if amount.is_none() && SCHEMAS.contains(&name) {
                facts.input_amount.schema(value.as_bytes());
            }
            facts.field(dialect, name, value.as_bytes())?;
        }
        // A translation may leave out what the client's amount has: then nothing of it lowers the bound.
        let InputAmount { text, schemas, .. } = &facts.input_amount;
        let surplus = text.surplus().saturating_add(schemas.surplus());
        facts.input_amount = amount.unwrap_or(facts.input_amount);
        facts.surplus = surplus;
        facts.input_max = facts.input_max.map(|bound| bound.saturating_sub(surplus).max(OVERHEAD_TOKENS_MAX));
        if facts.model.is_empty() {
            return Err(RequestError::Missing { field: "model", remedy: "name one of GET /v1/models" });
        }
        Ok(facts)
    }

    fn field(&mut self, dialect: Dialect, name: &str, raw: &[u8]) -> Result<(), RequestError> {
        if !json::is_set(raw) {
            return Ok(());
        }
        unambiguous(name, raw)?;
        match name {
            "model" => self.model = json::owned(raw).ok_or(expected("model", "a string"))?,
            "stream" => self.stream = truth(raw).ok_or(expected("stream", "true or false"))?,
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
                let cap = json::count(raw).filter(|cap| *cap > 0).ok_or(expected("max_tokens", "a positive number"))?;
                // Where both are sent, providers differ in which one they use.
                self.output_cap = Some(self.output_cap.map_or(cap, |other| other.max(cap)));
            }
            "n" if dialect == Dialect::OpenaiChat => {
                self.choices = json::count(raw).filter(|n| *n > 0).ok_or(expected("n", "a positive number"))?;
            }
            "stream_options" => {
                self.usage_chunk_requested = json::member(raw, "include_usage") == Some(b"true");
            }
            "service_tier" | "speed" => self.ask_tier(json::owned(raw)),
            "inference_geo" if raw == b"\"us\"" => self.ask_tier(json::owned(raw)),
            "web_search_options" => {
                self.input_max = None;
                self.uses.push((ToolUse::WebSearch, SEARCHES_MAX));
            }
            "modalities" | "audio" if AUDIO.is_in(raw) => self.extra.push(Bucket::OutputAudio),
            "tools" => {
                self.tools_bytes = if raw == b"[]" { 0 } else { raw.len() };
                self.tools(dialect, raw)?;
            }
            "thinking" => self.thinks = json::member(raw, "type") != Some(b"\"disabled\""),
            "reasoning_effort" => self.thinks = raw != b"\"none\"",
            "reasoning" => self.thinks = json::member(raw, "effort") != Some(b"\"none\""),
            "generationConfig" | "generation_config" => self.generation_config(raw)?,
            "messages" | "system" | "cache_control" | "input" | "contents" => self.content(name, raw)?,
            _ => {}
        }
        Ok(())
    }

    /// Speed and region are requested separately and priced together.
    fn ask_tier(&mut self, asked: Option<String>) {
        self.tier = match (self.tier.take(), asked) {
            (Some(one), Some(other))
                if [one.as_str(), &other] == ["us", "fast"] || [&*other, &one] == ["us", "fast"] =>
            {
                Some(FAST_US.to_owned())
            }
            (Some(known), _) if ["fast", "us", FAST_US].contains(&known.as_str()) => Some(known),
            (_, asked) => asked,
        };
    }

    /// Whether cache writes are to live for an hour.
    #[must_use]
    pub fn caches_for_hour(&self) -> bool {
        self.extra.contains(&Bucket::CacheWrite1h)
    }

    fn content(&mut self, name: &str, raw: &[u8]) -> Result<(), RequestError> {
        if name == "messages" && raw.first() != Some(&b'[') {
            return Err(expected("messages", "a list"));
        }
        if INPUT_AUDIO.is_in(raw) || (name == "contents" && AUDIO.is_in(raw)) {
            self.extra.extend([Bucket::InputAudio, Bucket::InputAudioCached]);
        }
        if name == "contents" && VIDEO.is_in(raw) {
            self.extra.extend([Bucket::InputAudio, Bucket::InputAudioCached, Bucket::InputVideo]);
        }
        if IMAGE.is_in(raw) {
            self.extra.push(Bucket::InputImage);
        }
        // An automatic `cache_control` is a top-level member; others are members of their block.
        if name == "cache_control" || CACHE_CONTROL.is_in(raw) {
            self.extra.extend([Bucket::CacheWrite5m, Bucket::CacheWriteOther]);
            if ONE_HOUR.is_in(raw) {
                self.extra.push(Bucket::CacheWrite1h);
            }
        }
        Ok(())
    }

    fn generation_config(&mut self, raw: &[u8]) -> Result<(), RequestError> {
        let count = |names: [&str; 2]| names.into_iter().find_map(|name| json::member(raw, name));
        if let Some(cap) = count(["maxOutputTokens", "max_output_tokens"]).filter(|raw| json::is_set(raw)) {
            let cap = json::count(cap).filter(|cap| *cap > 0);
            self.output_cap = Some(cap.ok_or(expected("generationConfig.maxOutputTokens", "a positive number"))?);
        }
        if let Some(choices) = count(["candidateCount", "candidate_count"]).filter(|raw| json::is_set(raw)) {
            let choices = json::count(choices).filter(|choices| *choices > 0);
            self.choices = choices.ok_or(expected("generationConfig.candidateCount", "a positive number"))?;
        }
        json::items(count(["responseModalities", "response_modalities"]).unwrap_or(b"[]"), |raw| {
            let kind = enum_name(raw, RESPONSE_MODALITIES).unwrap_or_default().to_ascii_uppercase();
            self.extra.extend(match kind.as_str() {
                "TEXT" | "MODALITY_UNSPECIFIED" => None,
                "IMAGE" => Some(Bucket::OutputImage),
                // One that is not known could be the dearest.
                _ => Some(Bucket::OutputAudio),
            });
        });
        Ok(())
    }
}

const fn expected(field: &'static str, expected: &'static str) -> RequestError {
    RequestError::Field { field, expected }
}

fn truth(raw: &[u8]) -> Option<bool> {
    match raw {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}
