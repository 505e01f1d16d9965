//! Recorded exchanges with providers, and the usage to be read from each.

use crate::shared_dir;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One line of the index. Besides the files and the interface, missing or odd members get their default.
#[derive(Debug, Clone, Deserialize)]
pub struct IndexRow {
    /// Ten hexadecimal digits.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
    /// The recording, relative to the folder of recordings.
    pub file: String,
    /// The expected usage, relative to the folder of recordings.
    pub expected: String,
    /// The vendor that answered.
    #[serde(default, deserialize_with = "or_default")]
    pub provider: String,
    /// The interface, such as `openai-chat`.
    pub api: String,
    /// Whether the answer is a stream.
    #[serde(default, deserialize_with = "or_default")]
    pub stream: bool,
    /// Its HTTP status.
    #[serde(default, deserialize_with = "or_default")]
    pub status: u16,
    /// The requested model, where there is one.
    #[serde(default, deserialize_with = "or_default")]
    pub model: Option<String>,
    /// The features that occur, such as `parallel_tool_calls`.
    #[serde(default, deserialize_with = "or_default")]
    pub features: Vec<String>,
    /// Whether the body is byte for byte as on the wire.
    #[serde(default, deserialize_with = "or_default")]
    pub body_exact: bool,
}

impl IndexRow {
    /// Whether it has the feature.
    #[must_use]
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|name| name == feature)
    }
}

/// One exchange. Only its id is printed, since it holds content.
#[derive(Clone)]
pub struct Recording {
    /// The same as in the index.
    pub id: String,
    /// Its line of the index.
    pub row: IndexRow,
    /// The request's path, as it was sent.
    pub request_path: String,
    /// The request's body, `null` where it had none.
    pub request_body: Value,
    /// The answer's content type, where it has one.
    pub content_type: Option<String>,
    /// The answer's body as text; empty where it was binary.
    pub body: String,
    /// The answer's body in base64, where it was binary.
    pub body_base64: Option<String>,
    /// The expected usage.
    pub expected: ExpectedUsage,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("file", &self.row.file).finish_non_exhaustive()
    }
}

/// The expected usage. `None` means that the provider reports nothing, which is not zero.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ExpectedUsage {
    /// All input tokens, cached ones and cache writes included.
    #[serde(deserialize_with = "count")]
    pub input_tokens: Option<u64>,
    /// Those read from a cache.
    #[serde(deserialize_with = "count")]
    pub cached_input_tokens: Option<u64>,
    /// Those written to a cache.
    #[serde(deserialize_with = "count")]
    pub cache_write_tokens: Option<u64>,
    /// Those written to a cache for five minutes.
    #[serde(deserialize_with = "count")]
    pub cache_write_5m_tokens: Option<u64>,
    /// Those written to a cache for an hour.
    #[serde(deserialize_with = "count")]
    pub cache_write_1h_tokens: Option<u64>,
    /// All output tokens, reasoning included.
    #[serde(deserialize_with = "count")]
    pub output_tokens: Option<u64>,
    /// The part of the output that is reasoning.
    #[serde(deserialize_with = "count")]
    pub reasoning_tokens: Option<u64>,
    /// The part of the input that is audio.
    #[serde(deserialize_with = "count")]
    pub input_audio_tokens: Option<u64>,
    /// The part of the output that is audio.
    #[serde(deserialize_with = "count")]
    pub output_audio_tokens: Option<u64>,
    /// The part of the input that is images.
    #[serde(deserialize_with = "count")]
    pub input_image_tokens: Option<u64>,
    /// The part of the output that is images.
    #[serde(deserialize_with = "count")]
    pub output_image_tokens: Option<u64>,
    /// Prompt tokens of tool use, billed on top.
    #[serde(deserialize_with = "count")]
    pub tool_use_prompt_tokens: Option<u64>,
    /// The provider's own total, to check against.
    #[serde(deserialize_with = "count")]
    pub provider_total_tokens: Option<u64>,
    /// The provider's own figure of the cost, in USD.
    pub provider_reported_cost: Option<Value>,
    /// The same, in ten-thousand-millionths of a USD.
    #[serde(deserialize_with = "count")]
    pub provider_reported_cost_usd_ticks: Option<u64>,
    /// Uses billed by the call, by the provider's own names.
    #[serde(deserialize_with = "counts")]
    pub server_tool_calls: Option<BTreeMap<String, u64>>,
    /// Counts that are not billed, where those above are counts of another kind.
    pub unbilled_tokens_view: Option<Value>,
    /// The model that answered.
    #[serde(deserialize_with = "or_default")]
    pub model: Option<String>,
    /// The finish reason, in the provider's words; one recording has a number here.
    pub finish_reason: Value,
    /// The number of called tools.
    #[serde(deserialize_with = "or_default")]
    pub n_tool_calls: u64,
    /// False where the answer has no usage.
    pub usage_present: bool,
    /// The error, where the answer is one.
    pub error: Option<Value>,
    /// A remark, in words.
    #[serde(deserialize_with = "or_default")]
    pub checks: Vec<String>,
    /// Billed on top of the main usage.
    #[serde(deserialize_with = "or_none")]
    pub additional_usage: Vec<AdditionalUsage>,
}

