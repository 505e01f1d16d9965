//! The record of changes.

use super::PostgresStore;
use super::cells::Cells;
use super::values::v;
use crate::records::AuditRecord;
use crate::traits::{AuditLog, StoreError};
use async_trait::async_trait;
use opencredits_units::EntryId;

pub(super) const AUDIT: &str = "SELECT id, at, actor, action, subject, detail FROM audit";

#[async_trait]
impl AuditLog for PostgresStore {
    async fn add_audit(&self, record: &AuditRecord) -> Result<(), StoreError> {
        let AuditRecord { id, at, actor, action, subject, detail } = record;
        self.execute(
            "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)",
            &[v(*id), v(*at), v(actor), v(action), v(subject), v(detail)],
        )
        .await?;
        Ok(())
    }

    async fn audits(&self, after: EntryId, max: u32) -> Result<Vec<AuditRecord>, StoreError> {
        self.old(&format!("{AUDIT} WHERE id > $1 ORDER BY id LIMIT $2"), &[v(after), v(max)], read).await
    }
}

pub(super) fn read(cells: &Cells<'_>) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        id: cells.id(0)?,
        at: cells.time(1)?,
        actor: cells.text(2)?,
        action: cells.text(3)?,
        subject: cells.text(4)?,
        detail: cells.text(5)?,
    })
}
