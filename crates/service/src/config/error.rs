//! Why a config is refused.

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is no TOML, or holds a key or value that means nothing.
    #[error("cannot use the config: {0}")]
    Toml(#[from] toml::de::Error),
    /// A variable with our prefix names no section.
    #[error("the variable {name} sets nothing; variables are OPENCREDITS_<SECTION>_<FIELD>, sections are {sections}")]
    Variable {
        /// The variable's name.
        name: String,
        /// The sections there are.
        sections: String,
    },
    /// A value is outside of its bounds.
    #[error("{field} {problem}")]
    Invalid {
        /// Section and field.
        field: &'static str,
        /// What is wrong and what to do.
        problem: &'static str,
    },
}
