//! The page that ends mails of a kind.

use crate::view::View;
use serde::Serialize;

/// Where the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsubscribeStep {
    /// A button asks.
    Ask,
    /// No more mails of the kind come.
    Done,
    /// The link does not hold.
    Invalid,
}

/// The page that the link in a notice opens. It works without a script.
#[derive(Debug, Clone, Serialize)]
pub struct Unsubscribe {
    step: UnsubscribeStep,
    kind: String,
    link: String,
}

impl View for Unsubscribe {
    const TEMPLATE: &'static str = "unsubscribe.html";
}

impl Unsubscribe {
    /// Asks whether mails of this kind should end: `low_balance`, `limit_most` or `limit_all`. The button sends the link.
    #[must_use]
    pub fn ask(kind: &str, link: &str) -> Self {
        Self { step: UnsubscribeStep::Ask, kind: kind.to_owned(), link: link.to_owned() }
    }

    /// Mails of this kind have ended.
    #[must_use]
    pub fn done(kind: &str) -> Self {
        Self { step: UnsubscribeStep::Done, kind: kind.to_owned(), link: String::new() }
    }

    /// A step that is about no kind.
    #[must_use]
    pub fn of(step: UnsubscribeStep) -> Self {
        Self { step, kind: String::new(), link: String::new() }
    }

    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let kinds = ["low_balance", "limit_most", "limit_all"];
        let mut all: Vec<Self> =
            kinds.into_iter().flat_map(|kind| [Self::ask(kind, "AQ-_x"), Self::done(kind)]).collect();
        all.push(Self::of(UnsubscribeStep::Invalid));
        all
    }
}
