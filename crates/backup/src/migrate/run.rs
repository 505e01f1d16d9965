//! A move, from its checks to its comparison.

use super::compare::Comparing;
use super::copy;
use super::error::MigrateError;
use super::outcome::{Differences, Migrated};
use super::staged::Staged;
use crate::{LEDGER_FILE, STORE_FILE};
use opencredits_keys::Mode;
use opencredits_ledger::{ChainHead, LedgerError, PostgresSettings, RawLedger};
use opencredits_postgres::{Client, Turn, found_move};
use opencredits_store::{PostgresStore, RawStore, RawTable, SqliteStore};
use opencredits_units::Progress;
use std::path::Path;
use std::time::Duration;

/// A process that was seen within so long may still write.
const SEEN_WITHIN: Duration = Duration::from_secs(60);
/// Findings that an error names.
const FINDINGS_MAX: usize = 5;

/// A move of the data of one mode.
#[derive(Debug, Clone, Copy)]
pub struct Migrating<'a> {
    /// Where from, and where to.
    pub way: Way,
    /// The folder with the mode's files.
    pub folder: &'a Path,
    /// The mode's database.
    pub database: &'a PostgresSettings,
    /// The mode. Data of the other one is refused.
    pub mode: Mode,
    /// Where it tells how far it is.
    pub progress: &'a Progress,
}

/// Where data is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the files to the database.
    ToDatabase,
    /// From the database to files.
    ToFiles,
}

/// Copies everything of one side to the other, and compares both. One that was interrupted goes on where it stopped.
///
/// It reads and writes files on the thread that polls it.
///
/// # Errors
/// When one side is in use, the target has other data, the source does not verify, or either fails. Differences are no error:
/// [`Migrated::is_equal`] tells, and no gateway starts on a target that differs.
pub async fn migrate(order: Migrating<'_>) -> Result<Migrated, MigrateError> {
    match order.way {
        Way::ToDatabase => to_database(order).await,
        Way::ToFiles => to_files(order).await,
    }
}

/// Ledger and store of one side.
struct Side {
    ledger: RawLedger,
    store: RawStore,
}

impl Side {
    /// Makes the files, or goes on with them.
    fn made_in_files(folder: &Path) -> Result<Self, MigrateError> {
        let ledger = RawLedger::file(folder.join(LEDGER_FILE)).map_err(|error| match error {
            LedgerError::Locked { .. } => MigrateError::InUse { path: folder.to_owned() },
            error => error.into(),
        })?;
        Ok(Self { ledger, store: RawStore::file(folder.join(STORE_FILE))? })
    }

    /// The files of a mode, which are there.
    fn in_files(folder: &Path, mode: Mode) -> Result<Self, MigrateError> {
        let store = folder.join(STORE_FILE);
        if !folder.join(LEDGER_FILE).is_file() || !store.is_file() {
            return Err(MigrateError::NoFiles { path: folder.to_owned() });
        }
        let side = Self::made_in_files(folder)?;
        drop(SqliteStore::open(store)?.of_mode(mode)?);
        Ok(side)
    }

    /// Makes the tables, or goes on with them.
    async fn made_in_database(database: &PostgresSettings) -> Result<Self, MigrateError> {
        let ledger = RawLedger::made_in(database).await?;
        Ok(Self { ledger, store: RawStore::database(database).await? })
    }

    /// The tables of a mode, which are there.
    async fn in_database(database: &PostgresSettings, mode: Mode) -> Result<Self, MigrateError> {
        let ledger = RawLedger::database(database).await?.ok_or(MigrateError::NoLedger)?;
        if ledger.is_empty().await? {
            return Err(MigrateError::NoLedger);
        }
        drop(PostgresStore::open(database.clone(), None).await?.of_mode(mode).await?);
        Ok(Self { ledger, store: RawStore::database(database).await? })
    }

    /// Refuses a ledger that other processes may still write.
    async fn refuse_seen(&self) -> Result<(), MigrateError> {
        let names = self.ledger.seen(SEEN_WITHIN).await?;
        if names.is_empty() { Ok(()) } else { Err(MigrateError::Seen { names }) }
    }

    /// Refuses data of something else.
    async fn refuse_data(&self, tables: &[RawTable]) -> Result<(), MigrateError> {
        if !self.ledger.is_empty().await? {
            return Err(MigrateError::HasData { what: "a ledger with accounts".to_owned() });
        }
        for table in tables {
            if self.store.count(table).await? > 0 {
                return Err(MigrateError::HasData { what: format!("rows in the table {}", table.name()) });
            }
        }
        Ok(())
    }

