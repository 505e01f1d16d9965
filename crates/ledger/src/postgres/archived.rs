//! What the ledger tells of parts that are archived.

use super::closings::{Closing, all, among};
use super::reads::Reads;
use crate::any::AnyLedger;
use crate::error::{LedgerError, StorageError};
use opencredits_units::{EntryId, UnixMs};

impl Reads {
    /// The parts that are archived now.
    pub(crate) async fn closings(&self) -> Result<Vec<Closing>, LedgerError> {
        let mut records = all(&*self.client().await?).await?;
        records.retain(|record| !record.is_restored);
        let mut closings = Vec::with_capacity(records.len());
        for record in records {
            let sums = self.named(&record.sums).await?;
            let entries = record.entries.cast_unsigned();
            closings.push(Closing { part: record.part, entries, last_at: record.last_at, sums });
        }
        Ok(closings)
    }

    /// Refuses an id whose entry is archived.
    pub(crate) async fn refuse_archived(&self, id: EntryId) -> Result<(), LedgerError> {
        let found = among::<StorageError>(&*self.client().await?, std::iter::once(id)).await?;
        match found.into_values().next() {
            Some(part) => Err(LedgerError::Archived { part }),
            None => Ok(()),
        }
    }
}

impl AnyLedger {
    /// What stays of the parts whose entries are archived, for sums over all entries: [`Self::entries`] lacks these entries. A ledger in
    /// a file has none. `until` is the end of what is summed, by the times of decisions.
    ///
    /// # Errors
    /// [`LedgerError::Archived`] where some of the archived entries are not before `until`: then their sums do not tell. When the
    /// database cannot be read.
    pub async fn closings(&self, until: Option<UnixMs>) -> Result<Vec<Closing>, LedgerError> {
        let Self::Shared(ledger) = self else { return Ok(Vec::new()) };
        let closings = Box::pin(ledger.closings()).await?;
        let beyond = |closing: &&Closing| until.is_some_and(|until| closing.entries > 0 && closing.last_at >= until);
        if let Some(closing) = closings.iter().find(beyond) {
            return Err(LedgerError::Archived { part: closing.part });
        }
        Ok(closings)
    }

    /// Refuses where entries whose ids were made at this time or later are archived: for whoever reads all from then on.
    ///
    /// # Errors
    /// [`LedgerError::Archived`], or when the database cannot be read.
    pub async fn refuse_archived_from(&self, from: UnixMs) -> Result<(), LedgerError> {
        let closings = self.closings(None).await?;
        let reaches = |closing: &&Closing| closing.entries > 0 && closing.part.end().start() > from;
        match closings.iter().find(reaches) {
            Some(closing) => Err(LedgerError::Archived { part: closing.part }),
            None => Ok(()),
        }
    }
}
