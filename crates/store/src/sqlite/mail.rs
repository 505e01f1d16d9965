//! The outbox of mails.

use super::rows::{blob, count, id, number, time};
use super::{SqliteStore, refused};
use crate::mail::{LeasedMail, MailCounts, MailFailure, MailId, NewMail, Outbox};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;
use rusqlite::{Connection, Row, params};

/// Rows that one call forgets at most, so that others need not wait for it.
const FORGOTTEN_MAX: u32 = 1_000;

const LEASE: &str = "
    UPDATE mail_outbox SET leased_until = ?3, attempts = attempts + 1 WHERE id IN (
        SELECT id FROM mail_outbox
        WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= ?2 AND coalesce(leased_until, 0) <= ?2
        ORDER BY next_attempt_at, id LIMIT ?1
    ) RETURNING id, user_id, parameters, created_at, attempts, leased_until, next_attempt_at";
const COUNTS: &str = "
    SELECT count(*) FILTER (WHERE sent_at IS NULL AND failed_at IS NULL AND coalesce(leased_until, 0) <= ?1),
        count(*) FILTER (WHERE sent_at IS NULL AND failed_at IS NULL AND leased_until > ?1),
        count(sent_at), count(failed_at) FROM mail_outbox";
const FORGET: &str = "
    UPDATE mail_outbox SET user_id = NULL, parameters = '' WHERE id IN (
        SELECT id FROM mail_outbox WHERE user_id IS NOT NULL AND coalesce(sent_at, failed_at) < ?1 LIMIT ?2
    )";
/// The condition under which a lease is still the caller's.
const STILL_LEASED: &str = "id = ?1 AND leased_until = ?2 AND sent_at IS NULL AND failed_at IS NULL";

/// Puts a mail in, unless its kind and cause were ever there.
pub(super) fn insert(connection: &Connection, mail: &NewMail) -> Result<bool, StoreError> {
    let NewMail { id, kind, cause, user, parameters, created_at } = mail;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO mail_outbox (id, kind, cause, user_id, parameters, created_at, next_attempt_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (kind, cause) DO NOTHING",
        )?
        .execute(params![blob(*id), kind, cause, blob(*user), parameters, number(created_at.get())])
        .map_err(refused)?;
    Ok(inserted == 1)
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn enqueue(&self, mail: &NewMail) -> Result<bool, StoreError> {
        let mail = mail.clone();
        self.run(move |connection| insert(connection, &mail)).await
    }

    async fn lease(&self, max: u32, now: UnixMs, until: UnixMs) -> Result<Vec<LeasedMail>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(LEASE)?;
            let values = params![max, number(now.get()), number(until.get())];
            let rows = statement.query_map(values, |row| Ok((time(row, 6)?, read_leased(row)?)))?;
            let mut rows: Vec<(UnixMs, LeasedMail)> = rows.collect::<Result<_, _>>()?;
            // What is returned has no order of its own.
            rows.sort_by_key(|(due, mail)| (*due, mail.id));
            Ok(rows.into_iter().map(|(_, mail)| mail).collect())
        })
        .await
    }

    async fn mark_sent(&self, id: MailId, now: UnixMs) -> Result<(), StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(
                "UPDATE mail_outbox SET sent_at = ?2, failed_at = NULL, failure = NULL, leased_until = NULL
                 WHERE id = ?1 AND sent_at IS NULL",
            )?;
            statement.execute(params![blob(id), number(now.get())])?;
            Ok(())
        })
        .await
    }

    async fn retry(&self, mail: &LeasedMail, at: UnixMs) -> Result<(), StoreError> {
        let (id, lease) = (mail.id, mail.leased_until);
        self.run(move |connection| {
            let update =
                format!("UPDATE mail_outbox SET next_attempt_at = ?3, leased_until = NULL WHERE {STILL_LEASED}");
            let values = params![blob(id), number(lease.get()), number(at.get())];
            connection.prepare_cached(&update)?.execute(values)?;
            Ok(())
        })
        .await
    }

    async fn give_up(&self, mail: &LeasedMail, failure: MailFailure, now: UnixMs) -> Result<(), StoreError> {
        let (id, lease) = (mail.id, mail.leased_until);
        self.run(move |connection| {
            let update = format!(
                "UPDATE mail_outbox SET failed_at = ?3, failure = ?4, leased_until = NULL WHERE {STILL_LEASED}"
            );
            let values = params![blob(id), number(lease.get()), number(now.get()), failure.code()];
            connection.prepare_cached(&update)?.execute(values)?;
            Ok(())
        })
        .await
    }

    async fn counts(&self, now: UnixMs) -> Result<MailCounts, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(COUNTS)?;
            Ok(statement.query_row([number(now.get())], |row| {
                let (waiting, leased) = (count(row, 0)?, count(row, 1)?);
                Ok(MailCounts { waiting, leased, sent: count(row, 2)?, failed: count(row, 3)? })
            })?)
        })
        .await
    }

    async fn forget(&self, before: UnixMs) -> Result<u64, StoreError> {
        self.run(move |connection| {
            let forgotten = connection.prepare_cached(FORGET)?.execute(params![number(before.get()), FORGOTTEN_MAX])?;
            Ok(u64::try_from(forgotten).unwrap_or(u64::MAX))
        })
        .await
    }
}

fn read_leased(row: &Row<'_>) -> Result<LeasedMail, rusqlite::Error> {
    Ok(LeasedMail {
        id: id(row, 0)?,
        user: id(row, 1)?,
        parameters: row.get(2)?,
        created_at: time(row, 3)?,
        attempts: row.get(4)?,
        leased_until: time(row, 5)?,
    })
}
