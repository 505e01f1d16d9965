//! Text that is HTML already.

use minijinja::Value;
use serde::{Serialize, Serializer};

/// HTML that is written as it is. It is made within this crate only, of text that is compiled in.
#[derive(Debug, Clone)]
pub struct Markup(Value);

impl Markup {
    /// This HTML, which must be our own.
    pub(crate) fn own(html: String) -> Self {
        Self(Value::from_safe_string(html))
    }

    /// The HTML.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().unwrap_or_default()
    }
}

impl Serialize for Markup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
