//! Ranges and filters, which are in the URL of a page.

use serde::Serialize;

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
