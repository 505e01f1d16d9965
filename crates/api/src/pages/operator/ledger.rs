//! The balances of now or of a day, the entries, the check of the ledger, and the record of changes.

use super::desk::{Desk, at, link};
use super::person_tables::changes_table;
use crate::admin::Refusal;
use opencredits_ledger::{EntryKind, EntryRow};
use opencredits_pages::figures::aligned;
use opencredits_pages::views::operator::{Back, Cell, Column, Fact, OperatorPage, Remark, Row, Section, Table, Tone};
use opencredits_service::accounts::{AccountsError, BalanceSheet, EntryFilter, SheetLine};
use opencredits_service::books::{self, Derived};
use opencredits_service::{GenerationRecord, day_or_time};
use opencredits_units::{AccountId, EntryId, GenerationId, NanoUsd, UnixMs};

/// Findings that are shown.
const FINDINGS_MAX: usize = 20;
/// Entries or records of changes on a page.
const PAGE: u32 = 50;

pub(super) async fn page(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let day = desk.asked("day").and_then(day_or_time);
    // A day is whole: the sheet is as of its end, for which the entries are added up.
    let until = day.map(|(begin, length_ms)| begin.saturating_add_ms(length_ms));
    let sheet = match until {
        Some(_) => desk.accounts().balance_sheet(until).await?,
        None => desk.accounts().kept_balances().await?,
    };
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
    sections.push(entries(desk, until).await?.into());
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

/// The entries that were made before a time, the latest first.
async fn entries(desk: &Desk<'_>, until: Option<UnixMs>) -> Result<Table, Refusal> {
    let before: Option<EntryId> = desk.parsed("before");
    let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let page = desk.accounts().latest_entries(EntryFilter::default(), (UnixMs::default(), until), before, most).await?;
    let columns =
        [Column::of("at"), Column::of("entry"), Column::of("what"), Column::of("detail"), Column::of("booked")];
    let day = desk.asked("day").filter(|_| until.is_some());
    let href = |before: Option<EntryId>| {
        let before = before.map(|before| before.to_string());
        let query = [("day", day), ("before", before.as_deref())];
        let query: Vec<_> = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        if query.is_empty() { "/operator/ledger".to_owned() } else { link("/operator/ledger", &query) }
    };
    let table = Table::of("entries", columns).with(page.entries.iter().map(entry).collect());
    Ok(Table { more_href: page.next.map(|next| href(Some(next))), first_href: before.map(|_| href(None)), ..table })
}

/// An entry. That of a request leads to who paid for it.
fn entry(entry: &EntryRow) -> Row {
    let (id, detail) = match entry.kind {
        EntryKind::Transfer => (Cell::code(entry.id), String::from_utf8(entry.memo.clone()).unwrap_or_default()),
        EntryKind::Capture | EntryKind::Void => {
            let id: GenerationId = entry.id.cast();
            let record = GenerationRecord::from_memo(&entry.memo).ok();
            let payer = link("/operator/people", &[("q", &id.to_string())]);
            let id = if record.is_some() { Cell::link(id, payer) } else { Cell::code(entry.id) };
            (id, record.map(|record| record.model.to_string()).unwrap_or_default())
        }
    };
    let kind = match entry.kind {
        EntryKind::Transfer => "transfer",
        EntryKind::Capture => "capture",
        EntryKind::Void => "void",
    };
    let legs = entry.legs.iter().map(|(account, amount)| format!("{}\u{a0}{amount}", account_name(*account)));
    Row::of([at(entry.at), id, Cell::word(kind), Cell::text(detail), Cell::text(legs.collect::<Vec<_>>().join(", "))])
}

fn account_name(account: AccountId) -> String {
    let derived = || {
        Some(match Derived::of(account)? {
            Derived::Debt => "debt",
            Derived::Frozen => "frozen",
            Derived::Refundable => "refundable",
        })
    };
    let name = books::name(account).or_else(|| derived().map(str::to_owned));
    name.unwrap_or_else(|| account.to_string())
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
