//! A value on a page, and how values are ordered.

use crate::figures::{Count, Money};
use crate::when::When;
use serde::Serialize;

/// How a state is to be read; the words say it too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Not as it should be.
    Bad,
}

/// A value. Members named `state` are keys of words.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cell {
    /// Nothing to say.
    #[default]
    Nothing,
    /// A text.
    Text {
        /// The text.
        text: String,
    },
    /// An id, or something else that is copied rather than read.
    Code {
        /// The text.
        text: String,
    },
    /// A figure as it is, such as `12.5 %`.
    Number {
        /// The text.
        text: String,
    },
    /// A time.
    Time {
        /// When.
        at: When,
    },
    /// An amount.
    Amount {
        /// How much.
        amount: Money,
    },
    /// How many.
    Many {
        /// The number.
        count: Count,
    },
    /// A word.
    Word {
        /// Its key.
        state: String,
        /// How it is to be read.
        class: Tone,
    },
    /// A word that leads to a page.
    Go {
        /// The key of the word.
        state: String,
        /// The page.
        href: String,
    },
    /// Leads to a page.
    Link {
        /// The text.
        text: String,
        /// The page.
        href: String,
    },
}

impl Cell {
    /// A text; nothing where it is empty.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Nothing } else { Self::Text { text } }
    }

    /// An id.
    #[must_use]
    pub fn code(text: impl ToString) -> Self {
        Self::Code { text: text.to_string() }
    }

    /// A figure as it is.
    #[must_use]
    pub fn number(text: impl ToString) -> Self {
        Self::Number { text: text.to_string() }
    }

    /// A word that is as it is.
    #[must_use]
    pub fn word(state: &str) -> Self {
        Self::toned(state, Tone::Plain)
    }

    /// A word.
    #[must_use]
    pub fn toned(state: &str, class: Tone) -> Self {
        Self::Word { state: state.to_owned(), class }
    }

    /// A link.
    #[must_use]
    pub fn link(text: impl ToString, href: impl Into<String>) -> Self {
        Self::Link { text: text.to_string(), href: href.into() }
    }

    /// A word that leads to a page.
    #[must_use]
    pub fn go(state: &str, href: impl Into<String>) -> Self {
        Self::Go { state: state.to_owned(), href: href.into() }
    }

    /// How many.
    #[must_use]
    pub fn many(count: u64) -> Self {
        Self::Many { count: Count::of(count) }
    }
}

/// What a cell is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// By a number.
    Number(i128),
    /// By a text.
    Text(String),
}
