//! Why a body may not cross.

/// Why a body may not cross. All of it is the caller's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SanitizeError {
    /// The body is no JSON object.
    #[error("the body is no JSON object; it breaks off or goes wrong at line {line}, column {column}")]
    NotAnObject {
        /// Line of the mistake, from 1.
        line: usize,
        /// Column of the mistake.
        column: usize,
    },
    /// A name stands twice at the top level.
    #[error("the field {field} stands twice in the body; send it once")]
    Duplicate {
        /// The field.
        field: String,
    },
    /// There are too many fields.
    #[error("the body has more than {max} fields at its top level")]
    TooManyFields {
        /// How many there may be.
        max: usize,
    },
    /// A field is not passed on, and the request asked for strictness.
    #[error("the field {field} is not passed on; leave it out, or ask without strict mode to have it dropped")]
    NotPassedOn {
        /// The field.
        field: String,
    },
    /// A field that would need state or trust which is not given.
    #[error("the field {field} is not supported: {remedy}")]
    Refused {
        /// The field.
        field: String,
        /// What to do instead.
        remedy: String,
    },
}

impl SanitizeError {
    /// The field that is to blame, where there is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Duplicate { field } | Self::NotPassedOn { field } | Self::Refused { field, .. } => Some(field),
            Self::NotAnObject { .. } | Self::TooManyFields { .. } => None,
        }
    }
}

/// Why a policy cannot be used; only a damaged program has this.
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
