//! Applying, and what a partner earns.

use super::PartnerHead;
use crate::chart::{Bars, Data, Day, Series, Unit};
use crate::figures::{Count, Money};
use crate::view::View;
use crate::views::dashboard::samples::{HOSTILE, LONG, ago, count, has};
use crate::views::dashboard::{Choice, Range};
use crate::when::When;
use serde::Serialize;

/// What is agreed with a partner, or what is offered to who applies.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartnerTermsShown {
    /// The share of the markup, in percent.
    pub share: String,
    /// The markup of its own, in percent; `None` where the service's holds.
    pub markup: Option<String>,
    /// The days after which commission can be paid out.
    pub matures_days: u64,
}

/// An application.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ApplicationRow {
    /// Its id.
    pub id: String,
    /// The name of the app.
    pub name: String,
    /// The app's page.
    pub url: String,
    /// `open` or `rejected`.
    pub state: String,
    /// Why it was rejected; empty where nothing was said.
    pub reason: String,
    /// When it was made.
    pub created_at: When,
    /// When it was decided.
    pub decided_at: Option<When>,
    /// Its pages of test mode.
    pub guide_href: String,
}

/// The usage of a model through a partner.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ModelUsage {
    /// The model; `None` for models with too few people each.
    pub model: Option<String>,
    /// Requests.
    pub requests: Count,
    /// Tokens in and out.
    pub tokens: Count,
    /// What people were charged.
    pub charged: Money,
    /// The commission on it.
    pub commission: Money,
}

/// People who came through a partner.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ReferralRow {
    /// The month, such as `2026-11`; `None` for months with too few people each.
    pub month: Option<String>,
    /// People.
    pub people: Count,
    /// Those of them who have ever paid for credits.
    pub buyers: Count,
}

/// What a partner earns, in one mode.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Earned {
    /// `live` or `test`.
    pub kind: String,
    /// Both modes; none where there is no test mode.
    pub modes: Vec<Choice>,
    /// Commission of this month.
    pub month: Money,
    /// Commission that may be paid out.
    pub matured: Money,
    /// Commission that matures soon.
    pub next: Money,
    /// In so many days.
    pub next_days: u64,
    /// Commission that was paid out.
    pub paid_out: Money,
    /// What was earned and is not paid out.
    pub balance: Money,
    /// Commission that followed purchases back, where there was some.
    pub taken_back: Option<Money>,
    /// The days of chart and table.
    pub range: Range,
    /// The page without dates, and the values that a form for dates has to keep.
    pub range_kept: Vec<(String, String)>,
    /// Commission by day.
    pub chart: Bars,
    /// Requests by day.
    pub usage: Bars,
    /// Usage by model, the highest commission first.
    pub models: Vec<ModelUsage>,
    /// People by the month in which they came.
    pub referrals: Vec<ReferralRow>,
    /// The fewest people of whom something is shown.
    pub people_min: usize,
    /// Entries of the ledger that are not counted yet.
    pub behind: u64,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartnerOverview {
    /// The partner.
    pub head: PartnerHead,
    /// What is agreed, or offered.
    pub terms: PartnerTermsShown,
    /// What the person has applied for and does not run.
    pub applications: Vec<ApplicationRow>,
    /// Whether the person may apply.
    pub may_apply: bool,
    /// Whether there is test mode.
    pub has_test_mode: bool,
    /// What the partner earns; `None` where there is no partner.
    pub earned: Option<Earned>,
}

impl View for PartnerOverview {
    const TEMPLATE: &'static str = "partner_overview.html";
}

impl ApplicationRow {
    fn sample(name: &str, state: &str, reason: &str) -> Self {
        Self {
            id: "partner_1".to_owned(),
            name: name.to_owned(),
            url: "https://editor.example".to_owned(),
            state: state.to_owned(),
            reason: reason.to_owned(),
            created_at: ago(3_000),
            decided_at: (state == "rejected").then(|| ago(60)),
            guide_href: "/partner/guide?partner=partner_1".to_owned(),
        }
    }
}

impl Earned {
    fn sample(kind: &str) -> Self {
        let days = (1..=30).map(|day| Day { date: format!("2026-11-{day:02}"), href: "/partner?from=1".to_owned() });
        let days: Vec<Day> = days.collect();
        let by_day = |unit: Unit, most: u64| {
            let values = (0..30).map(|day| day * 7 % 11 * most).collect();
            let series = vec![Series { name: String::new(), href: String::new(), values }];
            Bars::of(Data { days: days.clone(), series, ends_today: true, unit })
        };
        let mode = |value: &str| Choice {
            value: value.to_owned(),
            href: format!("/partner?mode={value}"),
            is_current: value == kind,
        };
        let model = |name: Option<&str>| ModelUsage {
            model: name.map(str::to_owned),
            requests: count(12_431),
            tokens: count(2_400_000),
            charged: has(9_876_543_210),
            commission: has(987_654_321),
        };
        let group =
            |month: Option<&str>| ReferralRow { month: month.map(str::to_owned), people: count(41), buyers: count(12) };
        Self {
            kind: kind.to_owned(),
            modes: ["live", "test"].map(mode).to_vec(),
            month: has(1_234_567_890),
            matured: has(56_000_000_000),
            next: has(3_000_000_000),
            next_days: 30,
            paid_out: has(120_000_000_000),
            balance: has(71_000_000_000),
            taken_back: Some(has(1_000_000_000)),
            range: Range::sample(),
            range_kept: vec![("partner".to_owned(), "partner_1".to_owned())],
            chart: by_day(Unit::NanoCredits, 300_000_000),
            usage: by_day(Unit::Count, 30),
            models: vec![model(Some("sandbox/gpt")), model(Some(HOSTILE)), model(Some(LONG)), model(None)],
            referrals: vec![group(Some("2026-11")), group(None)],
            people_min: 5,
            behind: 3,
        }
    }

    fn empty() -> Self {
        Self {
            modes: Vec::new(),
            taken_back: None,
            chart: Bars::default(),
            usage: Bars::default(),
            models: Vec::new(),
            referrals: Vec::new(),
            behind: 0,
            ..Self::sample("live")
        }
    }
}

impl PartnerOverview {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let terms = PartnerTermsShown { share: "50".to_owned(), markup: None, matures_days: 120 };
        let head = PartnerHead { id: String::new(), name: String::new(), ..PartnerHead::sample("none") };
        let new = Self { head, terms: terms.clone(), may_apply: true, has_test_mode: true, ..Self::default() };
        let rejected = ApplicationRow::sample(HOSTILE, "rejected", HOSTILE);
        let silent = ApplicationRow::sample(LONG, "rejected", "");
        let applied = Self {
            head: PartnerHead::sample("applied"),
            applications: vec![ApplicationRow::sample("Acme Editor", "open", ""), rejected.clone(), silent],
            may_apply: false,
            ..new.clone()
        };
        let refused = Self { applications: vec![rejected], has_test_mode: false, ..new.clone() };
        let own_terms = PartnerTermsShown { markup: Some("30".to_owned()), ..terms };
        let running = |head: PartnerHead, earned: Earned| Self {
            head,
            terms: own_terms.clone(),
            applications: Vec::new(),
            earned: Some(earned),
            ..new.clone()
        };
        vec![
            running(PartnerHead::sample("active"), Earned::empty()),
            running(PartnerHead::sample_of_many(), Earned::sample("live")),
            running(PartnerHead::sample("active"), Earned::sample("test")),
            running(PartnerHead::sample("suspended"), Earned::sample("live")),
            new,
            applied,
            refused,
        ]
    }
}
