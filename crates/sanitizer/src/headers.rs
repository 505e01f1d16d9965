//! The headers that pass, in each direction. Names are lower case, as HTTP libraries give them.

use crate::error::PolicyError;
use crate::policy::Api;
use serde::Deserialize;

/// The header that enables features of `anthropic-messages`: a comma-separated list.
const BETA_HEADER: &str = "anthropic-beta";
/// The form of a feature's name. Longer names or other characters could carry other data.
const BETA_BYTES_MAX: usize = 64;

/// The lists of headers that pass.
#[derive(Debug, Clone)]
pub struct Headers(Written);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    request: Request,
    beta: Beta,
    response: Response,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Request {
    openai_chat: Vec<String>,
    anthropic_messages: Vec<String>,
    openai_responses: Vec<String>,
    openai_embeddings: Vec<String>,
    gemini_generate: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beta {
    drop: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    keep: Vec<String>,
}

impl Headers {
    /// The compiled-in lists.
    ///
    /// # Errors
    /// When they are damaged, which a test rules out.
    pub fn builtin() -> Result<Self, PolicyError> {
        Ok(Self(toml::from_str(include_str!("../data/headers.toml"))?))
    }

    /// The names of the client's headers that go to a provider through `api`.
    #[must_use]
    pub fn request(&self, api: Api) -> &[String] {
        match api {
            Api::OpenaiChat => &self.0.request.openai_chat,
            Api::AnthropicMessages => &self.0.request.anthropic_messages,
            Api::OpenaiResponses => &self.0.request.openai_responses,
            Api::OpenaiEmbeddings => &self.0.request.openai_embeddings,
            Api::GeminiGenerate => &self.0.request.gemini_generate,
        }
    }

    /// The part of a request header's value that passes; `None` when nothing does. Names of removed features go to
    /// `dropped`.
    #[must_use]
    pub fn request_value(&self, name: &str, value: &str, dropped: &mut Vec<String>) -> Option<String> {
        if name != BETA_HEADER {
            return Some(value.to_owned());
        }
        let (kept, removed): (Vec<&str>, Vec<&str>) =
            value.split(',').map(str::trim).filter(|feature| !feature.is_empty()).partition(|f| self.passes(f));
        dropped.extend(removed.iter().take(1).map(|_| BETA_HEADER.to_owned()));
        (!kept.is_empty()).then(|| kept.join(","))
    }

    /// Whether a provider's header passes to the client.
    #[must_use]
    pub fn response(&self, name: &str) -> bool {
        self.0.response.keep.iter().any(|kept| kept == name)
    }

    fn passes(&self, feature: &str) -> bool {
        let plain = feature.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        plain && feature.len() <= BETA_BYTES_MAX && !self.0.beta.drop.iter().any(|prefix| feature.starts_with(prefix))
    }
}
