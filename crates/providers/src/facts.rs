//! What a request asks for, as far as admission needs to know.

use crate::anthropic_messages::FAST_US;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::json;
use memchr::memmem::Finder;
use opencredits_units::{Bucket, ToolUse};
use std::sync::LazyLock;

/// Tokens that an image or document may count at most, whatever its size. The largest documented figures are some
/// 48,000 tokens for an image cut into tiles by a small model that multiplies its counts.
const MEDIA_TOKENS_MAX: u64 = 50_000;
/// Tokens that a provider adds for the frame of a request: instructions for tools, separators of messages.
const FRAME_TOKENS_MAX: u64 = 2_048;
/// A base64 payload is not text: only what is shorter than this may be.
const PAYLOAD_BYTES_MIN: usize = 512;

/// The fields that are read by the model.
const READ: [&str; 8] =
    ["messages", "system", "tools", "input", "instructions", "contents", "systemInstruction", "system_instruction"];

/// What a request asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// The model, as the client names it.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The output cap, where the client gave one, for one choice.
    pub output_cap: Option<u64>,
    /// How many choices are to be made.
    pub choices: u64,
    /// Whether the client asked for a chunk with the usage.
    pub usage_chunk_asked: bool,
    /// The service tier that is asked for.
    pub tier: Option<String>,
    /// Buckets with prices of their own that the request could touch.
    pub extra: Vec<Bucket>,
    /// An upper bound of the input, in tokens; `None` where the provider's own tools may add to it without end.
    pub input_max: Option<u64>,
    /// How much there is to read.
    pub seen: InputSeen,
    /// How often each of the provider's own tools may run, where the request has such tools.
    pub uses: Vec<(ToolUse, u64)>,
    /// Whether a tool runs at the provider, which may add to the input without end.
    open_ended: bool,
}

/// Tools of `anthropic-messages` that the client runs, though the provider defines them: by the beginning of their type.
const CLIENT_TOOLS: [&str; 6] = ["custom", "function", "bash_", "text_editor_", "computer_", "memory_"];

/// How often a provider's tool may run where the request sets no limit.
const USES_MAX: u64 = 10;

