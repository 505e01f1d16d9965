//! Fixtures of the translation tests.

use opencredits_translation::{Dialect, Efforts, Target};
use serde_json::{Map, Value};

pub(crate) const ALL: [Dialect; 4] =
    [Dialect::OpenaiChat, Dialect::AnthropicMessages, Dialect::OpenaiResponses, Dialect::GeminiGenerate];
pub(crate) fn fields(body: &Map<String, Value>) -> Vec<(String, String)> {
    body.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}

pub(crate) fn target(dialect: Dialect) -> Target<'static> {
    Target {
        dialect,
        vendor: "v",
        output_max: 32_000,
        reasons: true,
        samples: true,
        wants_reasoning: false,
        efforts: Efforts::Three,
        call_id_length: None,
    }
}
