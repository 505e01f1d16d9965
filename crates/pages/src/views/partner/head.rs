//! What all pages of the portal begin with.

use crate::figures::Money;
use crate::views::dashboard::Choice;
use crate::views::dashboard::samples::{HOSTILE, LONG, has};
use serde::Serialize;

/// The partner that a page is about.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartnerHead {
    /// What can be spent, for the header.
    pub balance: Money,
    /// Its id; empty where there is none.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `none`, `applied`, `active` or `suspended`.
    pub state: String,
    /// The partners that the person runs, by their names.
    pub choices: Vec<Choice>,
}

impl PartnerHead {
    /// A partner in this state.
    pub(super) fn sample(state: &str) -> Self {
        Self {
            balance: has(12_400_000_000),
            id: "partner_1".to_owned(),
            name: "Acme Editor".to_owned(),
            state: state.to_owned(),
            choices: Vec::new(),
        }
    }

    /// One of several.
    pub(super) fn sample_of_many() -> Self {
        let choice = |name: &str| Choice {
            value: name.to_owned(),
            href: "/partner?partner=partner_1".to_owned(),
            is_current: name == HOSTILE,
        };
        let choices = ["Acme Editor", HOSTILE, LONG].map(choice).to_vec();
        Self { name: HOSTILE.to_owned(), choices, ..Self::sample("active") }
    }
}
