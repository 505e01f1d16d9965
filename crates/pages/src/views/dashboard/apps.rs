//! The apps that a person has connected.

use super::choices::Sorting;
use super::keys::LimitLeft;
use super::samples::{HOSTILE, LONG, charged, has};
use crate::figures::Money;
use crate::view::View;
use serde::Serialize;

/// An app that a person has connected.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AppRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What is left of its cap.
    pub cap: Option<LimitLeft>,
    /// The cap in dollars, as it is typed; empty for none.
    pub cap_usd: String,
    /// What it spent in all.
    pub spent: Money,
    /// The last day on which it spent something.
    pub last_used: Option<String>,
    /// Its keys in force.
    pub keys: usize,
    /// Its requests.
    pub requests_href: String,
    /// What it spent by day.
    pub activity_href: String,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Apps {
    /// What can be spent, for the header.
    pub balance: Money,
    /// The apps.
    pub rows: Vec<AppRow>,
    /// How they are sorted.
    pub sorting: Sorting,
}

impl View for Apps {
    const TEMPLATE: &'static str = "dashboard_apps.html";
}

impl Apps {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let cap = LimitLeft {
            limit: has(5_000_000_000),
            left: has(4_000_000_000),
            spent_percent: 20,
            reset: None,
            resets_at: None,
        };
        let app = |name: &str| AppRow {
            id: "partner_1".to_owned(),
            name: name.to_owned(),
            cap: Some(cap.clone()),
            cap_usd: "5".to_owned(),
            spent: charged(1_000_000_000),
            last_used: Some("2026-11-29".to_owned()),
            keys: 1,
            requests_href: "/dashboard/requests?app_id=partner_1".to_owned(),
            activity_href: "/dashboard/activity?app_id=partner_1".to_owned(),
        };
        let unused =
            AppRow { cap: None, cap_usd: String::new(), spent: charged(0), last_used: None, keys: 2, ..app(HOSTILE) };
        let sorting = Sorting::sample(&["spent", "name", "last_used"], true);
        let one = Self { rows: vec![app("Writer")], sorting: sorting.clone(), ..Self::default() };
        vec![Self::default(), one, Self { rows: vec![app("Writer"), unused, app(LONG)], sorting, ..Self::default() }]
    }
}
