//! The target of a translation, and its result.

use crate::tool_names::ToolNames;
use opencredits_dialects::Dialect;

/// The target of a translated request.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The dialect of the target.
    pub dialect: Dialect,
    /// The vendor of the target: signed content goes back to its signer only.
    pub vendor: &'a str,
    /// The model's longest output, in tokens.
    pub output_max: u64,
    /// Whether the model reasons before it answers.
    pub reasons: bool,
    /// Whether the model accepts `temperature` and its like. A reasoning model that does not gets an effort, another
    /// one a budget.
    pub samples: bool,
    /// Whether the model wants its reasoning back as text.
    pub wants_reasoning: bool,
    /// The reasoning efforts that the provider knows.
    pub efforts: Efforts,
    /// The number of letters and digits that the id of a call has, where the provider takes no others.
    pub call_id_length: Option<usize>,
}

/// The reasoning efforts that a provider knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Efforts {
    /// Low, medium and high, as all do.
    Three,
    /// Minimal and xhigh besides.
    Five,
}

/// A translated request. It holds content, so it cannot be printed.
pub struct Translated {
    /// The fields of the body, with their raw JSON. The output cap is not among them, since its name depends on the
    /// vendor.
    pub fields: Vec<(&'static str, String)>,
    /// The output cap of the client.
    pub output_cap: Option<u64>,
    /// The names of its tools: the answer needs them in its [`Origin`](crate::Origin).
    pub tool_names: ToolNames,
    /// Fields that the target cannot express, by the client's names.
    pub dropped: Vec<String>,
}
