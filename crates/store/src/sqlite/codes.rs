//! Mailed codes and links, attempts, and the end of all records of signing in.

use super::rows::{blob, id_or_none, number, time};
use super::{SqliteStore, refused};
use crate::identity::{
    AttemptBuckets, BucketChange, CodeChallenge, CodeChallenges, IdentityDeleted, IdentityEnds, IdentityRetention,
    MailedLinks,
};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::UnixMs;
use rusqlite::{Connection, Error, OptionalExtension, Params, Row, TransactionBehavior, params};

/// Rows that one statement deletes at most, so that others need not wait for it.
const DELETED_MAX: u32 = 1_000;

const COLUMNS: &str = "id, purpose, digest, sealed_address, user_id, created_at, expires_at, attempts_left, is_used";
/// The attempt is taken in the statement that reads the row, so that no two requests take the same one.
const TAKE: &str = "
    UPDATE code_challenges SET attempts_left = attempts_left - 1
    WHERE id = ?1 AND attempts_left > 0 AND is_used = 0 AND expires_at > ?2";

#[async_trait]
impl CodeChallenges for SqliteStore {
    async fn add_challenge(&self, challenge: &CodeChallenge) -> Result<(), StoreError> {
        let new = challenge.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(&format!(
                    "INSERT INTO code_challenges ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                ))?
                .execute(params![
                    new.id.to_be_bytes(),
                    new.purpose,
                    new.digest.as_bytes(),
                    new.sealed_address,
                    new.user.map(blob),
                    number(new.created_at.get()),
                    number(new.expires_at.get()),
                    new.attempts_left,
                    new.is_used,
                ])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn challenge(&self, id: u128) -> Result<Option<CodeChallenge>, StoreError> {
        self.one(format!("SELECT {COLUMNS} FROM code_challenges WHERE id = ?1"), [id.to_be_bytes()], read).await
    }

    async fn take_attempt(&self, id: u128, now: UnixMs) -> Result<Option<CodeChallenge>, StoreError> {
        let taken =
            self.one(format!("{TAKE} RETURNING {COLUMNS}"), (id.to_be_bytes(), number(now.get())), read).await?;
        Ok(taken.map(|after| CodeChallenge { attempts_left: after.attempts_left.saturating_add(1), ..after }))
    }

    async fn return_attempt(&self, id: u128) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection
                .prepare_cached("UPDATE code_challenges SET attempts_left = attempts_left + 1 WHERE id = ?1")?
                .execute([id.to_be_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn spend_challenge(&self, id: u128) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let spent = connection
                .prepare_cached("UPDATE code_challenges SET is_used = 1 WHERE id = ?1 AND is_used = 0")?
                .execute([id.to_be_bytes()])?;
            Ok(spent == 1)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<CodeChallenge, Error> {
    Ok(CodeChallenge {
        id: u128::from_be_bytes(row.get(0)?),
        purpose: row.get(1)?,
        digest: KeyDigest::from_bytes(row.get(2)?),
        sealed_address: row.get(3)?,
        user: id_or_none(row, 4)?,
        created_at: time(row, 5)?,
        expires_at: time(row, 6)?,
        attempts_left: row.get(7)?,
        is_used: row.get(8)?,
    })
}

#[async_trait]
impl MailedLinks for SqliteStore {
    async fn add_mailed_link(&self, id: u128, sealed: &[u8], expires_at: UnixMs) -> Result<(), StoreError> {
        let sealed = sealed.to_vec();
        self.run(move |connection| {
            connection
                .prepare_cached("INSERT INTO mailed_links (id, sealed_address, expires_at) VALUES (?1, ?2, ?3)")?
                .execute(params![id.to_be_bytes(), sealed, number(expires_at.get())])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn mailed_link(&self, id: u128) -> Result<Option<Vec<u8>>, StoreError> {
        let query = "SELECT sealed_address FROM mailed_links WHERE id = ?1".to_owned();
        self.one(query, [id.to_be_bytes()], |row| row.get(0)).await
    }

    async fn is_link_spent(&self, nonce: &[u8; 16]) -> Result<bool, StoreError> {
        let query = "SELECT 1 FROM spent_links WHERE nonce = ?1".to_owned();
        Ok(self.one::<i64>(query, [*nonce], |row| row.get(0)).await?.is_some())
    }

    async fn spend_link(&self, nonce: &[u8; 16], expires_at: UnixMs) -> Result<bool, StoreError> {
        let nonce = *nonce;
        self.run(move |connection| {
            let spent = connection
                .prepare_cached("INSERT INTO spent_links (nonce, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
                .execute(params![nonce, number(expires_at.get())])?;
            Ok(spent == 1)
        })
        .await
    }
}

#[async_trait]
impl AttemptBuckets for SqliteStore {
    async fn buckets(&self, keys: &[[u8; 16]]) -> Result<Vec<Option<[u8; 16]>>, StoreError> {
        let keys = keys.to_vec();
        self.run(move |connection| keys.iter().map(|key| bucket(connection, key)).collect()).await
    }

    async fn put_buckets(&self, changes: &[BucketChange]) -> Result<bool, StoreError> {
        let changes = changes.to_vec();
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for change in &changes {
                if bucket(&transaction, &change.key)? != change.from {
                    return Ok(false);
                }
                transaction
                    .prepare_cached(
                        "INSERT INTO attempt_buckets (key, bucket, is_full_at) VALUES (?1, ?2, ?3)
                         ON CONFLICT (key) DO UPDATE SET bucket = ?2, is_full_at = ?3",
                    )?
                    .execute(params![change.key, change.to, number(change.is_full_at.get())])?;
            }
            transaction.commit()?;
            Ok(true)
        })
        .await
    }
}

fn bucket(connection: &Connection, key: &[u8; 16]) -> Result<Option<[u8; 16]>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT bucket FROM attempt_buckets WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

#[async_trait]
impl IdentityRetention for SqliteStore {
    async fn delete_identity(&self, ends: IdentityEnds) -> Result<IdentityDeleted, StoreError> {
        self.run(move |connection| {
            let now = number(ends.now.get());
            let over = |table: &str, key: &str, column: &str| {
                let statement = format!(
                    "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {column} <= ?1 LIMIT {DELETED_MAX})"
                );
                delete(connection, &statement, [now])
            };
            let codes = over("code_challenges", "id", "expires_at")?;
            let of_passkeys = over("passkey_challenges", "value", "expires_at")?;
            let links = over("mailed_links", "id", "expires_at")?;
            let spent = over("spent_links", "nonce", "expires_at")?;
            let buckets = over("attempt_buckets", "key", "is_full_at")?;
            let times = [ends.used_before, ends.begun_before, ends.ended_before].map(|time| number(time.get()));
            let sessions = format!(
                "DELETE FROM sessions WHERE id IN (
                     SELECT id FROM sessions WHERE used_at < ?1 OR created_at < ?2 OR ended_at < ?3 LIMIT {DELETED_MAX})"
            );
            Ok(IdentityDeleted {
                challenges: codes.saturating_add(of_passkeys),
                links: links.saturating_add(spent),
                buckets,
                sessions: delete(connection, &sessions, times)?,
            })
        })
        .await
    }
}

fn delete(connection: &Connection, statement: &str, values: impl Params) -> Result<u64, StoreError> {
    Ok(u64::try_from(connection.prepare_cached(statement)?.execute(values)?).unwrap_or(u64::MAX))
}
