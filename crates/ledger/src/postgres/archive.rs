//! Archives parts of the entries, while others go on.
//!
//! What takes long is done first: reading the part, writing the file, listing the ids, copying what stays. Then all writers are kept out
//! for some milliseconds, in which is looked whether anything has changed since, and one table is put into the place of the other. A
//! reader that stays long, such as a verification, is waited for in short attempts, since writers wait behind such a wait.

use super::archive_error::ArchiveError;
use super::archive_file::{self, Totals, Writer};
use super::closings::{self, Closing};
use super::connection::connect;
use super::month::EntriesPart;
use super::months::{self, Table};
use super::rows::{ClosingRecord, CommitDigest, ENTRY_COLUMNS, EntryRecord, id_bytes};
use super::schema;
use super::verify;
use crate::chain::ChainHead;
use crate::codec::Number;
use crate::error::{LedgerError, StorageError};
use crate::report::VerifyReport;
use opencredits_postgres::Settings;
use opencredits_units::{AccountId, EntryId, Measure, NanoUsd, Progress};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

/// Entries that are read or written at once.
pub(crate) const PAGE: usize = 1_000;
/// Accounts whose sums are written at once.
const SUMS: usize = 10_000;
/// Attempts to keep all others out, how long each may take, and the pauses between.
const TRIES: usize = 60;
const PATIENCE: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_secs(1);

/// A process that is paused in the middle keeps its locks for a minute at most.
pub(crate) const BEGIN: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 60000; SET LOCAL jit = off";
const CLOSE: &str = "INSERT INTO ledger_closings (commit, part, entries, last_commit, last_at, ids, file, restored)
    VALUES (0, $1, $2, $3, $4, '', $5, false) RETURNING closing";
const PUT_SUMS: &str = "INSERT INTO ledger_closing_sums (closing, number, amount)
    SELECT $1, number, amount FROM unnest($2, $3) AS got(number, amount)";
/// The commit that vouches for a closing; it has no entries. Its hash is [`super::rows::commit_hash`].
const COMMIT: &str = "WITH head AS (
        UPDATE ledger_head SET commit = commit + 1, hash = sha256(hash || int8send(commit + 1) || int8send(entries) || $1)
        RETURNING commit, entries, hash
    ), made AS (
        INSERT INTO ledger_commits (commit, entries, digest, hash, writer) SELECT commit, entries, $1, hash, 0 FROM head
    )
    UPDATE ledger_closings SET commit = head.commit, ids = $2 FROM head WHERE closing = $3";
const LAST_COMMIT: &str = "SELECT commit FROM ledger_head";

/// A part of the entries as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRow {
    /// The part; `None` for the entries that are of no part.
    pub part: Option<EntriesPart>,
    /// About how many entries are in the database, as the database counted them last.
    pub entries: u64,
    /// The bytes of its table with its indices.
    pub bytes: u64,
    /// The number of archived entries, where it is archived.
    pub archived: Option<u64>,
    /// The SHA-256 of the file, where it is archived: of all but its last line, which says it.
    pub sha256: Option<String>,
    /// The bytes of the table of before, where it is archived and that table was not dropped.
    pub beside_bytes: Option<u64>,
}

/// The parts of the entries of a ledger in a database, of which old ones can be archived while other processes use it.
///
/// Files are read and written on the thread that polls.
pub struct Archives {
    pub(crate) client: Client,
}

impl Archives {
    /// Connects to a ledger. Its tables are brought up to date.
    ///
    /// # Errors
    /// [`ArchiveError::NoLedger`], or when the database cannot be reached.
    pub async fn open(settings: &Settings) -> Result<Self, ArchiveError> {
        let client = connect(settings).await?.client;
        if !schema::is_there(&client).await? {
            return Err(ArchiveError::NoLedger);
        }
        schema::prepare(&client).await?;
        Ok(Self { client })
    }

