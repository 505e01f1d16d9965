//! Mailed codes and links, attempts, and the end of all records of signing in.

use super::PostgresStore;
use super::cells::Cells;
use super::values::v;
use crate::identity::{
    AttemptBuckets, BucketChange, CodeChallenge, CodeChallenges, IdentityDeleted, IdentityEnds, IdentityRetention,
    MailedLinks,
};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;

/// Rows that one statement deletes at most, so that others need not wait for it.
const DELETED_MAX: u32 = 1_000;

const COLUMNS: &str = "id, purpose, digest, sealed_address, user_id, created_at, expires_at, attempts_left, is_used";
/// The attempt is taken in the statement that reads the row, so that no two requests take the same one.
const TAKE: &str = "
    UPDATE code_challenges SET attempts_left = attempts_left - 1
    WHERE id = $1 AND attempts_left > 0 AND NOT is_used AND expires_at > $2";
const ADD_BUCKET: &str = "
    INSERT INTO attempt_buckets (key, bucket, is_full_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const CHANGE_BUCKET: &str = "UPDATE attempt_buckets SET bucket = $2, is_full_at = $3 WHERE key = $1 AND bucket = $4";
const SESSIONS_OVER: &str = "(used_at < $1 OR created_at < $2 OR ended_at < $3)";

#[async_trait]
impl CodeChallenges for PostgresStore {
    async fn add_challenge(&self, challenge: &CodeChallenge) -> Result<(), StoreError> {
        self.execute(
            &format!("INSERT INTO code_challenges ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
            &[
                v(challenge.id.to_be_bytes()),
                v(&challenge.purpose),
                v(challenge.digest),
                v(challenge.sealed_address.as_slice()),
                v(challenge.user),
                v(challenge.created_at),
                v(challenge.expires_at),
                v(challenge.attempts_left),
                v(challenge.is_used),
            ],
        )
        .await?;
        Ok(())
    }

    async fn challenge(&self, id: u128) -> Result<Option<CodeChallenge>, StoreError> {
        self.one(&format!("SELECT {COLUMNS} FROM code_challenges WHERE id = $1"), &[v(id.to_be_bytes())], read).await
    }

    async fn take_attempt(&self, id: u128, now: UnixMs) -> Result<Option<CodeChallenge>, StoreError> {
        let sql = format!("{TAKE} RETURNING {COLUMNS}");
        let taken = self.write_one(&sql, &[v(id.to_be_bytes()), v(now)], read).await?;
        Ok(taken.map(|after| CodeChallenge { attempts_left: after.attempts_left.saturating_add(1), ..after }))
    }

    async fn return_attempt(&self, id: u128) -> Result<(), StoreError> {
        let sql = "UPDATE code_challenges SET attempts_left = attempts_left + 1 WHERE id = $1";
        self.execute(sql, &[v(id.to_be_bytes())]).await?;
        Ok(())
    }

    async fn spend_challenge(&self, id: u128) -> Result<bool, StoreError> {
        let sql = "UPDATE code_challenges SET is_used = true WHERE id = $1 AND NOT is_used";
        Ok(self.execute(sql, &[v(id.to_be_bytes())]).await? == 1)
    }
}

fn read(cells: &Cells<'_>) -> Result<CodeChallenge, StoreError> {
    Ok(CodeChallenge {
        id: u128::from_be_bytes(cells.array(0)?),
        purpose: cells.text(1)?,
        digest: cells.digest(2)?,
        sealed_address: cells.bytes(3)?,
        user: cells.id_or_none(4)?,
        created_at: cells.time(5)?,
        expires_at: cells.time(6)?,
        attempts_left: cells.count(7)?,
        is_used: cells.flag(8)?,
    })
}

#[async_trait]
impl MailedLinks for PostgresStore {
    async fn add_mailed_link(&self, id: u128, sealed: &[u8], expires_at: UnixMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO mailed_links (id, sealed_address, expires_at) VALUES ($1, $2, $3)";
        self.execute(sql, &[v(id.to_be_bytes()), v(sealed), v(expires_at)]).await?;
        Ok(())
    }

    async fn mailed_link(&self, id: u128) -> Result<Option<Vec<u8>>, StoreError> {
        let query = "SELECT sealed_address FROM mailed_links WHERE id = $1";
        self.one(query, &[v(id.to_be_bytes())], |cells| cells.bytes(0)).await
    }

    async fn is_link_spent(&self, nonce: &[u8; 16]) -> Result<bool, StoreError> {
        let query = "SELECT nonce FROM spent_links WHERE nonce = $1";
        Ok(self.one(query, &[v(nonce)], |_| Ok(())).await?.is_some())
    }

    async fn spend_link(&self, nonce: &[u8; 16], expires_at: UnixMs) -> Result<bool, StoreError> {
        let sql = "INSERT INTO spent_links (nonce, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        Ok(self.execute(sql, &[v(nonce), v(expires_at)]).await? == 1)
    }
}

#[async_trait]
impl AttemptBuckets for PostgresStore {
    async fn buckets(&self, keys: &[[u8; 16]]) -> Result<Vec<Option<[u8; 16]>>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let query = "SELECT bucket FROM attempt_buckets WHERE key = $1";
            found.push(self.one(query, &[v(key)], |cells| cells.array(0)).await?);
        }
        Ok(found)
    }

    async fn put_buckets(&self, changes: &[BucketChange]) -> Result<bool, StoreError> {
        let mut changes = changes.to_vec();
        // All take the rows in one order, so that none waits for another that waits for it.
        changes.sort_by_key(|change| change.key);
        let changes = &changes;
        let put = self.transaction(|transaction| async move {
            for BucketChange { key, from, to, is_full_at } in changes {
                let mut values = vec![v(key), v(to), v(*is_full_at)];
                values.extend(from.map(v));
                let sql = if from.is_some() { CHANGE_BUCKET } else { ADD_BUCKET };
                if transaction.execute(sql, &values).await? != 1 {
                    // Undoes those before.
                    return Err(StoreError::Exists);
                }
            }
            Ok(true)
        });
        match put.await {
            Err(StoreError::Exists) => Ok(false),
            put => put,
        }
    }
}

#[async_trait]
impl IdentityRetention for PostgresStore {
    async fn delete_identity(&self, ends: IdentityEnds) -> Result<IdentityDeleted, StoreError> {
        let now = [v(ends.now)];
        // The condition stands twice: a row that has changed meanwhile is looked at again by the second.
        let over = |table: &str, key: &str, column: &str| {
            format!(
                "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {column} <= $1 LIMIT {DELETED_MAX})
                 AND {column} <= $1"
            )
        };
        let codes = self.execute(&over("code_challenges", "id", "expires_at"), &now).await?;
        let of_passkeys = self.execute(&over("passkey_challenges", "value", "expires_at"), &now).await?;
        let links = self.execute(&over("mailed_links", "id", "expires_at"), &now).await?;
        let spent = self.execute(&over("spent_links", "nonce", "expires_at"), &now).await?;
        let buckets = self.execute(&over("attempt_buckets", "key", "is_full_at"), &now).await?;
        let sessions = format!(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE {SESSIONS_OVER} LIMIT {DELETED_MAX})
             AND {SESSIONS_OVER}"
        );
        let times = [ends.used_before, ends.begun_before, ends.ended_before].map(v);
        Ok(IdentityDeleted {
            challenges: codes.saturating_add(of_passkeys),
            links: links.saturating_add(spent),
            buckets,
            sessions: self.execute(&sessions, &times).await?,
        })
    }
}
