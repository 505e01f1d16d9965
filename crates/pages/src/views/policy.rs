//! The terms of use and the privacy policy.

use crate::view::View;
use serde::Serialize;

/// Which policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    /// The terms of use.
    Terms,
    /// The privacy policy.
    Privacy,
}

/// A policy, whose text is among the words.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyPage {
    /// Which.
    pub kind: PolicyKind,
    /// What a credit costs.
    pub credit_price: String,
    /// The markup in percent.
    pub markup_percent: String,
}

impl View for PolicyPage {
    const TEMPLATE: &'static str = "policy.html";
}

impl PolicyPage {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let of = |kind| Self { kind, credit_price: "$0.01".to_owned(), markup_percent: "25".to_owned() };
        vec![of(PolicyKind::Terms), of(PolicyKind::Privacy)]
    }
}
