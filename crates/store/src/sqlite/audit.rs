//! The record of changes.

use super::rows::{blob, id, number, time};
use super::{SqliteStore, refused};
use crate::records::AuditRecord;
use crate::traits::{AuditLog, StoreError};
use async_trait::async_trait;
use opencredits_units::EntryId;
use rusqlite::{Row, params};

pub(super) const AUDIT: &str = "SELECT id, at, actor, action, subject, detail FROM audit";

#[async_trait]
impl AuditLog for SqliteStore {
    async fn add_audit(&self, record: &AuditRecord) -> Result<(), StoreError> {
        let record = record.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    blob(record.id),
                    number(record.at.get()),
                    record.actor,
                    record.action,
                    record.subject,
                    record.detail,
                ])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn audits(&self, after: EntryId, max: u32) -> Result<Vec<AuditRecord>, StoreError> {
        self.all(format!("{AUDIT} WHERE id > ?1 ORDER BY id LIMIT ?2"), (blob(after), max), read).await
    }
}

pub(super) fn read(row: &Row<'_>) -> Result<AuditRecord, rusqlite::Error> {
    Ok(AuditRecord {
        id: id(row, 0)?,
        at: time(row, 1)?,
        actor: row.get(2)?,
        action: row.get(3)?,
        subject: row.get(4)?,
        detail: row.get(5)?,
    })
}
