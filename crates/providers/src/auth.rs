//! How vendors take keys.

use serde::Deserialize;

/// How a vendor takes its key.
// A signature over each request (SigV4) and a fetched token that expires (OAuth) are no fixed header. They would be
// variants with their own data and a step before sending. The stream framing of such vendors belongs to a dialect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `Authorization: Bearer …`.
    #[default]
    Bearer,
    /// In `x-api-key`.
    XApiKey,
    /// In `api-key`.
    ApiKey,
    /// In `x-goog-api-key`.
    XGoogApiKey,
    /// No key.
    None,
}

impl Auth {
    /// The header of the key, and the prefix of its value; `None` where no key is sent.
    #[must_use]
    pub const fn header(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Bearer => Some(("authorization", "Bearer ")),
            Self::XApiKey => Some(("x-api-key", "")),
            Self::ApiKey => Some(("api-key", "")),
            Self::XGoogApiKey => Some(("x-goog-api-key", "")),
            Self::None => None,
        }
    }
}
