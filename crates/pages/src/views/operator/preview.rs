//! What an act will do, before it is done.

use super::cell::{Cell, Tone};
use super::page::{HOSTILE, Remark, amount};
use super::section::Fact;
use crate::view::View;
use serde::Serialize;

/// What an act will do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Preview {
    /// The act: the key of its words.
    pub kind: String,
    /// The name of what it is done to.
    pub name: String,
    /// What it changes: amounts, and how it was before and will be.
    pub facts: Vec<Fact>,
    /// What should be weighed.
    pub remarks: Vec<Remark>,
    /// The id under which it is done once.
    pub id: String,
    /// What shows that this was seen.
    pub confirm: String,
}

impl View for Preview {
    const TEMPLATE: &'static str = "operator_preview.html";
}

impl Preview {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let plain =
            Self { kind: "suspend".to_owned(), id: "ent_1".to_owned(), confirm: "0a".to_owned(), ..Self::default() };
        let full = Self {
            kind: "grant".to_owned(),
            name: HOSTILE.to_owned(),
            facts: vec![
                Fact::of("amount", Cell::Amount { amount: amount(10_000_000_000) }),
                Fact::of("reason", Cell::text(HOSTILE)),
            ],
            remarks: vec![Remark {
                state: "in_force_at_once".to_owned(),
                class: Tone::Warn,
                detail: HOSTILE.to_owned(),
                href: None,
            }],
            ..plain.clone()
        };
        vec![plain, full]
    }
}
