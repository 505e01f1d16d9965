//! The requests of a person, the newest first.

use super::activity::exports;
use super::choices::{Choice, Filters, Range, Sorting};
use super::request_row::RequestRow;
use crate::figures::Money;
use crate::view::View;
use serde::Serialize;

/// The columns by which requests are sorted.
const COLUMNS: [&str; 6] = ["at", "model", "key", "input", "output", "charged"];

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Requests {
    /// What can be spent, for the header.
    pub balance: Money,
    /// The first and the last day; empty where there is none.
    pub range: Range,
    /// The filters.
    pub filters: Filters,
    /// How requests ended, with the choice of any.
    pub statuses: Vec<Choice>,
    /// How they are sorted.
    pub sorting: Sorting,
    /// Whether something is left out by a range, a filter or a status.
    pub is_filtered: bool,
    /// The requests.
    pub rows: Vec<RequestRow>,
    /// Older ones.
    pub older_href: Option<String>,
    /// The newest ones; `None` where they are shown.
    pub newest_href: Option<String>,
    /// The same as a file, by its form.
    pub exports: Vec<Choice>,
    /// Entries of the ledger that are not counted yet.
    pub behind: u64,
}

impl View for Requests {
    const TEMPLATE: &'static str = "dashboard_requests.html";
}

impl Requests {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let path = "/dashboard/requests";
        let choice = |status: &str| Choice {
            value: status.to_owned(),
            href: format!("{path}?status={status}"),
            is_current: status == "any",
        };
        let empty = Self {
            filters: Filters { clear_href: path.to_owned(), path: path.to_owned(), ..Filters::default() },
            statuses: ["any", "completed", "cancelled", "empty"].map(choice).to_vec(),
            exports: exports("/v1/generations"),
            sorting: Sorting::sample(&COLUMNS, false),
            ..Self::default()
        };
        let filtered =
            Self { filters: Filters::sample(path), range: Range::sample(), is_filtered: true, ..empty.clone() };
        let many = Self {
            rows: RequestRow::samples(),
            older_href: Some(format!("{path}?cursor=1")),
            newest_href: Some(path.to_owned()),
            behind: 3,
            sorting: Sorting::sample(&COLUMNS, true),
            ..filtered.clone()
        };
        let gap = Self { rows: Vec::new(), ..many.clone() };
        vec![empty, filtered, many, gap]
    }
}
