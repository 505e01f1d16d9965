//! What was spent, on what.

use super::choices::{Choice, Filter, Filters, Grouping, Range};
use super::overview::chart;
use super::samples::{HOSTILE, LONG, charged, count};
use crate::chart::Bars;
use crate::figures::{Count, Money};
use crate::view::View;
use serde::Serialize;

/// The figures above everything else.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Headline {
    /// What was spent.
    pub spent: Money,
    /// Requests.
    pub requests: Count,
    /// Tokens in and out.
    pub tokens: Count,
    /// Input tokens.
    pub input: Count,
    /// Output tokens.
    pub output: Count,
    /// How long the first token took; `None` without requests.
    pub first_token: Option<FirstToken>,
    /// Input that came from caches.
    pub cache: CacheFigures,
}

/// The time to the first token.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FirstToken {
    /// The median, in seconds: `0.42`.
    pub median_s: String,
    /// Of so many requests, the latest.
    pub requests: u64,
}

/// Input that came from caches.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CacheFigures {
    /// Tokens.
    pub tokens: Count,
    /// Their part of all input, in percent.
    pub percent: u64,
    /// What they cost less than other input, at the prices of today; `None` where no price is known.
    pub saved: Option<Money>,
}

/// What was spent on one model, key or app.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BreakdownRow {
    /// Its name; `None` for what has none, such as requests without an app.
    pub name: Option<String>,
    /// The same page with this alone; `None` where it cannot be asked for.
    pub href: Option<String>,
    /// Its requests; `None` where they cannot be asked for.
    pub requests_href: Option<String>,
    /// Requests.
    pub requests: Count,
    /// Tokens in and out.
    pub tokens: Count,
    /// What was spent.
    pub spent: Money,
    /// Its part of everything, in percent.
    pub percent: u64,
}

/// What was spent by model, key or app.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Breakdown {
    /// By what: the key of its word.
    pub by: String,
    /// The highest first.
    pub rows: Vec<BreakdownRow>,
    /// How many more there are.
    pub more: usize,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Activity {
    /// What can be spent, for the header.
    pub balance: Money,
    /// The days.
    pub range: Range,
    /// The filters.
    pub filters: Filters,
    /// What the chart is stacked by.
    pub grouping: Grouping,
    /// The figures.
    pub headline: Headline,
    /// What was spent by day, or by week.
    pub chart: Bars,
    /// Whether a bar stands for a week.
    pub is_weekly: bool,
    /// What was spent by model, key and app.
    pub breakdowns: Vec<Breakdown>,
    /// The requests of all this.
    pub requests_href: String,
    /// The same as a file, by its form.
    pub exports: Vec<Choice>,
    /// Entries of the ledger that are not counted yet.
    pub behind: u64,
}

impl View for Activity {
    const TEMPLATE: &'static str = "dashboard_activity.html";
}

impl Range {
    pub(in crate::views) fn sample() -> Self {
        let preset = |days: u64| Choice {
            value: days.to_string(),
            href: format!("/dashboard/activity?days={days}"),
            is_current: days == 30,
        };
        Self {
            from: "2026-11-01".to_owned(),
            to: "2026-11-30".to_owned(),
            days: 30,
            presets: [7, 30, 90, 365].map(preset).to_vec(),
            is_cut: false,
        }
    }
}

impl Filters {
    pub(super) fn sample(path: &str) -> Self {
        let filter = |by: &str, name: &str| Filter {
            by: by.to_owned(),
            name: name.to_owned(),
            without_href: path.to_owned(),
            parameter: by.to_owned(),
            value: name.to_owned(),
        };
        let active = vec![filter("model", HOSTILE), filter("key", LONG), filter("app", "an app")];
        Self { active, clear_href: path.to_owned(), path: path.to_owned() }
    }
}

pub(super) fn exports(path: &str) -> Vec<Choice> {
    let export = |form: &str| Choice {
        value: form.to_owned(),
        href: format!("{path}?format={form}&from=2026-11-01&to=2026-11-30"),
        is_current: false,
    };
    ["csv", "ndjson", "json"].map(export).to_vec()
}

impl Activity {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let path = "/dashboard/activity";
        let choice = |by: &str| Choice { value: by.to_owned(), href: path.to_owned(), is_current: by == "model" };
        let empty = Self {
            range: Range::sample(),
            filters: Filters { clear_href: path.to_owned(), path: path.to_owned(), ..Filters::default() },
            grouping: Grouping { value: "model".to_owned(), choices: ["model", "key", "app"].map(choice).to_vec() },
            headline: Headline { spent: charged(0), requests: count(0), tokens: count(0), ..Headline::default() },
            requests_href: "/dashboard/requests".to_owned(),
            exports: exports("/v1/activity"),
            ..Self::default()
        };
        let row = |name: Option<&str>| BreakdownRow {
            name: name.map(str::to_owned),
            href: name.map(|_| path.to_owned()),
            requests_href: name.map(|_| "/dashboard/requests".to_owned()),
            requests: count(1_240),
            tokens: count(2_400_000),
            spent: charged(1_234_567_890),
            percent: 41,
        };
        let rows = vec![row(Some("sandbox/gpt")), row(Some(HOSTILE)), row(Some(LONG)), row(None)];
        let breakdown = |by: &str, more| Breakdown { by: by.to_owned(), rows: rows.clone(), more };
        let busy = Self {
            filters: Filters::sample(path),
            headline: Headline {
                spent: charged(1_234_567_890),
                requests: count(12_431),
                tokens: count(48_000_000),
                input: count(40_000_000),
                output: count(8_000_000),
                first_token: Some(FirstToken { median_s: "0.42".to_owned(), requests: 200 }),
                cache: CacheFigures { tokens: count(12_000_000), percent: 30, saved: Some(charged(500_000_000)) },
            },
            chart: chart(),
            breakdowns: vec![breakdown("model", 3), breakdown("key", 0), breakdown("app", 0)],
            behind: 12,
            is_weekly: true,
            ..empty.clone()
        };
        let filtered =
            Self { filters: Filters::sample(path), range: Range { is_cut: true, ..Range::sample() }, ..empty.clone() };
        vec![empty, filtered, busy]
    }
}
