//! All text of the pages: one file a language, one table a page.

use crate::error::PagesError;
use minijinja::Value;
use minijinja::value::Serde;
use rust_embed::RustEmbed;
use toml::Table;

/// The language of the pages.
pub(crate) const LANGUAGE: &str = "en";
/// The table whose words the scripts show.
const SCRIPT: &str = "script";

#[derive(RustEmbed)]
#[folder = "words/"]
struct Files;

/// The words of a language.
pub(crate) struct Words(Table);

impl Words {
    /// Reads the words of [`LANGUAGE`].
    pub(crate) fn read() -> Result<Self, PagesError> {
        let name = format!("{LANGUAGE}.toml");
        let file = Files::get(&name).map(|file| file.data.into_owned()).unwrap_or_default();
        let text = String::from_utf8(file).map_err(|_| PagesError::Encoding { name })?;
        let table = toml::from_str(&text);
        table.map(Self).map_err(|source| PagesError::Words { language: LANGUAGE, source: Box::new(source) })
    }

    /// The words as templates see them.
    pub(crate) fn value(&self) -> Value {
        Value::from(Serde(&self.0))
    }

    /// The words of scripts as JSON that may stand in a `<script>` element.
    pub(crate) fn script_json(&self) -> Value {
        let words = self.0.get(SCRIPT).map(|words| serde_json::to_string(words).unwrap_or_default());
        Value::from_safe_string(words.unwrap_or_default().replace('<', "\\u003c"))
    }
}
