//! People's addresses, and the marks of notices.

use super::mail::insert;
use super::rows::{blob, id, number, time_or_none};
use super::{SqliteStore, refused};
use crate::mail::{
    LimitedKey, NewMail, NoticeKind, NoticeMark, NoticeSubject, Notices, Reachable, UserEmail, UserEmails,
};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{KeyId, NanoUsd, UnixMs, UserId};
use rusqlite::{Connection, OptionalExtension, params};

const REACHABLE: &str = "
    SELECT e.user_id, u.wallet FROM user_emails e JOIN users u ON u.id = e.user_id
    WHERE e.bounced_at IS NULL AND e.user_id > ?1 ORDER BY e.user_id LIMIT ?2";
const LIMITED_KEYS: &str = "
    SELECT k.id, k.user_id, k.name, k.limit_account, k.limit_nano_usd
    FROM user_keys k JOIN user_emails e ON e.user_id = k.user_id
    WHERE k.limit_account IS NOT NULL AND k.limit_nano_usd > 0 AND k.revoked_at IS NULL AND e.bounced_at IS NULL
        AND k.id > ?1
    ORDER BY k.id LIMIT ?2";

#[async_trait]
impl UserEmails for SqliteStore {
    async fn set_email(&self, user: UserId, address: &str) -> Result<(), StoreError> {
        let address = address.to_owned();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO user_emails (user_id, address) VALUES (?1, ?2)
                     ON CONFLICT (user_id) DO UPDATE SET address = excluded.address, bounced_at = NULL",
                )?
                .execute(params![blob(user), address])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn remove_email(&self, user: UserId) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection.prepare_cached("DELETE FROM user_emails WHERE user_id = ?1")?.execute([blob(user)])?;
            Ok(())
        })
        .await
    }

    async fn email_of(&self, user: UserId) -> Result<Option<UserEmail>, StoreError> {
        self.run(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT address, bounced_at FROM user_emails WHERE user_id = ?1")?;
            let read =
                |row: &rusqlite::Row<'_>| Ok(UserEmail { address: row.get(0)?, bounced_at: time_or_none(row, 1)? });
            Ok(statement.query_row([blob(user)], read).optional()?)
        })
        .await
    }

    async fn user_by_email(&self, address: &str) -> Result<Option<UserId>, StoreError> {
        let query = "SELECT user_id FROM user_emails WHERE address = ?1 ORDER BY user_id LIMIT 1".to_owned();
        self.one(query, [address.to_owned()], |row| id(row, 0)).await
    }

    async fn flag_bounced(&self, address: &str, now: UnixMs) -> Result<u64, StoreError> {
        let address = address.to_owned();
        self.run(move |connection| {
            let flagged = connection
                .prepare_cached("UPDATE user_emails SET bounced_at = coalesce(bounced_at, ?2) WHERE address = ?1")?
                .execute(params![address, number(now.get())])?;
            Ok(u64::try_from(flagged).unwrap_or(u64::MAX))
        })
        .await
    }

    async fn reachable(&self, after: UserId, max: u32) -> Result<Vec<Reachable>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(REACHABLE)?;
            let rows = statement
                .query_map(params![blob(after), max], |row| Ok(Reachable { user: id(row, 0)?, wallet: id(row, 1)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn limited_keys(&self, after: KeyId, max: u32) -> Result<Vec<LimitedKey>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(LIMITED_KEYS)?;
            let rows = statement.query_map(params![blob(after), max], |row| {
                let amount = NanoUsd::new(row.get(4)?);
                Ok(LimitedKey { key: id(row, 0)?, user: id(row, 1)?, name: row.get(2)?, account: id(row, 3)?, amount })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

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
