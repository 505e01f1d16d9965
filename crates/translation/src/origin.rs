//! The origin of an answer: its provider, and the ids and names that it carries.

use crate::tool_names::ToolNames;
use std::sync::Arc;

/// The provider of an answer, and its time.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The vendor, whose name tags data that only it can read.
    pub vendor: String,
    /// Unix seconds, for dialects that have a time.
    pub created: u64,
    /// The estimated input, for dialects that show it before the answer begins.
    pub input: u64,
    /// The names of the request's tools: see [`Translated::tool_names`](crate::Translated).
    pub tool_names: Arc<ToolNames>,
}

/// The id and the model of an answer.
#[derive(Default)]
pub(crate) struct ResponseHead {
    pub(crate) id: String,
    pub(crate) model: String,
}
