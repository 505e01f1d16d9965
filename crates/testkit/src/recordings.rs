//! Recorded exchanges with providers, and the usage to be read from each.

use crate::shared_dir;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One line of the index.
#[derive(Debug, Clone, Deserialize)]
pub struct IndexRow {
    /// Ten hexadecimal digits.
    pub id: String,
    /// The recording, relative to the folder of recordings.
    pub file: String,
    /// The expected usage, relative to the folder of recordings.
    pub expected: String,
    /// Who answered.
    pub provider: String,
    /// Through which interface, such as `openai-chat`.
    pub api: String,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Its HTTP status.
    pub status: u16,
    /// The model asked for, where one was.
    pub model: Option<String>,
    /// What occurs in it, such as `parallel_tool_calls`.
    pub features: Vec<String>,
    /// Whether the body is byte for byte what was on the wire.
    pub body_exact: bool,
}

impl IndexRow {
    /// Whether it has the feature.
    #[must_use]
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|name| name == feature)
    }
}

/// One exchange. It shows itself by its id only, as content is shown nowhere.
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
    /// The answer's content type, where it named one.
    pub content_type: Option<String>,
    /// The answer's body as text; empty where it was binary.
    pub body: String,
    /// The answer's body in base64, where it was binary.
    pub body_base64: Option<String>,
    /// What a careful reader would bill.
    pub expected: ExpectedUsage,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording").field("file", &self.row.file).finish_non_exhaustive()
    }
}

/// What a careful reader would bill. `None` is: the provider says nothing, which is not zero.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ExpectedUsage {
    /// All input tokens, cached ones and cache writes included.
    pub input_tokens: Option<u64>,
    /// Those read from a cache.
    pub cached_input_tokens: Option<u64>,
    /// Those written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// Those written to a cache for five minutes.
    pub cache_write_5m_tokens: Option<u64>,
    /// Those written to a cache for an hour.
    pub cache_write_1h_tokens: Option<u64>,
    /// All output tokens, reasoning included.
    pub output_tokens: Option<u64>,
    /// The part of the output that is reasoning.
    pub reasoning_tokens: Option<u64>,
    /// The part of the input that is audio.
    pub input_audio_tokens: Option<u64>,
    /// The part of the output that is audio.
    pub output_audio_tokens: Option<u64>,
    /// The part of the input that is images.
    pub input_image_tokens: Option<u64>,
    /// The part of the output that is images.
    pub output_image_tokens: Option<u64>,
    /// Prompt tokens of tool use, billed on top.
    pub tool_use_prompt_tokens: Option<u64>,
    /// The provider's own total, to check against.
    pub provider_total_tokens: Option<u64>,
    /// The provider's own word on what it cost, in USD.
    pub provider_reported_cost: Option<Value>,
    /// Uses billed by the call, by the provider's own names.
    pub server_tool_calls: Option<BTreeMap<String, u64>>,
    /// The model that answered.
    pub model: Option<String>,
    /// Why it stopped, in the provider's words; one recording has a number here.
    pub finish_reason: Value,
    /// How many tools were called.
    pub n_tool_calls: u64,
    /// False where the answer names no usage at all.
    pub usage_present: bool,
    /// The error, where the answer is one.
    pub error: Option<Value>,
    /// What is peculiar here, in words.
    pub checks: Vec<String>,
    /// Billed on top of the main usage.
    pub additional_usage: Vec<AdditionalUsage>,
}

/// Usage of another model or round inside of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AdditionalUsage {
    /// What it was for.
    pub kind: String,
    /// The model that was used.
    pub model: Option<String>,
    /// All input tokens.
    pub input_tokens: Option<u64>,
    /// Those read from a cache.
    pub cached_input_tokens: Option<u64>,
    /// Those written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// All output tokens.
    pub output_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct File {
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    path: String,
    #[serde(default)]
    body: Value,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_base64: Option<String>,
}

/// The recordings whose line in the index is wanted, in the index's order; none, and a word on standard error, where
/// there is no shared folder.
#[must_use]
pub fn recordings(wanted: impl Fn(&IndexRow) -> bool) -> Vec<Recording> {
    let Some(shared) = shared_dir() else {
        return Vec::new();
    };
    let read = read(&shared.join("recordings"), wanted);
    read.unwrap_or_else(|error| panic!("the shared recordings: {error}"))
}

/// All recordings of a folder in the form of the shared one.
///
/// # Errors
/// When a file cannot be read, or has another form; the error names it.
pub fn recordings_in(folder: &Path) -> Result<Vec<Recording>, String> {
    read(folder, |_| true)
}

fn read(folder: &Path, wanted: impl Fn(&IndexRow) -> bool) -> Result<Vec<Recording>, String> {
    let index = folder.join("index.jsonl");
    let mut recordings = Vec::new();
    for line in text(&index)?.lines().filter(|line| !line.trim().is_empty()) {
        let row: IndexRow =
            serde_json::from_str(line).map_err(|error| format!("a line of {}: {error}", index.display()))?;
        if wanted(&row) {
            recordings.push(load(folder, row)?);
        }
    }
    Ok(recordings)
}

fn load(folder: &Path, row: IndexRow) -> Result<Recording, String> {
    let file: File = json(&folder.join(&row.file))?;
    Ok(Recording {
        id: row.id.clone(),
        request_path: file.request.path,
        request_body: file.request.body,
        content_type: file.response.headers.get("content-type").cloned(),
        body: file.response.body.unwrap_or_default(),
        body_base64: file.response.body_base64,
        expected: json(&folder.join(&row.expected))?,
        row,
    })
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    serde_json::from_str(&text(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
