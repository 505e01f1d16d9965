//! What stands in a page of the dashboard until its script has fetched it.

use crate::view::View;
use serde::Serialize;

/// A page that only its script can fill, because the session is in local storage.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Shell {}

impl View for Shell {
    const TEMPLATE: &'static str = "shell.html";
}

impl Shell {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}
