//! The balance sheet as of a day, the check of the ledger, and the record of changes.

use super::desk::{Desk, link};
use super::person_tables::changes_table;
use crate::admin::Refusal;
use opencredits_pages::figures::aligned;
use opencredits_pages::views::operator::{Back, Cell, Column, Fact, OperatorPage, Remark, Row, Section, Table, Tone};
use opencredits_service::accounts::{AccountsError, BalanceSheet, SheetLine};
use opencredits_service::day_or_time;
use opencredits_store::OperatorReads as _;
use opencredits_units::{EntryId, NanoUsd};

/// Findings that are shown.
const FINDINGS_MAX: usize = 20;
/// Records of changes on a page.
const PAGE: u32 = 50;

pub(super) async fn page(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let day = desk.asked("day").and_then(day_or_time);
    // A day is whole: the sheet is as of its end.
    let until = day.map(|(begin, length_ms)| begin.saturating_add_ms(length_ms));
    let sheet = desk.accounts().balance_sheet(until).await?;
    let mut remarks = Vec::new();
    let is_sound = desk.state().app.gateway.ledger().is_sound();
    let sound = if is_sound { Cell::toned("sound", Tone::Good) } else { Cell::toned("unsound", Tone::Bad) };
    let verify = link("/operator/ledger", &[("verify", "1")]);
    let day_shown = desk.asked("day").filter(|_| day.is_some());
    let mut facts = vec![
        Fact::of("soundness", sound),
        Fact::of("entries", Cell::many(sheet.entries)),
        Fact::of("as_of", day_shown.map_or(Cell::word("as_of_now"), Cell::text)),
        Fact::of("verify", Cell::go("verify_it", verify)),
    ];
    if desk.asked("verify").is_some() {
        let report = desk.accounts().verify().await?;
        let (state, class) = if report.is_clean() { ("verified", Tone::Good) } else { ("verify_found", Tone::Bad) };
        let detail = report.entries.to_string();
        remarks.push(Remark { state: state.to_owned(), class, detail, href: None });
        for finding in report.findings.iter().take(FINDINGS_MAX) {
            let detail = finding.to_string();
            remarks.push(Remark { state: "finding".to_owned(), class: Tone::Bad, detail, href: None });
        }
        facts.push(Fact::of("accounts", Cell::many(report.accounts)));
        facts.push(Fact::of("holds", Cell::many(report.holds)));
    }
    let mut sections = vec![Section::facts("soundness", facts)];
    sections.extend(sheets(&sheet));
    let day = Some(day_shown.unwrap_or_default().to_owned());
    Ok(OperatorPage { day, remarks, sections, ..OperatorPage::of("ledger") })
}

fn sheets(sheet: &BalanceSheet) -> Vec<Section> {
    let lines = |state: &str, currency: &str, lines: &[SheetLine], difference: NanoUsd| {
        let amounts = lines.iter().map(|line| line.amount).chain([difference]);
        // Their points stand below each other.
        let amounts = aligned(&amounts.map(|amount| amount.to_string()).collect::<Vec<_>>());
        let names = lines.iter().map(|line| (Cell::text(&line.name), Cell::word(line.side)));
        let names = names.chain([(Cell::word("difference"), Cell::Nothing)]);
        let row = |((name, side), amount): ((Cell, Cell), String)| {
            Row::of([name, side, Cell::text(currency), Cell::number(amount)])
        };
        let rows = names.zip(amounts).map(row).collect();
        let columns = [Column::of("account"), Column::of("side"), Column::of("currency"), Column::right("amount")];
        Section::from(Table::of(state, columns).with(rows))
    };
    let mut all = vec![lines("sheet", "USD", &sheet.lines, sheet.difference)];
    for other in &sheet.currencies {
        all.push(lines("sheet_of_currency", &other.currency.to_uppercase(), &other.lines, other.difference));
    }
    all
}

/// The record of changes, the latest first.
pub(super) async fn changes(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let before: Option<EntryId> = desk.parsed("before");
    let from = before.unwrap_or(EntryId::from_bits(u128::MAX));
    let found = desk.store()?.latest_audits(desk.asked("subject"), from, PAGE).await.map_err(AccountsError::from)?;
    let is_full = usize::try_from(PAGE).is_ok_and(|page| found.len() >= page);
    let table = Table {
        more_href: found.last().filter(|_| is_full).map(|last| desk.href("before", last.id)),
        first_href: before.map(|_| "/operator/changes".to_owned()),
        state: "record".to_owned(),
        ..changes_table(&found)
    };
    Ok(OperatorPage {
        back: Some(Back { state: "overview".to_owned(), href: "/operator".to_owned() }),
        sections: vec![table.into()],
        ..OperatorPage::of("changes")
    })
}
