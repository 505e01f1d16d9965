//! The first page: what a person has, and what happened lately.

use super::request_row::RequestRow;
use super::samples::{HOSTILE, LONG, charged, count, has};
use super::top_up::Rule;
use crate::chart::{Bars, Data, Day, Series, Unit};
use crate::figures::{Count, Money};
use crate::view::View;
use serde::Serialize;

/// A key of whose limit little is left.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NearLimit {
    /// The name of the key.
    pub name: String,
    /// Its page.
    pub href: String,
    /// What is left.
    pub left: Money,
    /// The limit.
    pub limit: Money,
    /// How much of it was spent, in percent.
    pub spent_percent: u64,
    /// How often it begins anew: `daily`, `weekly`, `monthly`.
    pub reset: Option<String>,
}

/// The first page of the dashboard.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Overview {
    /// What can be spent.
    pub balance: Money,
    /// What running requests may cost.
    pub held: Option<Money>,
    /// What is owed after credits were taken back.
    pub owed: Option<Money>,
    /// Whether the operator has suspended the person.
    pub is_suspended: bool,
    /// Whether credits are sold here.
    pub is_sold: bool,
    /// How the balance is topped up by itself, where it is or was.
    pub rule: Option<Rule>,
    /// What was spent in the days of the chart.
    pub spent: Money,
    /// The requests in these days.
    pub requests: Count,
    /// The days of the chart.
    pub days: u64,
    /// What was spent by day.
    pub chart: Bars,
    /// The latest requests.
    pub latest: Vec<RequestRow>,
    /// Keys of whose limits little is left.
    pub near: Vec<NearLimit>,
    /// Whether the person has a key that is in force.
    pub has_key: bool,
    /// The URL of the API, for the first request.
    pub base_url: String,
    /// A model for the first request.
    pub first_model: String,
}

impl View for Overview {
    const TEMPLATE: &'static str = "dashboard_overview.html";
}

impl Overview {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let empty = Self {
            balance: has(0),
            spent: charged(0),
            requests: count(0),
            days: 30,
            is_sold: true,
            base_url: "https://credits.example/v1".to_owned(),
            first_model: "sandbox/gpt".to_owned(),
            ..Self::default()
        };
        let bought = Self { balance: has(20_000_000_000), has_key: true, is_sold: false, ..empty.clone() };
        let near = |name: &str| NearLimit {
            name: name.to_owned(),
            href: "/dashboard/keys/key_1".to_owned(),
            left: has(5_000_000),
            limit: has(10_000_000_000),
            spent_percent: 99,
            reset: Some("weekly".to_owned()),
        };
        let busy = Self {
            balance: has(12_400_000_000),
            held: Some(has(49_218_750)),
            spent: charged(1_234_567_890),
            requests: count(12_431),
            chart: chart(),
            latest: RequestRow::samples(),
            near: vec![near("laptop"), near(HOSTILE), near(LONG)],
            rule: Some(Rule::sample("on")),
            has_key: true,
            ..empty.clone()
        };
        let troubled = Self {
            balance: has(0),
            owed: Some(charged(5_000_000_000)),
            is_suspended: true,
            rule: Some(Rule::sample("declined")),
            ..busy.clone()
        };
        vec![empty, bought, busy, troubled]
    }
}

/// A chart with a name of each kind.
pub(super) fn chart() -> Bars {
    let days =
        (1..=30).map(|day| Day { date: format!("2026-11-{day:02}"), href: format!("/dashboard/requests?from={day}") });
    let series = |(at, name): (u64, &str)| Series {
        name: name.to_owned(),
        href: "/dashboard/requests?model=a".to_owned(),
        values: (0..30).map(|day| (day * 7 + at * 13) % 31 * 1_000_000_000).collect(),
    };
    let names = ["sandbox/gpt", HOSTILE, LONG, "four", "five", "six", "seven", "eight"];
    let series = (0_u64..).zip(names).map(series).collect();
    Bars::of(Data { days: days.collect(), series, ends_today: true, unit: Unit::NanoCredits })
}
