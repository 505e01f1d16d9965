//! Answers about the past: usage, requests, bills, the balance sheet.

use super::answer::Admin;
use super::reads::{CheckBills, OfGeneration, ReportBalances, ShowUsage, UsageGroupBy, UsageGroupView, UsageSumsView};
use super::reply::{AdminReply, Refusal, RefusalCode};
use super::views::EntryView;
use opencredits_service::BillChecks;
use opencredits_service::accounts::AccountsError;
use opencredits_store::{Days, UsageBy};
use opencredits_units::{GenerationId, UnixMs};

impl Admin {
    pub(super) async fn show_usage(&self, which: ShowUsage) -> Result<AdminReply, Refusal> {
        let by = match which.by {
            UsageGroupBy::Person => UsageBy::User,
            UsageGroupBy::Partner => UsageBy::Partner,
            UsageGroupBy::Model => UsageBy::Model,
            UsageGroupBy::Vendor => UsageBy::Vendor,
            UsageGroupBy::Key => UsageBy::Key,
            UsageGroupBy::Day => UsageBy::Day,
        };
        let last = |until: UnixMs| UnixMs::new(until.get().saturating_sub(1)).day();
        let days = Days { from: which.from_ms.map_or(0, UnixMs::day), to: which.until_ms.map_or(u64::MAX, last) };
        let report = self.accounts.usage_report(by, days, which.max).await?;
        let price = self.price();
        Ok(AdminReply::Usage {
            by: which.by,
            groups: report.groups.into_iter().map(|group| UsageGroupView::new(group, price)).collect(),
            total: Box::new(UsageSumsView::new(&report.total, price)),
            entries_behind: report.behind,
        })
    }

    pub(super) async fn show_generation(&self, which: OfGeneration) -> Result<AdminReply, Refusal> {
        let entry = self.accounts.charge_of(which.id).await?.ok_or_else(|| no_generation(which.id))?;
        let check = opencredits_service::check_bill(&entry).ok_or_else(|| no_generation(which.id))?;
        Ok(AdminReply::Generation { entry: Box::new(EntryView::new(entry, self.price())), bill: check.into() })
    }

    pub(super) async fn check_bill(&self, which: OfGeneration) -> Result<AdminReply, Refusal> {
        let check = self.accounts.usage().check_bill(which.id).await.map_err(AccountsError::from)?;
        let check = check.ok_or_else(|| no_generation(which.id))?;
        Ok(AdminReply::BillsChecked {
            clean: check.findings.is_empty(),
            checked: 1,
            wrong_total: u64::from(!check.findings.is_empty()),
            bills: vec![check.into()],
            next: None,
        })
    }

    pub(super) async fn check_bills(&self, which: CheckBills) -> Result<AdminReply, Refusal> {
        let during = (which.from_ms, which.until_ms);
        let checks = self.accounts.usage().check_bills_watched(during, which.after, &self.progress).await;
        let checks = checks.map_err(AccountsError::from)?;
        let BillChecks { checked, wrong_total, wrong, next } = checks;
        let bills = wrong.into_iter().map(Into::into).collect();
        Ok(AdminReply::BillsChecked { clean: wrong_total == 0, checked, wrong_total, bills, next })
    }

    pub(super) async fn report_balances(&self, which: ReportBalances) -> Result<AdminReply, Refusal> {
        let sheet = self.accounts.balance_sheet_watched(which.until_ms, &self.progress).await?;
        Ok(AdminReply::BalanceSheet {
            until_ms: sheet.until,
            entries: sheet.entries,
            lines: sheet.lines.into_iter().map(Into::into).collect(),
            difference_usd: sheet.difference,
            currencies: sheet.currencies.into_iter().map(Into::into).collect(),
            note: NOTE.to_owned(),
        })
    }
}

/// What the sheet assumes, and what links its currencies.
const NOTE: &str = "a wallet does not tell paid from promotional credits: promotional ones count as spent first; exchange \
                    gets what was paid for credits in each currency and gives the credits in dollars, so credits that \
                    were sold for another currency are below zero there";

fn no_generation(id: GenerationId) -> Refusal {
    let refused = format!("no generation {id} is charged; list them with `opencredits-admin ledger entries`");
    Refusal { code: RefusalCode::NotFound, refused }
}