impl RequestFacts {
    /// Reads the top-level fields of a body, each with its raw JSON.
    ///
    /// # Errors
    /// When the model is missing, or a field that admission needs has another form than the API says.
    pub fn read<'a>(dialect: Dialect, fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, Error> {
        let mut facts = Self { choices: 1, ..Self::default() };
        if dialect == Dialect::OpenaiChat {
            // Caches are written without being asked for, and some models bill it.
            facts.extra.push(Bucket::CacheWriteOther);
        }
        let mut input = FRAME_TOKENS_MAX;
        for (name, value) in fields {
            let scan = Scan::of(value.as_bytes());
            input = input.saturating_add(scan.bound());
            if READ.contains(&name) {
                facts.seen.add(&scan);
            }
            facts.field(dialect, name, value.as_bytes())?;
        }
        if facts.model.is_empty() {
            return Err(Error::Missing { field: "model", remedy: "name one of GET /v1/models" });
        }
        facts.input_max = (!facts.open_ended).then_some(input);
        Ok(facts)
    }

    fn field(&mut self, dialect: Dialect, name: &str, raw: &[u8]) -> Result<(), Error> {
        if !json::is_set(raw) {
            return Ok(());
        }
        match name {
            "model" => self.model = json::owned(raw).ok_or(expected("model", "a string"))?,
            "stream" => self.stream = truth(raw).ok_or(expected("stream", "true or false"))?,
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
                let cap = json::count(raw).filter(|cap| *cap > 0).ok_or(expected("max_tokens", "a positive number"))?;
                // Where both are sent, a provider may heed either.
                self.output_cap = Some(self.output_cap.map_or(cap, |other| other.max(cap)));
            }
            "n" if dialect == Dialect::OpenaiChat => {
                self.choices = json::count(raw).filter(|n| *n > 0).ok_or(expected("n", "a positive number"))?;
            }
            "stream_options" => {
                self.usage_chunk_asked = json::member(raw, "include_usage") == Some(b"true");
            }
            "service_tier" | "speed" => self.ask_tier(json::owned(raw)),
            "inference_geo" if raw == b"\"us\"" => self.ask_tier(json::owned(raw)),
            "web_search_options" => {
                self.open_ended = true;
                self.uses.push((ToolUse::WebSearch, USES_MAX));
            }
            "modalities" | "audio" if AUDIO.is_in(raw) => self.extra.push(Bucket::OutputAudio),
            "tools" if dialect == Dialect::AnthropicMessages => self.server_tools(raw),
            "tools" if dialect == Dialect::OpenaiResponses => self.hosted_tools(raw),
            "tools" if dialect == Dialect::GeminiGenerate => self.built_in_tools(raw),
            "generationConfig" | "generation_config" => self.generation_config(raw)?,
            "messages" | "system" | "cache_control" | "input" | "contents" => self.content(name, raw)?,
            _ => {}
        }
        Ok(())
    }

    /// Speed and place are asked for apart, and priced together.
    fn ask_tier(&mut self, asked: Option<String>) {
        self.tier = match (self.tier.take(), asked) {
            (Some(one), Some(other))
                if [one.as_str(), &other] == ["us", "fast"] || [&*other, &one] == ["us", "fast"] =>
            {
                Some(FAST_US.to_owned())
            }
            (Some(known), _) if known == "us" || known == FAST_US => Some(known),
            (_, asked) => asked,
        };
    }

    fn content(&mut self, name: &str, raw: &[u8]) -> Result<(), Error> {
        if name == "messages" && raw.first() != Some(&b'[') {
            return Err(expected("messages", "a list"));
        }
        if INPUT_AUDIO.is_in(raw) || (name == "contents" && AUDIO.is_in(raw)) {
            self.extra.extend([Bucket::InputAudio, Bucket::InputAudioCached]);
        }
        if IMAGE.is_in(raw) {
            self.extra.push(Bucket::InputImage);
        }
        // An automatic cache_control stands at the top; otherwise it stands with its block.
        if name == "cache_control" || CACHE_CONTROL.is_in(raw) {
            self.extra.extend([Bucket::CacheWrite5m, Bucket::CacheWriteOther]);
            if ONE_HOUR.is_in(raw) {
                self.extra.push(Bucket::CacheWrite1h);
            }
        }
        Ok(())
    }

    /// Tools of `openai-responses` run at the provider, but for functions and their like.
    fn hosted_tools(&mut self, raw: &[u8]) {
        json::items(raw, |tool| {
            let kind = json::member(tool, "type").and_then(json::text).unwrap_or_default();
            if matches!(&*kind, "function" | "custom" | "local_shell" | "apply_patch" | "shell") {
                return;
            }
            self.open_ended = true;
            let runs = match &*kind {
                kind if kind.starts_with("web_search") => ToolUse::WebSearch,
                "file_search" => ToolUse::FileSearch,
                "code_interpreter" => ToolUse::CodeExecution,
                "x_search" => ToolUse::XSearch,
                _ => return,
            };
            self.uses.push((runs, USES_MAX));
        });
    }

    /// Tools of `gemini-generate` run at the provider, but for functions.
    fn built_in_tools(&mut self, raw: &[u8]) {
        json::items(raw, |tool| {
            json::members(tool, |name, _| match name {
                b"functionDeclarations" | b"function_declarations" => {}
                b"codeExecution" | b"code_execution" => {
                    self.open_ended = true;
                    self.uses.push((ToolUse::CodeExecution, USES_MAX));
                }
                _ => {
                    self.open_ended = true;
                    self.uses.push((ToolUse::Grounding, USES_MAX));
                }
            });
        });
    }

    fn generation_config(&mut self, raw: &[u8]) -> Result<(), Error> {
        let count = |names: [&str; 2]| names.into_iter().find_map(|name| json::member(raw, name));
        if let Some(cap) = count(["maxOutputTokens", "max_output_tokens"]).filter(|raw| json::is_set(raw)) {
            let cap = json::count(cap).filter(|cap| *cap > 0);
            self.output_cap = Some(cap.ok_or(expected("generationConfig.maxOutputTokens", "a positive number"))?);
        }
        if let Some(choices) = count(["candidateCount", "candidate_count"]).and_then(json::count) {
            self.choices = choices.max(1);
        }
        if AUDIO.is_in(raw) || raw.windows(5).any(|word| word == b"AUDIO") {
            self.extra.push(Bucket::OutputAudio);
        }
        if raw.windows(5).any(|word| word == b"IMAGE") {
            self.extra.push(Bucket::OutputImage);
        }
        Ok(())
    }

    /// Tools with a type run at the provider, but for those that are known to run at the client.
    fn server_tools(&mut self, raw: &[u8]) {
        let mut cursor = json::Cursor::new(raw);
        if !cursor.array() {
            return;
        }
        while cursor.item() {
            let tool = cursor.value();
            if CACHE_CONTROL.is_in(tool) {
                self.extra.extend([Bucket::CacheWrite5m, Bucket::CacheWrite1h, Bucket::CacheWriteOther]);
            }
            let kind = json::member(tool, "type").and_then(json::text);
            let Some(kind) = kind.filter(|kind| !CLIENT_TOOLS.iter().any(|start| kind.starts_with(start))) else {
                continue;
            };
            self.open_ended = true;
            let runs = match &*kind {
                kind if kind.starts_with("web_search_") => ToolUse::WebSearch,
                kind if kind.starts_with("web_fetch_") => ToolUse::WebFetch,
                kind if kind.starts_with("code_execution_") => ToolUse::CodeExecution,
                _ => continue,
            };
            let limit = json::member(tool, "max_uses").and_then(json::count).unwrap_or(USES_MAX);
            self.uses.push((runs, limit));
        }
    }
}

