//! Errors of bodies and policies.

/// A body is refused. The caller can mend every cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SanitizeError {
    /// The body is no JSON object.
    #[error("the body is no JSON object; it breaks off or goes wrong at line {line}, column {column}")]
    NotAnObject {
        /// The line of the syntax error, from 1.
        line: usize,
        /// The column of the syntax error.
        column: usize,
    },
    /// A name appears twice at the top level.
    #[error("the field {field} stands twice in the body; send it once")]
    Duplicate {
        /// The field.
        field: String,
    },
    /// There are too many fields.
    #[error("the body has more than {max} fields at its top level")]
    TooManyFields {
        /// The largest number of fields.
        max: usize,
    },
    /// A field is not on the allow-list, and the request is strict.
    #[error("the field {field} is not passed on; leave it out, or ask without strict mode to have it dropped")]
    NotPassedOn {
        /// The field.
        field: String,
    },
    /// A field needs state or trust that the gateway does not give.
    #[error("the field {field} is not supported: {remedy}")]
    Refused {
        /// The field.
        field: String,
        /// The remedy.
        remedy: String,
    },
}

impl SanitizeError {
    /// The field that is to blame, if there is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Duplicate { field } | Self::NotPassedOn { field } | Self::Refused { field, .. } => Some(field),
            Self::NotAnObject { .. } | Self::TooManyFields { .. } => None,
        }
    }
}

/// A policy is invalid. Only a damaged program has such a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The data cannot be read.
    #[error("cannot read the sanitizer's policy: {0}")]
    Toml(#[from] toml::de::Error),
    /// A field has two rules.
    #[error("the policy has two rules for {field}")]
    TwoRules {
        /// The field.
        field: String,
    },
}
