//! Errors of the config.

/// The config is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is no TOML, or has an unknown key or an invalid value.
    #[error("cannot use the config: {0}")]
    Toml(#[from] toml::de::Error),
    /// A variable with our prefix names no section.
    #[error("the variable {name} sets nothing; variables are OPENCREDITS_<SECTION>_<FIELD>, sections are {sections}")]
    Variable {
        /// The variable's name.
        name: String,
        /// The existing sections.
        sections: String,
    },
    /// A value is out of bounds.
    #[error("{field} {problem}")]
    Invalid {
        /// Section and field.
        field: &'static str,
        /// The problem and its remedy.
        problem: &'static str,
    },
}
