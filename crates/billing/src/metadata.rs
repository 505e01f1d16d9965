//! The names under which the processor keeps what we tell it. They are in its books for ever, so they do not change.

/// Our order number.
pub(crate) const ORDER: &str = "opencredits_order";
/// The marker of the instance.
pub(crate) const MARKER: &str = "opencredits_instance";
