//! A person's keys: all of them, one of them, and the form of a new one.

use super::choices::Sorting;
use super::samples::{HOSTILE, LONG, ago, ahead, charged, has};
use crate::figures::Money;
use crate::view::View;
use crate::when::When;
use serde::Serialize;

/// What is left of a limit.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LimitLeft {
    /// The limit.
    pub limit: Money,
    /// What is left.
    pub left: Money,
    /// How much of it was spent, in percent.
    pub spent_percent: u64,
    /// How often it begins anew: `daily`, `weekly`, `monthly`.
    pub reset: Option<String>,
    /// When it does.
    pub resets_at: Option<When>,
}

/// A key in a list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct KeyRow {
    /// Its page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Its last characters.
    pub hint: String,
    /// `active`, `off` or `expired`.
    pub state: String,
    /// The app that it belongs to.
    pub app: Option<String>,
    /// What is left of its limit.
    pub limit: Option<LimitLeft>,
    /// What it spent this month.
    pub month: Money,
    /// What it spent in all.
    pub total: Money,
    /// When it ends.
    pub expires_at: Option<When>,
    /// When it was made.
    pub created_at: When,
}

/// All keys.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Keys {
    /// What can be spent, for the header.
    pub balance: Money,
    /// The keys, the newest last.
    pub rows: Vec<KeyRow>,
    /// How they are sorted.
    pub sorting: Sorting,
    /// Further ones.
    pub next_href: Option<String>,
}

/// The values of a form, as they are typed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct KeyForm {
    /// The name.
    pub name: String,
    /// The limit in credits; empty for none.
    pub limit: String,
    /// How often the limit begins anew; empty for never.
    pub reset: String,
    /// The last day; empty for none.
    pub expires: String,
    /// Models, one a line; empty for all.
    pub models: String,
    /// Requests in a minute; empty for any number.
    pub requests_per_minute: String,
    /// Tokens in a minute; empty for any number.
    pub tokens_per_minute: String,
    /// Requests at once; empty for any number.
    pub parallel_max: String,
    /// Names of models that are on sale.
    pub offered: Vec<String>,
}

/// One key, or the form of a new one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct KeyPage {
    /// What can be spent, for the header.
    pub balance: Money,
    /// The id; `None` for a new one.
    pub id: Option<String>,
    /// The key; `None` for a new one.
    pub key: Option<KeyRow>,
    /// The form.
    pub form: KeyForm,
    /// Its requests.
    pub requests_href: String,
    /// What it spent by day.
    pub activity_href: String,
    /// The URL of the API, for the first request.
    pub base_url: String,
}

impl View for Keys {
    const TEMPLATE: &'static str = "dashboard_keys.html";
}

impl View for KeyPage {
    const TEMPLATE: &'static str = "dashboard_key.html";
}

impl KeyRow {
    fn sample(name: &str) -> Self {
        let limit = LimitLeft {
            limit: has(10_000_000_000),
            left: has(2_500_000_000),
            spent_percent: 75,
            reset: Some("monthly".to_owned()),
            resets_at: Some(ahead(3)),
        };
        Self {
            href: "/dashboard/keys/key_1".to_owned(),
            name: name.to_owned(),
            hint: "k3Jq".to_owned(),
            state: "active".to_owned(),
            app: None,
            limit: Some(limit),
            month: charged(1_234_567_890),
            total: charged(9_876_543_210),
            expires_at: Some(ahead(90)),
            created_at: ago(9_000),
        }
    }
}

impl Keys {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let off = KeyRow { state: "off".to_owned(), limit: None, expires_at: None, ..KeyRow::sample(HOSTILE) };
        let expired = KeyRow { state: "expired".to_owned(), app: Some(HOSTILE.to_owned()), ..KeyRow::sample(LONG) };
        let columns = ["created", "name", "limit", "month", "total"];
        let none = Self { sorting: Sorting::sample(&columns, false), ..Self::default() };
        let many = Self {
            rows: vec![KeyRow::sample("laptop"), off, expired],
            sorting: Sorting::sample(&columns, true),
            next_href: Some("/dashboard/keys?cursor=key_1".to_owned()),
            ..Self::default()
        };
        vec![none.clone(), Self { rows: vec![KeyRow::sample("laptop")], ..none }, many]
    }
}

impl KeyPage {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let new = Self {
            form: KeyForm { offered: vec!["sandbox/gpt".to_owned(), HOSTILE.to_owned()], ..KeyForm::default() },
            base_url: "https://credits.example/v1".to_owned(),
            ..Self::default()
        };
        let form = KeyForm {
            name: HOSTILE.to_owned(),
            limit: "1000".to_owned(),
            reset: "monthly".to_owned(),
            expires: "2030-01-31".to_owned(),
            models: format!("sandbox/gpt\n{HOSTILE}"),
            requests_per_minute: "60".to_owned(),
            ..new.form.clone()
        };
        let there = |row: KeyRow| Self {
            id: Some("key_1".to_owned()),
            key: Some(row),
            form: form.clone(),
            requests_href: "/dashboard/requests?key_id=key_1".to_owned(),
            activity_href: "/dashboard/activity?key_id=key_1".to_owned(),
            ..new.clone()
        };
        let off = KeyRow { state: "off".to_owned(), limit: None, ..KeyRow::sample(HOSTILE) };
        let of_app = KeyRow { app: Some(HOSTILE.to_owned()), ..KeyRow::sample(LONG) };
        vec![new.clone(), there(KeyRow::sample("laptop")), there(off), there(of_app)]
    }
}