    /// The parts, the oldest first, and then the entries of none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn parts(&self) -> Result<Vec<PartRow>, ArchiveError> {
        let mut archived = closings::all(&self.client).await?;
        archived.retain(|record| !record.is_restored);
        let mut names: Vec<(Option<EntriesPart>, String)> =
            months::tables(&self.client).await?.into_iter().map(|table| (Some(table.part), table.name())).collect();
        names.push((None, "ledger_entries_default".to_owned()));
        let mut rows = Vec::with_capacity(names.len());
        for (part, name) in names {
            let record = part.and_then(|part| archived.iter().find(|record| record.part == part));
            let (entries, bytes) = self.size(&name).await?.unwrap_or_default();
            let beside = match part {
                Some(part) => self.size(&part.archived()).await?,
                None => None,
            };
            rows.push(PartRow {
                part,
                entries,
                bytes,
                archived: record.map(|record| record.entries.cast_unsigned()),
                sha256: record.map(|record| in_hex(&record.file)),
                beside_bytes: beside.map(|(_, bytes)| bytes),
            });
        }
        Ok(rows)
    }

    /// The estimated rows and the bytes of a table, where it is there.
    async fn size(&self, table: &str) -> Result<Option<(u64, u64)>, ArchiveError> {
        let sql = "SELECT greatest(reltuples, 0)::bigint, pg_total_relation_size(oid) FROM pg_class WHERE oid = to_regclass($1)";
        let Some(row) = self.client.query_typed_opt(sql, &[(&table, Type::TEXT)]).await? else { return Ok(None) };
        let (rows, bytes): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Some((rows.cast_unsigned(), bytes.cast_unsigned())))
    }

    /// Recomputes everything, as [`crate::SharedLedger::verify`] does, with the files of archived parts.
    ///
    /// # Errors
    /// When the database or a file cannot be read. A changed file is a finding.
    pub async fn verify(
        &self,
        head: Option<ChainHead>,
        files: &[PathBuf],
        progress: &Progress,
    ) -> Result<VerifyReport, ArchiveError> {
        Ok(verify::verify_with(&self.client, head, files, progress).await?)
    }

    /// Archives the ends of holds of a part into a new file; its transfers stay. The table of before is kept beside the ledger, unless
    /// it is `dropped`.
    ///
    /// # Errors
    /// When the part is too young, is not the oldest that is not archived, or has open holds; when file or database cannot be used. The
    /// file is removed then, except with [`ArchiveError::Unknown`].
    pub async fn archive(
        &self,
        part: EntriesPart,
        file: &Path,
        dropped: bool,
        progress: &Progress,
    ) -> Result<Closing, ArchiveError> {
        let table = self.ready(part).await?;
        let until = self.number(LAST_COMMIT).await?;
        let writer = Writer::create(file, part).map_err(|error| ArchiveError::of_file(file, error.into()))?;
        let archived = self.write_and_close((table, until), (writer, file), dropped, progress).await;
        if let Err(error) = &archived {
            let _ended = self.client.batch_execute("ROLLBACK").await;
            if !matches!(error, ArchiveError::Unknown { .. }) {
                let _removed = std::fs::remove_file(file);
            }
        }
        archived
    }

    /// The table of a part that may be archived.
    async fn ready(&self, part: EntriesPart) -> Result<Table, ArchiveError> {
        let client = &self.client;
        if part.end() > months::present(client).await?.previous() {
            return Err(ArchiveError::TooYoung { part });
        }
        let tables = months::tables(client).await?;
        let table = match (tables.iter().find(|table| table.part == part), part) {
            (Some(table), _) if table.is_kept => return Err(ArchiveError::Again { part }),
            (Some(table), _) => *table,
            (None, EntriesPart::Before(_)) => return Err(ArchiveError::NoPart { part }),
            (None, EntriesPart::Of(month)) => {
                if let Some(whole) = months::part_of(&tables, month) {
                    return Err(ArchiveError::Within { part, whole: whole.part });
                }
                months::make(client, month, PATIENCE).await?;
                Table { part, is_kept: false }
            }
        };
        for older in tables.iter().filter(|older| older.part.end() < part.end() && !older.is_kept) {
            let sql = format!("SELECT count(*) FROM (SELECT FROM {} WHERE kind <> 0 LIMIT 1) AS one", older.name());
            if self.number(&sql).await? > 0 {
                return Err(ArchiveError::OlderFirst { part, older: older.part });
            }
        }
        self.refuse_holds(part).await?;
        Ok(table)
    }

    async fn refuse_holds(&self, part: EntriesPart) -> Result<(), ArchiveError> {
        let sql = format!("SELECT count(*) FROM ledger_holds WHERE {}", part.condition());
        match self.number(&sql).await? {
            0 => Ok(()),
            holds => Err(ArchiveError::OpenHolds { part, holds: holds.cast_unsigned() }),
        }
    }

    /// The number that a query gives.
    async fn number(&self, sql: &str) -> Result<i64, ArchiveError> {
        Ok(self.client.query_typed_one(sql, &[]).await?.try_get(0)?)
    }

    async fn write_and_close(
        &self,
        (table, until): (Table, i64),
        (mut writer, file): (Writer, &Path),
        dropped: bool,
        progress: &Progress,
    ) -> Result<Closing, ArchiveError> {
        let of_file = |error: std::io::Error| ArchiveError::of_file(file, error.into());
        let rows = self.size(&table.name()).await?.map(|(rows, _)| rows).filter(|rows| *rows > 0);
        progress.begin("writing the archive, entries", Measure::Count, rows);
        let (mut totals, mut after) = (Totals::default(), (0, EntryId::default()));
        loop {
            let page = self.page(&table.name(), after, until).await?;
            for entry in &page {
                totals.add(entry).ok_or(LedgerError::Amount)?;
                writer.entry(entry).map_err(of_file)?;
            }
            progress.advance(u64::try_from(page.len()).unwrap_or_default());
            after = page.last().map_or(after, |last| (last.commit, last.id));
            if page.len() < PAGE {
                break;
            }
        }
        let names = self.names(totals.sums.keys().copied()).await?;
        let digest = writer.finish(file, &totals, &names).map_err(of_file)?;
        progress.begin("listing the ids and copying what stays", Measure::Count, None);
        self.close(table, until, (&totals, digest), dropped).await?;
        self.commit(file).await?;
        Ok(closing_of(table.part, totals, &names))
    }

    /// The next ends of holds of a table, up to a commit.
    async fn page(
        &self,
        table: &str,
        (commit, id): (i64, EntryId),
        until: i64,
    ) -> Result<Vec<EntryRecord>, ArchiveError> {
        let sql = format!(
            "SELECT {ENTRY_COLUMNS} FROM {table} WHERE kind <> 0 AND (commit, id) > ($1, $2) AND commit <= $3
             ORDER BY commit, id LIMIT {PAGE}"
        );
        let id = id_bytes(id.bits());
        let which: [(&(dyn ToSql + Sync), Type); 3] = [(&commit, Type::INT8), (&id, Type::BYTEA), (&until, Type::INT8)];
        let rows = self.client.query_typed(&sql, &which).await?;
        Ok(rows.iter().map(EntryRecord::read).collect::<Result<_, StorageError>>()?)
    }

    /// The ids of accounts.
    pub(crate) async fn names(
        &self,
        numbers: impl Iterator<Item = Number>,
    ) -> Result<BTreeMap<Number, AccountId>, ArchiveError> {
        let numbers: Vec<i32> = numbers.map(u32::cast_signed).collect();
        let sql = "SELECT number, id FROM ledger_accounts WHERE number = ANY($1)";
        let mut names = BTreeMap::new();
        for row in &self.client.query_typed(sql, &[(&numbers, Type::INT4_ARRAY)]).await? {
            let (number, id): (i32, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
            let damaged = || StorageError::Damaged { table: "ledger_accounts" };
            let id = AccountId::from_bits(u128::from_be_bytes(id.try_into().map_err(|_| damaged())?));
            names.insert(number.cast_unsigned(), id);
        }
        Ok(names)
    }

    /// Writes the closing, and puts what stays into the place of the part. The transaction is open afterwards.
    async fn close(
        &self,
        table: Table,
        until: i64,
        (totals, digest): (&Totals, [u8; 32]),
        dropped: bool,
    ) -> Result<(), ArchiveError> {
        let (client, part) = (&self.client, table.part);
        client.batch_execute(BEGIN).await?;
        let mut record = self.begin_closing(part, totals, digest).await?;
        let (name, kept, condition) = (table.name(), part.kept(), part.condition());
        let closing = record.closing;
        let stays = format!(
            "INSERT INTO ledger_closing_ids (low, closing, ids) SELECT substr(ids, 1, 16), {closing}, ids FROM (
                SELECT string_agg(id, ''::bytea ORDER BY id) AS ids FROM (
                    SELECT id, (row_number() OVER (ORDER BY id) - 1) / 100 AS list
                    FROM {name} WHERE kind <> 0 AND commit <= {until}
                ) AS numbered GROUP BY list
             ) AS lists;
             CREATE TABLE {kept} (LIKE ledger_entries INCLUDING ALL, CONSTRAINT {kept}_range CHECK ({condition}));
             INSERT INTO {kept} SELECT * FROM {name} WHERE kind = 0 AND commit <= {until}"
        );
        client.batch_execute(&stays).await?;
        let (listed, ids) = closings::ids(client, closing).await?;
        if listed != totals.entries {
            return Err(ArchiveError::Changed { part });
        }
        record.ids = ids;
        let mut digest = CommitDigest::default();
        digest.closing(&record);
        let digest = digest.finish();
        self.keep_out(&name).await?;
        self.refuse_holds(part).await?;
        let late = format!("SELECT count(*) FROM {name} WHERE kind <> 0 AND commit > {until}");
        if self.number(&late).await? > 0 {
            return Err(ArchiveError::Changed { part });
        }
        let (beside, bounds) = (part.archived(), part.bounds());
        let end = if dropped { format!("DROP TABLE {name}") } else { format!("ALTER TABLE {name} RENAME TO {beside}") };
        let swap = format!(
            "ALTER TABLE ledger_entries DETACH PARTITION {name};
             INSERT INTO {kept} SELECT * FROM {name} WHERE kind = 0 AND commit > {until};
             DROP TABLE IF EXISTS {beside};
             {end};
             ALTER TABLE ledger_entries ATTACH PARTITION {kept} FOR VALUES {bounds}"
        );
        client.batch_execute(&swap).await?;
        let digest = digest.as_slice();
        let made: [(&(dyn ToSql + Sync), Type); 3] =
            [(&digest, Type::BYTEA), (&record.ids, Type::BYTEA), (&closing, Type::INT8)];
        client.execute_typed(COMMIT, &made).await?;
        Ok(())
    }

    /// Writes the row of a closing, and its sums.
    async fn begin_closing(
        &self,
        part: EntriesPart,
        totals: &Totals,
        digest: [u8; 32],
    ) -> Result<ClosingRecord, ArchiveError> {
        let Totals { entries, last_commit, last_at, sums } = totals;
        let (text, at, file) = (part.to_string(), last_at.get().cast_signed(), digest.to_vec());
        let row: [(&(dyn ToSql + Sync), Type); 5] = [
            (&text, Type::TEXT),
            (entries, Type::INT8),
            (last_commit, Type::INT8),
            (&at, Type::INT8),
            (&file, Type::BYTEA),
        ];
        let made = self.client.query_typed_one(CLOSE, &row).await.map_err(|error| {
            // Somebody else archives it now, and is faster.
            let is_again = error.code() == Some(&SqlState::UNIQUE_VIOLATION);
            if is_again { ArchiveError::Again { part } } else { error.into() }
        })?;
        let closing: i64 = made.try_get(0)?;
        let sums: Vec<(Number, NanoUsd)> = sums.iter().map(|(number, sum)| (*number, *sum)).collect();
        for some in sums.chunks(SUMS) {
            let (numbers, amounts): (Vec<i32>, Vec<i64>) =
                some.iter().map(|(number, sum)| (number.cast_signed(), sum.get())).unzip();
            let rows: [(&(dyn ToSql + Sync), Type); 3] =
                [(&closing, Type::INT8), (&numbers, Type::INT4_ARRAY), (&amounts, Type::INT8_ARRAY)];
            self.client.execute_typed(PUT_SUMS, &rows).await?;
        }
        Ok(ClosingRecord {
            closing,
            commit: 0,
            part,
            entries: *entries,
            last_commit: *last_commit,
            last_at: *last_at,
            ids: Vec::new(),
            file,
            is_restored: false,
            sums,
        })
    }

    /// Commits what was made of a file.
    pub(crate) async fn commit(&self, file: &Path) -> Result<(), ArchiveError> {
        // Not even an answer tells that it was not done: it may be that of a pool which has lost the database meanwhile.
        self.client.batch_execute("COMMIT").await.map_err(|_| ArchiveError::Unknown { path: file.to_owned() })
    }

    /// Keeps all others out of the entries, from here to the end of the transaction. The tables of other months are
    /// left out, since one of them may be in vacuum for long.
    pub(crate) async fn keep_out(&self, table: &str) -> Result<(), ArchiveError> {
        let lock = format!(
            "SAVEPOINT waits; SET LOCAL lock_timeout = {};
             LOCK TABLE ONLY ledger_entries, {table}, ledger_entries_default IN ACCESS EXCLUSIVE MODE",
            PATIENCE.as_millis()
        );
        for _ in 0..TRIES {
            match self.client.batch_execute(&lock).await {
                Ok(()) => return Ok(()),
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                    self.client.batch_execute("ROLLBACK TO SAVEPOINT waits").await?;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ArchiveError::Busy)
    }
}

/// What stays, with the ids of accounts.
pub(crate) fn closing_of(part: EntriesPart, totals: Totals, names: &BTreeMap<Number, AccountId>) -> Closing {
    let Totals { entries, last_at, sums, .. } = totals;
    let name = |number: Number| names.get(&number).copied().unwrap_or_default();
    let sums = sums.into_iter().map(|(number, sum)| (name(number), sum)).collect();
    Closing { part, entries: entries.cast_unsigned(), last_at, sums }
}

fn in_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    archive_file::put_hex(&mut text, bytes);
    text
}
