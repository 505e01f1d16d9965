//! What can go wrong with a page. All of it is ours: a view has no value that its template cannot take.

use thiserror::Error;

/// A page could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PagesError {
    /// A template is malformed, or needs a value that its view does not have.
    #[error("a template cannot be rendered: {0}; correct the template or its view")]
    Template(#[from] minijinja::Error),
    /// The words are no TOML.
    #[error("words/{language}.toml cannot be read: {source}; correct the file")]
    Words {
        /// The language.
        language: &'static str,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A file that is compiled in is no UTF-8.
    #[error("{name} is no UTF-8 text; save it as UTF-8")]
    Encoding {
        /// The file.
        name: String,
    },
    /// An asset imports itself.
    #[error("the asset {name} imports itself, perhaps through others; cut the circle")]
    Circle {
        /// The asset.
        name: String,
    },
}