    /// The head of a ledger that verifies.
    async fn sound(&self, progress: &Progress) -> Result<ChainHead, MigrateError> {
        let report = self.ledger.verify(progress).await?;
        if !report.is_clean() {
            let findings = report.findings.iter().take(FINDINGS_MAX).map(ToString::to_string).collect();
            return Err(MigrateError::Unsound { findings });
        }
        Ok(self.ledger.head().await?)
    }
}

async fn to_database(order: Migrating<'_>) -> Result<Migrated, MigrateError> {
    let Migrating { folder, database, mode, progress, .. } = order;
    let source = Side::in_files(folder, mode)?;
    let head = source.sound(progress).await?;
    let client = opencredits_postgres::connect(database).await?;
    let resumed = is_begun(&client, &head.to_string()).await?;
    let mut target = Side::made_in_database(database).await?;
    target.refuse_seen().await?;
    let tables = source.store.tables(&target.store).await?;
    if !resumed {
        target.refuse_data(&tables).await?;
    }
    let Some(turn) = Turn::take(&client, &head.to_string()).await? else {
        // Somebody else has marked it since.
        return Err(MigrateError::HasData { what: "another move".to_owned() });
    };
    target.ledger.write_in(turn).await?;
    target.store.write_in(turn);
    let moved = moved(&source, &mut target, &tables, progress).await?;
    if moved.is_equal() {
        turn.end(&client).await?;
    }
    Ok(Migrated { resumed, ..moved })
}

/// Whether a move of this source was begun before. One of another source, and one that is done, are refused.
async fn is_begun(client: &Client, source_head: &str) -> Result<bool, MigrateError> {
    match found_move(client).await? {
        None => Ok(false),
        Some(found) if found.is_ended => Err(MigrateError::Ended { found: found.source }),
        Some(found) if found.source != source_head => {
            Err(MigrateError::Other { found: found.source, source_head: source_head.to_owned() })
        }
        Some(_) => Ok(true),
    }
}

async fn to_files(order: Migrating<'_>) -> Result<Migrated, MigrateError> {
    let Migrating { folder, database, mode, progress, .. } = order;
    let source = Side::in_database(database, mode).await?;
    source.refuse_seen().await?;
    let head = source.sound(progress).await?;
    let staged = Staged::open(folder, &head.to_string())?;
    let resumed = staged.is_resumed;
    let (staged, mut target) = if staged.is_compared()? {
        // It was interrupted at its very end. What is in place is compared again.
        staged.place()?;
        (None, Side::in_files(folder, mode)?)
    } else {
        let target = Side::made_in_files(staged.path())?;
        (Some(staged), target)
    };
    let tables = source.store.tables(&target.store).await?;
    let moved = moved(&source, &mut target, &tables, progress).await?;
    // The files are closed, and whole, before they are put into their place.
    drop(target);
    source.refuse_seen().await?;
    if source.ledger.head().await? != head {
        return Err(MigrateError::Changed);
    }
    if let Some(staged) = staged.filter(|_| moved.is_equal()) {
        staged.place()?;
    }
    Ok(Migrated { resumed, ..moved })
}

/// Copies what the target lacks, and compares.
async fn moved(
    source: &Side,
    target: &mut Side,
    tables: &[RawTable],
    progress: &Progress,
) -> Result<Migrated, MigrateError> {
    let source_head = source.ledger.head().await?;
    copy::ledger(&source.ledger, &mut target.ledger, progress).await?;
    target.ledger.refresh()?;
    let has_usage = source.ledger.is_covered(&source.store.place().await?).await?;
    let is_moved = |table: &&RawTable| !table.is_checkpoint() && (has_usage || !table.is_read_model());
    let tables: Vec<&RawTable> = tables.iter().filter(is_moved).collect();
    copy::store(&source.store, &target.store, &tables, progress).await?;
    if has_usage {
        target.store.set_place(&target.ledger.checkpoint().await?).await?;
    }
    let mut comparing = Comparing { progress, differences: Differences::default() };
    let counts = comparing.ledgers(&source.ledger, &target.ledger).await?;
    let compared = comparing.stores(&source.store, &target.store, &tables).await?;
    let report = target.ledger.verify(progress).await?;
    let Differences { named, total } = comparing.differences;
    Ok(Migrated {
        resumed: false,
        source_head,
        head: target.ledger.head().await?,
        accounts: counts.accounts,
        holds: counts.holds,
        entries: counts.entries,
        tables: compared,
        has_usage,
        differences: named,
        differences_total: total,
        findings: report.findings.iter().map(ToString::to_string).collect(),
    })
}
