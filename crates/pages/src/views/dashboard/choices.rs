//! Ranges and filters, which are in the URL of a page.

use serde::Serialize;
use std::collections::BTreeMap;

/// One of several.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Choice {
    /// Its value in the URL; the key of its word where it has no name.
    pub value: String,
    /// The same page with this choice.
    pub href: String,
    /// Whether it is chosen.
    pub is_current: bool,
}

/// The days that a page is about.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Range {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// The number of days.
    pub days: u64,
    /// Usual ranges, by their number of days.
    pub presets: Vec<Choice>,
    /// Whether more days were asked for than a page shows.
    pub is_cut: bool,
}

/// A filter in force.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Filter {
    /// What it filters by: the key of its word.
    pub by: String,
    /// The value, as people know it.
    pub name: String,
    /// The same page without it.
    pub without_href: String,
    /// Its name in the URL.
    pub parameter: String,
    /// Its value in the URL.
    pub value: String,
}

/// The filters of a page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Filters {
    /// Those in force.
    pub active: Vec<Filter>,
    /// The same page without any.
    pub clear_href: String,
    /// The path of the page.
    pub path: String,
}

/// What a chart is stacked by.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Grouping {
    /// The value in the URL.
    pub value: String,
    /// The choices.
    pub choices: Vec<Choice>,
}

/// The head of a column by which a table can be sorted.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SortHead {
    /// The same page sorted by this column; the other way where it is sorted so already.
    pub href: String,
    /// `ascending`, `descending` or `none`, as in `aria-sort`.
    pub state: String,
}

/// How a table is sorted.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sorting {
    /// The heads by the names of their columns.
    pub heads: BTreeMap<String, SortHead>,
    /// The value in the URL; empty where the table is sorted as usual.
    pub value: String,
    /// The rows that were sorted, where there are more; 0 where all were.
    pub cut_at: usize,
}

impl Sorting {
    /// Sorted by the first of these columns; falling and cut off when `is_other`.
    pub(super) fn sample(columns: &[&str], is_other: bool) -> Self {
        let direction = if is_other { "descending" } else { "ascending" };
        let state = |column: &str| if columns.first() == Some(&column) { direction } else { "none" };
        let head = |column: &&str| {
            let head = SortHead { href: format!("/dashboard?sort={column}"), state: state(column).to_owned() };
            ((*column).to_owned(), head)
        };
        Self {
            heads: columns.iter().map(head).collect(),
            value: if is_other { "-name".to_owned() } else { String::new() },
            cut_at: if is_other { 1_000 } else { 0 },
        }
    }
}
