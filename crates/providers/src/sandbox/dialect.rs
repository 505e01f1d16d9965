//! The dialects of the sandbox.

/// The dialects of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SandboxDialect {
    Chat,
    Messages,
}
