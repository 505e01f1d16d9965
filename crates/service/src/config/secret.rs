//! Secrets in the config.

use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// Shown in place of a secret.
const REDACTED: &str = "(not shown)";

/// A text that is never shown: not by `Debug`, and not where the config is printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SecretText(String);

impl SecretText {
    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretText {
    type Error = &'static str;

    /// A printed config is no source of secrets, and a blank one is a mistake.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.trim() {
            "" => Err("a secret is blank; leave it out where there is none"),
            REDACTED => Err("a secret was not shown when this config was printed; set it again"),
            trimmed => Ok(Self(trimmed.to_owned())),
        }
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}
