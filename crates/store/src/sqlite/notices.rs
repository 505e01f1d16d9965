//! The marks of notices.

use super::SqliteStore;
use super::mail::insert;
use crate::mail::{NewMail, NoticeKind, NoticeMark, NoticeSubject, Notices};
use crate::traits::StoreError;
use async_trait::async_trait;
use rusqlite::{Connection, params};

#[async_trait]
impl Notices for SqliteStore {
    async fn marks(&self, kind: NoticeKind, first: u128, last: u128) -> Result<Vec<NoticeMark>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT subject, raised FROM notice_marks
                 WHERE kind = ?1 AND subject BETWEEN ?2 AND ?3 ORDER BY subject",
            )?;
            let values = params![kind.name(), first.to_be_bytes(), last.to_be_bytes()];
            let rows = statement.query_map(values, |row| {
                Ok(NoticeMark { bits: u128::from_be_bytes(row.get(0)?), raised: row.get(1)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn arm(&self, subject: NoticeSubject) -> Result<(), StoreError> {
        self.run(move |connection| mark(connection, subject, false).map(|_| ())).await
    }

    async fn raise(&self, subject: NoticeSubject, mail: Option<&NewMail>) -> Result<bool, StoreError> {
        let mail = mail.cloned();
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let is_raised = mark(&transaction, subject, true)?;
            if let Some(mail) = mail.filter(|_| is_raised) {
                insert(&transaction, &mail)?;
            }
            transaction.commit()?;
            Ok(is_raised)
        })
        .await
    }
}

/// Sets a mark; returns whether that changed it.
fn mark(connection: &Connection, subject: NoticeSubject, raised: bool) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO notice_marks (kind, subject, raised) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, subject) DO UPDATE SET raised = excluded.raised WHERE raised <> excluded.raised",
    )?;
    let changed = statement.execute(params![subject.kind.name(), subject.bits.to_be_bytes(), raised])?;
    Ok(changed == 1)
}
