//! A partner's months and payouts.

use super::PartnerHead;
use crate::figures::Money;
use crate::view::View;
use crate::views::dashboard::Choice;
use crate::views::dashboard::samples::{ago, has};
use crate::when::When;
use serde::Serialize;

/// A month.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MonthRow {
    /// The month, such as `2026-11`.
    pub month: String,
    /// Whether it goes on.
    pub is_running: bool,
    /// Commission on its requests.
    pub commission: Money,
    /// Commission that followed purchases back in it; `None` where none did.
    pub taken_back: Option<Money>,
    /// What was paid out in it; `None` where nothing was.
    pub paid_out: Option<Money>,
    /// The balance at its end.
    pub balance: Money,
}

/// A payout.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PayoutRow {
    /// Its id.
    pub id: String,
    /// When it was recorded.
    pub at: When,
    /// The amount.
    pub amount: Money,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PartnerStatements {
    /// The partner.
    pub head: PartnerHead,
    /// Its months, the latest first.
    pub months: Vec<MonthRow>,
    /// Its payouts, the latest first.
    pub payouts: Vec<PayoutRow>,
    /// What may be paid out now.
    pub matured: Money,
    /// The months as a file, by its form.
    pub exports: Vec<Choice>,
    /// The payouts as a file.
    pub payout_exports: Vec<Choice>,
}

impl View for PartnerStatements {
    const TEMPLATE: &'static str = "partner_statements.html";
}

impl PartnerStatements {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let month = |month: &str, is_running: bool| MonthRow {
            month: month.to_owned(),
            is_running,
            commission: has(12_345_678_901),
            taken_back: (!is_running).then(|| has(100_000_000)),
            paid_out: (!is_running).then(|| has(9_000_000_000)),
            balance: has(71_000_000_000),
        };
        let payout = |minutes| PayoutRow { id: "entry_1".to_owned(), at: ago(minutes), amount: has(9_000_000_000) };
        let export = |form: &str| Choice {
            value: form.to_owned(),
            href: format!("/v1/partners/partner_1/statements?format={form}"),
            is_current: false,
        };
        let exports = ["csv", "json"].map(export).to_vec();
        let first = Self {
            head: PartnerHead::sample("active"),
            months: vec![month("2026-11", true)],
            matured: has(0),
            exports: exports.clone(),
            ..Self::default()
        };
        let busy = Self {
            head: PartnerHead::sample_of_many(),
            months: vec![month("2026-11", true), month("2026-10", false), month("2026-09", false)],
            payouts: vec![payout(60_000), payout(120_000)],
            matured: has(56_000_000_000),
            payout_exports: exports,
            ..first.clone()
        };
        vec![Self { head: PartnerHead::sample("applied"), ..Self::default() }, first, busy]
    }
}
