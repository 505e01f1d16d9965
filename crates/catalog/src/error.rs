//! Errors of models and prices.

use opencredits_units::DecimalError;

/// A model or a price is unknown or invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// No model of this name.
    #[error("there is no model {name:?}; {}GET /v1/models lists all", suggest(.similar))]
    UnknownModel {
        /// The requested name; of a long one its beginning.
        name: String,
        /// Models with similar names.
        similar: Vec<String>,
    },
    /// A list of models cannot be parsed.
    #[error("cannot read the models: {0}")]
    Toml(#[from] toml::de::Error),
    /// A line of the price book cannot be parsed.
    #[error("cannot read line {line} of the price book: {problem}")]
    Book {
        /// The line number, from 1.
        line: usize,
        /// What the parser says of it.
        problem: String,
    },
    /// A price book has no models.
    #[error("the price book has no models; it needs one JSON object a line")]
    NoModels,
    /// A price book exceeds its bounds.
    #[error("the price book has more than {max} {what}")]
    BookTooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The largest number.
        max: usize,
    },
    /// A pattern of models cannot be parsed.
    #[error("{pattern:?} is no pattern of models: {problem}; write \"author/*\", say")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The problem.
        problem: globset::ErrorKind,
    },
    /// A price is no decimal number.
    #[error("the price {field} of {model} is wrong: {problem}")]
    Price {
        /// The model.
        model: String,
        /// The price's name.
        field: String,
        /// The problem.
        problem: DecimalError,
    },
    /// No price has this name.
    #[error("{model} has an unknown price {field}; known are {}", known.join(", "))]
    UnknownPrice {
        /// The model.
        model: String,
        /// The price's name.
        field: String,
        /// The names that prices may have.
        known: Vec<&'static str>,
    },
    /// A model lacks a member that its price depends on.
    #[error("{model} has no {missing}; a model without it could not be charged")]
    Incomplete {
        /// The model.
        model: String,
        /// The missing member.
        missing: &'static str,
    },
    /// Two of the operator's models have one id, or one name.
    #[error(
        "the models {first} and {second} have one name, {name}; give each its own, or join their [[model]] entries"
    )]
    SameName {
        /// The name.
        name: String,
        /// A model with it.
        first: String,
        /// The other one.
        second: String,
    },
    /// An amount does not fit its integer.
    #[error("the price of this usage exceeds every amount")]
    Overflow,
}

fn suggest(similar: &[String]) -> String {
    if similar.is_empty() { String::new() } else { format!("did you mean {}? ", similar.join(" or ")) }
}
