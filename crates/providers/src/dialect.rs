//! The wire formats.

use crate::error::Error;
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Chat completions.
    OpenaiChat,
    /// Messages.
    AnthropicMessages,
}

impl Dialect {
    /// Its name in data files and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::AnthropicMessages => "anthropic-messages",
        }
    }

    /// What follows a vendor's base URL.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::OpenaiChat => "/chat/completions",
            Self::AnthropicMessages => "/messages",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let all = [Self::OpenaiChat, Self::AnthropicMessages];
        all.into_iter().find(|dialect| dialect.name() == name).ok_or(Error::UnknownDialect)
    }
}
