//! A partner's months and payouts.

use super::portal::Portal;
use crate::errors::Problem;
use crate::pages::PageRequest;
use crate::partner;
use opencredits_pages::views::dashboard::Choice;
use opencredits_pages::views::partner::{MonthRow, PartnerStatements, PayoutRow};
use opencredits_service::partners::{PayoutEntry, Statement, month_text};
use opencredits_units::NanoUsd;

const PATH: &str = "/partner/statements";
/// Payouts on the page; the file has more.
const PAYOUTS_MAX: usize = 100;

pub(super) async fn page(request: PageRequest) -> Result<PartnerStatements, Problem> {
    let portal = Portal::of(&request, PATH).await?;
    let Some(owned) = portal.partner() else {
        return Ok(PartnerStatements { head: portal.head(), ..PartnerStatements::default() });
    };
    let person = &portal.person;
    let today = person.now.day();
    let something = |amount: NanoUsd| (amount != NanoUsd::ZERO).then(|| person.has(amount));
    let row = |month: &Statement| MonthRow {
        month: month_text(month.first_day),
        is_running: month.end_day > today,
        commission: person.has(month.commission),
        taken_back: something(month.taken_back),
        paid_out: something(month.paid_out),
        balance: person.has(month.balance),
    };
    let months = partner::months(person.app, owned).await?;
    let earnings = partner::earnings(person.app, owned).await?;
    let payout = |payout: &PayoutEntry| PayoutRow {
        id: payout.id.to_string(),
        at: payout.at.into(),
        amount: person.has(payout.amount),
    };
    let exports = |what: &str| {
        let export = |form: &str| Choice {
            value: form.to_owned(),
            href: format!("/v1/partners/{}/{what}?format={form}", owned.id),
            is_current: false,
        };
        ["csv", "json"].map(export).to_vec()
    };
    Ok(PartnerStatements {
        head: portal.head(),
        months: months.iter().map(row).collect(),
        payouts: earnings.payouts.iter().take(PAYOUTS_MAX).map(payout).collect(),
        matured: person.has(earnings.matured),
        exports: exports("statements"),
        payout_exports: exports("payouts"),
    })
}
