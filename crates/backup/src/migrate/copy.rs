//! Writes the rows of the source that the target does not have yet.

use super::error::MigrateError;
use super::pages::PAGE_ROWS;
use opencredits_ledger::RawLedger;
use opencredits_store::{RawStore, RawTable};
use opencredits_units::{Measure, Progress};

/// Copies accounts, then open holds, then entries: about a thousand in each commit.
pub(super) async fn ledger(from: &RawLedger, to: &mut RawLedger, progress: &Progress) -> Result<(), MigrateError> {
    let mut written = to.written().await?;
    progress.begin("copying accounts", Measure::Count, None);
    loop {
        let page = from.accounts(written.accounts, PAGE_ROWS).await?;
        if page.is_empty() {
            break;
        }
        to.put_accounts(&page).await?;
        written.accounts = written.accounts.saturating_add(page.len());
        progress.advance(count(page.len()));
    }
    progress.begin("copying open holds", Measure::Count, None);
    loop {
        let page = from.holds(written.hold, PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        to.put_holds(&page).await?;
        written.hold = last.id();
        progress.advance(count(page.len()));
    }
    progress.begin("copying entries", Measure::Count, Some(from.head().await?.entries));
    progress.advance(to.head().await?.entries);
    loop {
        let page = from.entries(written.entry, PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        to.put_entries(&page).await?;
        written.entry = last.id();
        progress.advance(count(page.len()));
    }
    Ok(())
}

/// Copies tables, parents first.
pub(super) async fn store(
    from: &RawStore,
    to: &RawStore,
    tables: &[&RawTable],
    progress: &Progress,
) -> Result<(), MigrateError> {
    let mut rows = 0_u64;
    for table in tables {
        rows = rows.saturating_add(from.count(table).await?);
    }
    progress.begin("copying the store", Measure::Count, Some(rows));
    for table in tables {
        progress.advance(to.count(table).await?);
        let mut last = to.last(table).await?;
        loop {
            let page = from.rows(table, last.as_ref(), PAGE_ROWS).await?;
            let Some(row) = page.last() else { break };
            to.put(table, &page).await?;
            last = Some(table.key_of(row));
            progress.advance(count(page.len()));
        }
    }
    Ok(())
}

pub(super) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
