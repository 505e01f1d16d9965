//! Where a translated request goes, and what it is then.

use opencredits_dialects::Dialect;

/// Where a translated request goes.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// PartContent is spoken there.
    pub dialect: Dialect,
    /// Who speaks it: what a provider signed goes back to that provider alone.
    pub vendor: &'a str,
    /// Output tokens that the model gives at most.
    pub output_max: u64,
    /// Whether the model thinks before it answers.
    pub reasons: bool,
    /// Whether it lets itself be steered by `temperature` and its like. One that thinks and does not is asked for an
    /// effort, where another is given a budget.
    pub samples: bool,
    /// Whether it wants back, as text, what it thought.
    pub wants_reasoning: bool,
}

/// A translated request. It holds content, so it cannot be printed.
pub struct Translated {
    /// The fields of its body, with their raw JSON: all but the output cap, whose name depends on the vendor.
    pub fields: Vec<(&'static str, String)>,
    /// The output cap that the client gave.
    pub output_cap: Option<u64>,
    /// Tools that the client wants called with free text: the answer says so in its [`Origin`](crate::Origin).
    pub custom_tools: Vec<String>,
    /// PartContent the other side cannot say, by the names that the client used.
    pub dropped: Vec<String>,
}
