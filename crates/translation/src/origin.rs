//! The origin of an answer: its provider, and the ids and names that it carries.

use crate::tool_names::ToolNames;
use std::sync::Arc;

/// The provider of an answer, and its time.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The vendor, whose name tags data that only it can read.
    pub vendor: Arc<str>,
    /// Unix seconds, for dialects that have a time.
    pub created: u64,
    /// The estimated input, for dialects that show it before the answer begins.
    pub input: u64,
    /// The names of the request's tools: see [`Translated::tool_names`](crate::Translated).
    pub tool_names: Option<Arc<ToolNames>>,
}

impl Origin {
    /// Whether the provider was given other names for tools than the client's.
    pub(crate) fn renames(&self) -> bool {
        self.tool_names.as_ref().is_some_and(|names| !names.fitted.is_empty())
    }

    /// Whether a tool takes free text.
    pub(crate) fn is_custom(&self, name: &str) -> bool {
        self.tool_names.as_ref().is_some_and(|names| names.custom.contains(name))
    }

    /// The namespace of a tool, where it has one, and its name there.
    pub(crate) fn in_namespace<'a>(&'a self, name: &'a str) -> (Option<&'a str>, &'a str) {
        self.tool_names.as_ref().map_or((None, name), |names| names.in_namespace(name))
    }
}

/// The id and the model of an answer.
#[derive(Default)]
pub(crate) struct ResponseHead {
    pub(crate) id: String,
    pub(crate) model: String,
}
