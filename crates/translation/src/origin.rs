//! The origin of an answer: its provider, and the ids and names that it carries.

use std::collections::BTreeSet;

/// The provider of an answer, and its time.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The vendor, whose name tags data that only it can read.
    pub vendor: String,
    /// Unix seconds, for dialects that have a time.
    pub created: u64,
    /// The estimated input, for dialects that show it before the answer begins.
    pub input: u64,
    /// Tools with free-text input in the client's request: see [`Translated::custom_tools`](crate::Translated).
    pub custom_tools: BTreeSet<String>,
}

/// The id and the model of an answer.
#[derive(Default)]
pub(crate) struct ResponseHead {
    pub(crate) id: String,
    pub(crate) model: String,
}
