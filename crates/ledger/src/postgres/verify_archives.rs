//! The part of a verification that is about archived entries.
//!
//! They are counted by what stays of them. Where a file is given and is the one that was written, its entries take part as if they were
//! still in the database.

use super::archive_file::{self, Fault, Reader};
use super::archives::Archives;
use super::closings;
use super::rows::{ClosingRecord, EntryRecord, HOLD_COLUMNS, HoldRecord};
use super::verify::Verifying;
use crate::error::StorageError;
use crate::report::Finding;
use opencredits_units::{Measure, Progress};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

impl Verifying<'_> {
    /// Shows what stays of archived entries, and opens the files.
    pub(crate) async fn closings(&mut self, files: &[PathBuf], progress: &Progress) -> Result<(), StorageError> {
        let records = closings::all(self.client).await?;
        let mut shown = BTreeSet::new();
        for path in files {
            shown.extend(self.file(path, &records, progress)?);
        }
        progress.begin("recomputing the ledger, entries", Measure::Count, None);
        for record in records.iter().filter(|record| !record.is_restored) {
            if closings::ids(self.client, record.closing).await? != (record.entries, record.ids.clone()) {
                self.changed(record.part.to_string(), "the list of its ids is another one");
            }
            if !shown.contains(&record.closing) {
                self.closing(record);
            }
        }
        if !records.is_empty() {
            self.open_and_archived().await?;
        }
        for record in records {
            self.archives.closings.entry(record.commit).or_default().push(record);
        }
        Ok(())
    }

    /// Opens a file, and tells the closing whose entries it has. The same file is taken once.
    fn file(
        &mut self,
        path: &Path,
        records: &[ClosingRecord],
        progress: &Progress,
    ) -> Result<Option<i64>, StorageError> {
        progress.begin("reading an archive, entries", Measure::Count, None);
        let name = path.display().to_string();
        let (part, totals, digest) = match archive_file::check(path, |entries| progress.advance(entries)) {
            Ok(checked) => checked,
            Err(Fault::File(error)) => return Err(error.into()),
            Err(Fault::Damaged(what)) => {
                self.changed(name, what);
                return Ok(None);
            }
        };
        let of_part = |record: &&ClosingRecord| !record.is_restored && record.part == part;
        let Some(record) = records.iter().find(of_part) else {
            self.changed(name, "its entries are not archived now");
            return Ok(None);
        };
        if record.file.as_slice() != digest {
            self.changed(name, "it is another file than was written when they were archived");
            return Ok(None);
        }
        if totals.entries != record.entries || !totals.sums.into_iter().eq(record.sums.iter().copied()) {
            self.changed(name, "its sums are not those in the ledger");
        }
        if self.archives.files.iter().any(|(reader, _)| reader.part == part) {
            return Ok(Some(record.closing));
        }
        let mut reader = Reader::open(path)?;
        let next = reader.next()?;
        self.archives.files.push((reader, next));
        Ok(Some(record.closing))
    }

    /// Shows what stays of entries that are in no file.
    fn closing(&mut self, record: &ClosingRecord) {
        let mut sum = 0_i128;
        for (number, amount) in &record.sums {
            sum = sum.saturating_add(i128::from(amount.get()));
            if !self.check.closed(*number, *amount) {
                self.changed(record.part.to_string(), "it names an account that does not exist");
            }
        }
        if sum != 0 {
            self.changed(record.part.to_string(), "its sums are not balanced");
        }
        let entries = u64::try_from(record.entries).unwrap_or_default();
        self.archives.stated = self.archives.stated.saturating_add(entries);
        self.archives.last_commit = self.archives.last_commit.max(record.last_commit);
    }

    /// Finds open holds whose entries are archived.
    async fn open_and_archived(&mut self) -> Result<(), StorageError> {
        let sql = format!("SELECT {HOLD_COLUMNS} FROM ledger_holds ORDER BY id");
        let holds = self.rows(&sql, &[], HoldRecord::read).await?;
        for id in closings::among::<StorageError>(self.client, holds.iter().map(|hold| hold.id)).await?.into_keys() {
            self.check.find(Finding::OpenAndFinished(id));
        }
        Ok(())
    }

    /// The entries of a commit that are in files.
    pub(crate) fn in_files(&mut self, commit: i64) -> Result<Vec<EntryRecord>, StorageError> {
        let mut found = Vec::new();
        let mut strays = Vec::new();
        for (reader, next) in &mut self.archives.files {
            while let Some(entry) = next.take_if(|entry| entry.commit <= commit) {
                let list = if entry.commit == commit { &mut found } else { &mut strays };
                list.push(entry);
                *next = reader.next()?;
            }
        }
        for entry in strays {
            // The chain lacks the commit.
            let commit = entry.commit.cast_unsigned();
            self.check.find(Finding::NotOfCommit { row: entry.id.to_string(), commit });
        }
        Ok(found)
    }

    /// Finds what no commit has shown.
    pub(crate) fn conclude_archives(&mut self) -> Result<(), StorageError> {
        let _of_no_commit = self.in_files(i64::MAX)?;
        let left = std::mem::take(&mut self.archives.closings);
        for record in left.into_values().flatten() {
            let (row, commit) = (format!("the closing of {}", record.part), record.commit.cast_unsigned());
            self.check.find(Finding::NotOfCommit { row, commit });
        }
        let Archives { stated, missing, .. } = self.archives;
        if stated != missing {
            self.check.find(Finding::WrongArchived { stated, missing });
        }
        Ok(())
    }

    fn changed(&mut self, part: String, what: &'static str) {
        self.check.find(Finding::ChangedArchive { part, what });
    }
}