/// Usage of another model or round inside of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AdditionalUsage {
    /// Its purpose.
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    /// The model that was used.
    #[serde(deserialize_with = "or_default")]
    pub model: Option<String>,
    /// All input tokens.
    #[serde(deserialize_with = "count")]
    pub input_tokens: Option<u64>,
    /// Those read from a cache.
    #[serde(deserialize_with = "count")]
    pub cached_input_tokens: Option<u64>,
    /// Those written to a cache.
    #[serde(deserialize_with = "count")]
    pub cache_write_tokens: Option<u64>,
    /// All output tokens.
    #[serde(deserialize_with = "count")]
    pub output_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default, deserialize_with = "or_default")]
    request: Request,
    response: Response,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    #[serde(deserialize_with = "or_default")]
    path: String,
    body: Value,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    headers: Value,
    #[serde(default)]
    body: Value,
    #[serde(default)]
    body_base64: Option<String>,
}

/// A recording that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its interface; empty where its line of the index cannot be read.
    pub api: String,
    /// The file, or the number of the line.
    pub file: String,
    /// The reason.
    pub why: String,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.why)
    }
}

/// Null, or a value of another type, becomes the default.
fn or_default<'de, D: Deserializer<'de>, T: Default + DeserializeOwned>(from: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// Null is the default.
fn or_none<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A count, which may be written as `12.0`.
fn count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(None),
        value => read_count(&value).map(Some).ok_or_else(|| D::Error::custom(format!("{value} is no count"))),
    }
}

/// Counts by name, as far as they are counts.
fn counts<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BTreeMap<String, u64>>, D::Error> {
    let counts = Option::<BTreeMap<String, Value>>::deserialize(from)?;
    let read = |(name, value)| Some((name, read_count(&value)?));
    Ok(counts.map(|counts| counts.into_iter().filter_map(read).collect()))
}

fn read_count(value: &Value) -> Option<u64> {
    let text = value.to_string();
    text.strip_suffix(".0").unwrap_or(&text).parse().ok()
}

/// The recordings that a filter on their index line accepts, in the index's order. None, and a line on standard error,
/// where there is no shared folder.
#[must_use]
pub fn recordings(wanted: impl Fn(&IndexRow) -> bool) -> Vec<Recording> {
    let Some(shared) = shared_dir() else {
        return Vec::new();
    };
    let read = read(&shared.join("recordings"), wanted).and_then(|all| {
        let all: Result<Vec<Recording>, Unreadable> = all.into_iter().collect();
        all.map_err(|bad| bad.to_string())
    });
    read.unwrap_or_else(|error| panic!("the shared recordings: {error}"))
}

/// All recordings of a folder in the form of the shared one. In the place of one that cannot be read stand its name and
/// the reason.
///
/// # Errors
/// When the folder has no index.
pub fn recordings_in(folder: &Path) -> Result<Vec<Result<Recording, Unreadable>>, String> {
    read(folder, |_| true)
}

fn read(folder: &Path, wanted: impl Fn(&IndexRow) -> bool) -> Result<Vec<Result<Recording, Unreadable>>, String> {
    let path = folder.join("index.jsonl");
    let index = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let index = String::from_utf8_lossy(&index);
    let lines = index.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = lines.filter_map(|(number, line)| match serde_json::from_str::<IndexRow>(line) {
        Ok(row) => wanted(&row).then(|| load(folder, row)),
        Err(error) => {
            let file = format!("line {} of index.jsonl", number + 1);
            Some(Err(Unreadable { api: String::new(), file, why: error.to_string() }))
        }
    });
    Ok(read.collect())
}

fn load(folder: &Path, row: IndexRow) -> Result<Recording, Unreadable> {
    let bad = |file: &str, why| Unreadable { api: row.api.clone(), file: file.to_owned(), why };
    let file: File = json(&folder.join(&row.file)).map_err(|why| bad(&row.file, why))?;
    let expected = json(&folder.join(&row.expected)).map_err(|why| bad(&row.expected, why))?;
    Ok(Recording {
        id: row.id.clone(),
        request_path: file.request.path,
        request_body: file.request.body,
        content_type: file.response.headers.get("content-type").and_then(Value::as_str).map(str::to_owned),
        body: match file.response.body {
            Value::Null => String::new(),
            Value::String(text) => text,
            value => value.to_string(),
        },
        body_base64: file.response.body_base64,
        expected,
        row,
    })
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}
