//! What can be wrong with a request.

use crate::dialect::Dialect;

/// What can be wrong with a request, for reading it in its own dialect and for translating it.
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
    /// A field has another form than the API says.
    #[error("the field {field} is not {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The request asks for what the model's provider cannot give, and what must not be left out in silence.
    #[error("{field} cannot be served by this model; {remedy}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// The request names by address what the model's provider takes as bytes only.
    #[error(
        "{field} cannot be served by this model from an address; send it in base64, or ask the operator to allow \
         upstream.fetch_attachments"
    )]
    NeedsBytes {
        /// The field.
        field: &'static str,
    },
    /// The client's API and the model's provider have no language in common.
    #[error("{from} cannot be translated to {to}, which serves this model; ask for it through {to}")]
    Untranslatable {
        /// What the client speaks.
        from: Dialect,
        /// What the provider speaks.
        to: Dialect,
    },
}
