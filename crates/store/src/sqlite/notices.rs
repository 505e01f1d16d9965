//! The marks of notices, and which of them people have switched off.

use super::mail::insert;
use super::rows::{blob, number, time};
use super::{SqliteStore, refused};
use crate::mail::{MailChoices, MutedNotice, NewMail, NoticeKind, NoticeMark, NoticeSubject, Notices};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UserId;
use rusqlite::{Connection, Error, params};

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

#[async_trait]
impl MailChoices for SqliteStore {
    async fn muted_of(&self, user: UserId) -> Result<Vec<MutedNotice>, StoreError> {
        let query = "SELECT kind, since FROM muted_notices WHERE user_id = ?1 ORDER BY kind".to_owned();
        self.all(query, [blob(user)], |row| {
            let kind = NoticeKind::from_name(&row.get::<_, String>(0)?).ok_or(Error::InvalidQuery)?;
            Ok(MutedNotice { kind, since: time(row, 1)? })
        })
        .await
    }

    async fn mute(&self, user: UserId, muted: MutedNotice) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "INSERT INTO muted_notices (user_id, kind, since) VALUES (?1, ?2, ?3)
                    ON CONFLICT (user_id, kind) DO NOTHING",
            )?;
            let values = params![blob(user), muted.kind.name(), number(muted.since.get())];
            Ok(statement.execute(values).map_err(refused)? == 1)
        })
        .await
    }

    async fn unmute(&self, user: UserId, kind: NoticeKind) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let mut statement =
                connection.prepare_cached("DELETE FROM muted_notices WHERE user_id = ?1 AND kind = ?2")?;
            Ok(statement.execute(params![blob(user), kind.name()])? == 1)
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
