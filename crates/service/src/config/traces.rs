//! `[traces]`: where spans of requests are sent.

use super::alarms::is_url;
use serde::{Deserialize, Serialize};

/// `[traces]`: where spans of requests are sent. The program needs the feature `otel`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// The URL of a collector of OpenTelemetry that takes OTLP over HTTP. Default: none, and no traces.
    pub endpoint: Option<String>,
    /// The share of requests that are traced, from 0 to 1, by their ids. Default 1.
    pub sample: f64,
}

impl Default for Traces {
    fn default() -> Self {
        Self { endpoint: None, sample: 1.0 }
    }
}

impl Traces {
    /// The share of a whole number.
    #[must_use]
    pub fn share_of(&self, whole: u32) -> u32 {
        // The cast saturates, and is 0 for what is no number.
        (self.sample.clamp(0.0, 1.0) * f64::from(whole)).round() as u32
    }

    /// What is wrong, by field, and its remedy.
    pub(super) fn bounds(&self) -> [(bool, &'static str, &'static str); 2] {
        [
            (
                self.endpoint.as_deref().is_none_or(is_url),
                "traces.endpoint",
                "is no http or https address; write it as \"http://127.0.0.1:4318\", say",
            ),
            (
                (0.0..=1.0).contains(&self.sample),
                "traces.sample",
                "is not between 0 and 1; set the share of requests that are traced, such as 0.1",
            ),
        ]
    }
}
