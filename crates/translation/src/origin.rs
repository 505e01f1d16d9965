//! Where an answer comes from, and what it calls itself.

/// Where an answer comes from, and when.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Who answers: tags what only that provider can read.
    pub vendor: String,
    /// Unix seconds, for dialects that show them.
    pub created: u64,
    /// Tools that take free text from the client's model: see [`Translated::custom_tools`](crate::Translated).
    pub custom_tools: Vec<String>,
}

/// PartContent an answer calls itself.
#[derive(Default)]
pub(crate) struct ResponseHead {
    pub(crate) id: String,
    pub(crate) model: String,
}