const fn expected(field: &'static str, expected: &'static str) -> Error {
    Error::Field { field, expected }
}

fn truth(raw: &[u8]) -> Option<bool> {
    match raw {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

/// A word that is looked for in every request, prepared once.
struct Word(LazyLock<Finder<'static>>);

impl Word {
    fn is_in(&self, raw: &[u8]) -> bool {
        self.0.find(raw).is_some()
    }
}

static AUDIO: Word = Word(LazyLock::new(|| Finder::new("audio")));
static INPUT_AUDIO: Word = Word(LazyLock::new(|| Finder::new("input_audio")));
static IMAGE: Word = Word(LazyLock::new(|| Finder::new("image")));
static CACHE_CONTROL: Word = Word(LazyLock::new(|| Finder::new("\"cache_control\"")));
static ONE_HOUR: Word = Word(LazyLock::new(|| Finder::new("1h")));

/// What stands before a payload, or names one that lies elsewhere.
static MEDIA: [Word; 4] = [
    Word(LazyLock::new(|| Finder::new(";base64,"))),
    Word(LazyLock::new(|| Finder::new("\"data\""))),
    Word(LazyLock::new(|| Finder::new("\"url\""))),
    Word(LazyLock::new(|| Finder::new("\"file_id\""))),
];
/// The shortest of them.
const MEDIA_WORD_BYTES_MIN: usize = 5;

/// How much there is to read in a request, for an estimate where no provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InputSeen {
    /// Bytes of ASCII, the frame of the JSON included and payloads left out.
    pub ascii_bytes: u64,
    /// Characters beyond ASCII.
    pub wide_chars: u64,
    /// Pictures and the like that are sent along.
    pub media: u64,
}

impl InputSeen {
    fn add(&mut self, scan: &Scan) {
        self.ascii_bytes = self.ascii_bytes.saturating_add(scan.ascii);
        self.wide_chars = self.wide_chars.saturating_add(scan.wide);
        self.media = self.media.saturating_add(scan.payloads);
    }
}

/// What raw JSON holds, as far as tokens go.
struct Scan {
    /// Bytes that are not payload.
    text: u64,
    /// Those of them that are ASCII.
    ascii: u64,
    /// Characters of several bytes.
    wide: u64,
    /// Payloads, and names of such that lie elsewhere.
    media: u64,
    /// Payloads alone.
    payloads: u64,
}

impl Scan {
    /// Payloads are found as what they are, long strings without a space: text of that kind has at most a token a byte
    /// too, so it must not be taken for one; hence only strings that follow a base64 marker count as payloads.
    fn of(raw: &[u8]) -> Self {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let (mut bytes, mut media, mut payloads) = (0, 0, 0);
        if raw.len() >= MEDIA_WORD_BYTES_MIN {
            for Word(word) in &MEDIA {
                for at in word.find_iter(raw) {
                    let payload = payload_bytes(raw.get(at + word.needle().len()..).unwrap_or_default());
                    media += 1;
                    if payload >= PAYLOAD_BYTES_MIN {
                        bytes += payload;
                        payloads += 1;
                    }
                }
            }
        }
        let (wide, beyond) = beyond_ascii(raw);
        let text = raw.len().saturating_sub(bytes);
        Self { text: number(text), ascii: number(text.saturating_sub(beyond)), wide: number(wide), media, payloads }
    }

    /// An upper bound of its tokens: a token is at least one byte, a payload at most a fixed number.
    fn bound(&self) -> u64 {
        self.text.saturating_add(self.media.saturating_mul(MEDIA_TOKENS_MAX))
    }
}

/// Characters of several bytes, by their first ones, and all bytes of such. Counts of a byte's size let the compiler use
/// vectors.
fn beyond_ascii(raw: &[u8]) -> (usize, usize) {
    let mut counts = (0, 0);
    for chunk in raw.chunks(usize::from(u8::MAX)) {
        let of_chunk = chunk
            .iter()
            .fold((0_u8, 0_u8), |(first, all), byte| (first + u8::from(*byte >= 0xC0), all + u8::from(*byte >= 0x80)));
        counts = (counts.0 + usize::from(of_chunk.0), counts.1 + usize::from(of_chunk.1));
    }
    counts
}

/// The base64 letters that begin here, after the colon and quote of a member.
fn payload_bytes(rest: &[u8]) -> usize {
    let skipped = rest.iter().take_while(|byte| matches!(byte, b' ' | b':' | b'"')).count();
    let rest = rest.get(skipped..).unwrap_or_default();
    rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count()
}
