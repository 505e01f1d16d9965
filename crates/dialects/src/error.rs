//! The errors of a request.

use crate::dialect::Dialect;

/// A request is invalid or cannot be translated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A field that the API demands is missing.
    #[error("the field {field} is missing; {remedy}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What to send.
        remedy: &'static str,
    },
    /// A field has another form than its API requires.
    #[error("the field {field} is not {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The request asks for something that the provider cannot give, and that must not be dropped silently.
    #[error("{field} cannot be served by this model; {remedy}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// The request names an attachment by URL, and the provider takes bytes only.
    #[error(
        "{field} cannot be served by this model from an address; send it in base64, or ask the operator to allow \
         upstream.fetch_attachments"
    )]
    NeedsBytes {
        /// The field.
        field: &'static str,
    },
    /// The client's API cannot be translated into the provider's dialect.
    #[error("{from} cannot be translated to {to}, which serves this model; ask for it through {to}")]
    Untranslatable {
        /// The client's dialect.
        from: Dialect,
        /// The provider's dialect.
        to: Dialect,
    },
}
