//! Brings archived parts of the entries back.

use super::archive::{Archives, BEGIN, PAGE, closing_of};
use super::archive_error::ArchiveError;
use super::archive_file::{self, Fault, Totals};
use super::closings::{self, Closing};
use super::rows::{ClosingRecord, ENTRY_COLUMNS, EntryRecord, id_bytes, kind_number, leg_bytes};
use crate::error::LedgerError;
use opencredits_units::{Measure, Progress};
use std::path::Path;
use tokio_postgres::types::{ToSql, Type};

const REOPEN: &str = "UPDATE ledger_closings SET restored = true WHERE closing = $1 AND NOT restored";
const FORGET_IDS: &str = "DELETE FROM ledger_closing_ids WHERE closing = $1";

impl Archives {
    /// Brings the entries of an archived part back from its file. The table of before is dropped, where it was kept.
    ///
    /// # Errors
    /// When the file is not the one that was written, or the part is not archived; when file or database cannot be used. Nothing has
    /// changed then, except with [`ArchiveError::Unknown`].
    pub async fn restore(&self, file: &Path, progress: &Progress) -> Result<Closing, ArchiveError> {
        progress.begin("checking the archive, entries", Measure::Count, None);
        let checked = archive_file::check(file, |entries| progress.advance(entries));
        let (part, totals, digest) = checked.map_err(|fault| ArchiveError::of_file(file, fault))?;
        let records = closings::all(&self.client).await?;
        let record = records.into_iter().find(|record| !record.is_restored && record.part == part);
        let record = record.ok_or(ArchiveError::NotArchived { part })?;
        if record.file.as_slice() != digest {
            let what = "it is another file than was written when its entries were archived";
            return Err(ArchiveError::NoArchive { path: file.to_owned(), what });
        }
        progress.begin("bringing entries back", Measure::Count, u64::try_from(totals.entries).ok());
        let restored = self.put_back(&record, file, progress).await;
        if restored.is_err() {
            let _ended = self.client.batch_execute("ROLLBACK").await;
        }
        restored?;
        let names = self.names(totals.sums.keys().copied()).await?;
        Ok(closing_of(part, totals, &names))
    }

    async fn put_back(&self, record: &ClosingRecord, file: &Path, progress: &Progress) -> Result<(), ArchiveError> {
        let (client, part) = (&self.client, record.part);
        let (kept, whole, beside) = (part.kept(), part.table(), part.archived());
        let of_file = |fault: Fault| ArchiveError::of_file(file, fault);
        let mut reader = archive_file::Reader::open(file).map_err(of_file)?;
        client.batch_execute(BEGIN).await?;
        let (mut page, mut totals) = (Vec::with_capacity(PAGE), Totals::default());
        while let Some(entry) = reader.next().map_err(of_file)? {
            totals.add(&entry).ok_or(LedgerError::Amount)?;
            page.push(entry);
            if page.len() == PAGE {
                self.put(&kept, &page).await?;
                progress.advance(u64::try_from(page.len()).unwrap_or_default());
                page.clear();
            }
        }
        self.put(&kept, &page).await?;
        if totals.entries != record.entries || !totals.sums.into_iter().eq(record.sums.iter().copied()) {
            return Err(ArchiveError::NoArchive { path: file.to_owned(), what: "it was changed while it was read" });
        }
        // Whoever has found no entry before looks for an archived one after. Nothing may be brought back between.
        self.keep_out(&kept).await?;
        let closing: [(&(dyn ToSql + Sync), Type); 1] = [(&record.closing, Type::INT8)];
        if client.execute_typed(REOPEN, &closing).await? != 1 {
            return Err(ArchiveError::NotArchived { part });
        }
        client.execute_typed(FORGET_IDS, &closing).await?;
        client.batch_execute(&format!("ALTER TABLE {kept} RENAME TO {whole}; DROP TABLE IF EXISTS {beside}")).await?;
        self.commit(file).await
    }

    /// Writes entries into a table as they were.
    async fn put(&self, table: &str, entries: &[EntryRecord]) -> Result<(), ArchiveError> {
        let sql = format!("INSERT INTO {table} ({ENTRY_COLUMNS}) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)");
        let ids: Vec<Vec<u8>> = entries.iter().map(|entry| id_bytes(entry.id.bits())).collect();
        let commits: Vec<i64> = entries.iter().map(|entry| entry.commit).collect();
        let kinds: Vec<i16> = entries.iter().map(|entry| kind_number(entry.kind)).collect();
        let times: Vec<i64> = entries.iter().map(|entry| entry.at.get().cast_signed()).collect();
        let prints: Vec<i64> = entries.iter().map(|entry| entry.fingerprint.cast_signed()).collect();
        let charged: Vec<i64> = entries.iter().map(|entry| entry.charged.get()).collect();
        let legs: Vec<Vec<u8>> = entries.iter().map(|entry| leg_bytes(&entry.legs)).collect();
        let memos: Vec<&[u8]> = entries.iter().map(|entry| entry.memo.as_slice()).collect();
        let rows: [(&(dyn ToSql + Sync), Type); 8] = [
            (&ids, Type::BYTEA_ARRAY),
            (&commits, Type::INT8_ARRAY),
            (&kinds, Type::INT2_ARRAY),
            (&times, Type::INT8_ARRAY),
            (&prints, Type::INT8_ARRAY),
            (&charged, Type::INT8_ARRAY),
            (&legs, Type::BYTEA_ARRAY),
            (&memos, Type::BYTEA_ARRAY),
        ];
        self.client.execute_typed(&sql, &rows).await?;
        Ok(())
    }
}
