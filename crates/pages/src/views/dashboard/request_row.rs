//! A request in a list.

use super::samples::{HOSTILE, LONG, ago, charged, count};
use crate::figures::{Count, Money};
use crate::when::When;
use serde::Serialize;

/// Something with a name and a page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The page.
    pub href: String,
}

/// A request in a list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RequestRow {
    /// The page of its bill.
    pub href: String,
    /// When it began.
    pub at: When,
    /// The model.
    pub model: String,
    /// The name of the key that paid.
    pub key: String,
    /// The name of the app that sent it.
    pub app: Option<String>,
    /// Input tokens.
    pub input: Count,
    /// Output tokens.
    pub output: Count,
    /// What it cost.
    pub charged: Money,
    /// How it ended: `completed`, `cancelled` or `empty`.
    pub state: String,
}

impl RequestRow {
    pub(super) fn sample() -> Self {
        Self {
            href: "/dashboard/requests/gen_01".to_owned(),
            at: ago(3),
            model: "sandbox/gpt".to_owned(),
            key: "laptop".to_owned(),
            app: None,
            input: count(2_431),
            output: count(512),
            charged: charged(49_218_750),
            state: "completed".to_owned(),
        }
    }

    /// Rows of each kind.
    pub(super) fn samples() -> Vec<Self> {
        let hostile = Self {
            model: HOSTILE.to_owned(),
            key: HOSTILE.to_owned(),
            app: Some(HOSTILE.to_owned()),
            at: ago(90),
            ..Self::sample()
        };
        let long = Self {
            model: LONG.to_owned(),
            key: LONG.to_owned(),
            app: Some(LONG.to_owned()),
            at: ago(3 * 1_440),
            state: "cancelled".to_owned(),
            ..Self::sample()
        };
        let nothing = Self { charged: charged(0), state: "empty".to_owned(), at: ago(30 * 1_440), ..Self::sample() };
        vec![Self::sample(), hostile, long, nothing]
    }
}
