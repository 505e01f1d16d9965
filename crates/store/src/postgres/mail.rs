//! The outbox of mails.

use super::PostgresStore;
use super::cells::Cells;
use super::values::{Value, v};
use crate::mail::{LeasedMail, MailCounts, MailFailure, MailId, NewMail, Outbox};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;

/// Rows that one call forgets at most, so that others need not wait for it.
const FORGOTTEN_MAX: u32 = 1_000;

pub(super) const ADD: &str = "
    INSERT INTO mail_outbox (id, kind, cause, user_id, parameters, created_at, next_attempt_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (kind, cause) DO NOTHING";
/// Mails that another worker takes at the same time are passed over, and not waited for.
const LEASE: &str = "
    UPDATE mail_outbox SET leased_until = $3, attempts = attempts + 1 WHERE id = ANY(ARRAY(
        SELECT id FROM mail_outbox
        WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= $2 AND coalesce(leased_until, 0) <= $2
        ORDER BY next_attempt_at, id LIMIT $1 FOR UPDATE SKIP LOCKED
    )) AND sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= $2 AND coalesce(leased_until, 0) <= $2
    RETURNING id, user_id, parameters, created_at, attempts, leased_until, next_attempt_at";
const COUNTS: &str = "
    SELECT count(*) FILTER (WHERE sent_at IS NULL AND failed_at IS NULL AND coalesce(leased_until, 0) <= $1),
        count(*) FILTER (WHERE sent_at IS NULL AND failed_at IS NULL AND leased_until > $1),
        count(sent_at), count(failed_at) FROM mail_outbox";
const FORGET: &str = "
    UPDATE mail_outbox SET user_id = NULL, parameters = '' WHERE id IN (
        SELECT id FROM mail_outbox WHERE user_id IS NOT NULL AND coalesce(sent_at, failed_at) < $1 LIMIT $2
    ) AND coalesce(sent_at, failed_at) < $1";
/// The condition under which a lease is still the caller's.
const STILL_LEASED: &str = "id = $1 AND leased_until = $2 AND sent_at IS NULL AND failed_at IS NULL";

pub(super) fn columns(mail: &NewMail) -> [Value; 6] {
    let NewMail { id, kind, cause, user, parameters, created_at } = mail;
    [v(*id), v(kind), v(cause), v(*user), v(parameters), v(*created_at)]
}

#[async_trait]
impl Outbox for PostgresStore {
    async fn enqueue(&self, mail: &NewMail) -> Result<bool, StoreError> {
        Ok(self.execute(ADD, &columns(mail)).await? == 1)
    }

    async fn lease(&self, max: u32, now: UnixMs, until: UnixMs) -> Result<Vec<LeasedMail>, StoreError> {
        let values = &[v(max), v(now), v(until)];
        let leased = self.transaction(|transaction| async move {
            transaction.all(LEASE, values, |cells| Ok((cells.time(6)?, read_leased(cells)?))).await
        });
        let mut rows: Vec<(UnixMs, LeasedMail)> = leased.await?;
        // What is returned has no order of its own.
        rows.sort_by_key(|(due, mail)| (*due, mail.id));
        Ok(rows.into_iter().map(|(_, mail)| mail).collect())
    }

    async fn mark_sent(&self, id: MailId, now: UnixMs) -> Result<(), StoreError> {
        self.execute(
            "UPDATE mail_outbox SET sent_at = $2, failed_at = NULL, failure = NULL, leased_until = NULL
             WHERE id = $1 AND sent_at IS NULL",
            &[v(id), v(now)],
        )
        .await?;
        Ok(())
    }

    async fn retry(&self, mail: &LeasedMail, at: UnixMs) -> Result<(), StoreError> {
        let sql = format!("UPDATE mail_outbox SET next_attempt_at = $3, leased_until = NULL WHERE {STILL_LEASED}");
        self.execute(&sql, &[v(mail.id), v(mail.leased_until), v(at)]).await?;
        Ok(())
    }

    async fn give_up(&self, mail: &LeasedMail, failure: MailFailure, now: UnixMs) -> Result<(), StoreError> {
        let sql =
            format!("UPDATE mail_outbox SET failed_at = $3, failure = $4, leased_until = NULL WHERE {STILL_LEASED}");
        self.execute(&sql, &[v(mail.id), v(mail.leased_until), v(now), v(failure.code())]).await?;
        Ok(())
    }

    async fn counts(&self, now: UnixMs) -> Result<MailCounts, StoreError> {
        let now = [v(now)];
        let counts = self.one(COUNTS, &now, |cells| {
            let (waiting, leased) = (cells.count(0)?, cells.count(1)?);
            Ok(MailCounts { waiting, leased, sent: cells.count(2)?, failed: cells.count(3)? })
        });
        Ok(counts.await?.unwrap_or_default())
    }

    async fn forget(&self, before: UnixMs) -> Result<u64, StoreError> {
        self.execute(FORGET, &[v(before), v(FORGOTTEN_MAX)]).await
    }
}

fn read_leased(cells: &Cells<'_>) -> Result<LeasedMail, StoreError> {
    Ok(LeasedMail {
        id: cells.id(0)?,
        user: cells.id(1)?,
        parameters: cells.text(2)?,
        created_at: cells.time(3)?,
        attempts: cells.count(4)?,
        leased_until: cells.time(5)?,
    })
}
