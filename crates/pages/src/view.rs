//! What a template is filled with.

use serde::Serialize;

/// The values of one page: texts and figures, written by the template that it names.
///
/// In the template they are the members of `v`. Each view has samples that show every state of its page; tests render all
/// of them.
pub trait View: Serialize {
    /// The name of the template, such as `landing.html`.
    const TEMPLATE: &'static str;
}
