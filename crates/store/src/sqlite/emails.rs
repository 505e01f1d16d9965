//! People's addresses, encrypted where there is a key.

use super::rows::{blob, count, id, number, time_or_none};
use super::{SqliteStore, refused};
use crate::mail::{LimitedKey, Reachable, UserEmail, UserEmails};
use crate::privacy::AddressRotation;
use crate::sealing::{AddressKeeping, AddressKeyUse, Resealed, StoredAddress};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{KeyId, NanoUsd, UnixMs, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Notices are for people who take mail, and who neither objected nor are restricted or leaving.
const TAKES_NOTICES: &str = "e.bounced_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM person_privacy p WHERE p.user_id = e.user_id
            AND (p.restricted_at IS NOT NULL OR p.objected_at IS NOT NULL OR p.deletion_due_at IS NOT NULL))";
/// Addresses that the newest key has not encrypted.
const NOT_NEWEST: &str = "
    SELECT user_id, address, sealed FROM user_emails
    WHERE user_id > ?1 AND (sealed IS NULL OR substr(sealed, 1, 8) <> ?2) ORDER BY user_id LIMIT ?3";
const SET: &str = "
    INSERT INTO user_emails (user_id, address, sealed, address_hash) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (user_id) DO UPDATE SET address = excluded.address, sealed = excluded.sealed,
        address_hash = excluded.address_hash, bounced_at = NULL";
const RESEAL: &str = "UPDATE user_emails SET address = '', sealed = ?2, address_hash = ?3 WHERE user_id = ?1";
const FLAG: &str = "UPDATE user_emails SET bounced_at = coalesce(bounced_at, ?2)";

fn stored(row: &Row<'_>, first: usize) -> Result<StoredAddress, rusqlite::Error> {
    Ok(StoredAddress { address: row.get(first)?, sealed: row.get(first + 1)?, hash: None })
}

#[async_trait]
impl UserEmails for SqliteStore {
    async fn set_email(&self, user: UserId, address: &str) -> Result<(), StoreError> {
        let StoredAddress { address, sealed, hash } = self.addresses.keep(user, address)?;
        self.run(move |connection| {
            connection.prepare_cached(SET)?.execute(params![blob(user), address, sealed, hash]).map_err(refused)?;
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
        let stored = self
            .run(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT address, sealed, bounced_at FROM user_emails WHERE user_id = ?1")?;
                let read = |row: &Row<'_>| Ok((stored(row, 0)?, time_or_none(row, 2)?));
                Ok(statement.query_row([blob(user)], read).optional()?)
            })
            .await?;
        let Some((stored, bounced_at)) = stored else { return Ok(None) };
        Ok(Some(UserEmail { address: stored.open(user, &self.addresses)?, bounced_at }))
    }

    async fn user_by_email(&self, address: &str) -> Result<Option<UserId>, StoreError> {
        let hashes = self.addresses.hashes(address);
        let address = address.to_owned();
        self.run(move |connection| {
            let mut found: Vec<UserId> = Vec::new();
            let mut by_hash = connection.prepare_cached("SELECT user_id FROM user_emails WHERE address_hash = ?1")?;
            for hash in hashes {
                found.extend(by_hash.query_map([hash], |row| id(row, 0))?.collect::<Result<Vec<_>, _>>()?);
            }
            let mut plain =
                connection.prepare_cached("SELECT user_id FROM user_emails WHERE address = ?1 AND address <> ''")?;
            found.extend(plain.query_map([address], |row| id(row, 0))?.collect::<Result<Vec<_>, _>>()?);
            Ok(found.into_iter().min())
        })
        .await
    }

    async fn flag_bounced(&self, address: &str, now: UnixMs) -> Result<u64, StoreError> {
        let hashes = self.addresses.hashes(address);
        let address = address.to_owned();
        self.run(move |connection| {
            let now = number(now.get());
            let mut flagged = connection
                .prepare_cached(&format!("{FLAG} WHERE address = ?1 AND address <> ''"))?
                .execute(params![address, now])?;
            let mut by_hash = connection.prepare_cached(&format!("{FLAG} WHERE address_hash = ?1"))?;
            for hash in hashes {
                flagged = flagged.saturating_add(by_hash.execute(params![hash, now])?);
            }
            Ok(u64::try_from(flagged).unwrap_or(u64::MAX))
        })
        .await
    }

    async fn reachable(&self, after: UserId, max: u32) -> Result<Vec<Reachable>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT e.user_id, u.wallet FROM user_emails e JOIN users u ON u.id = e.user_id
                 WHERE e.user_id > ?1 AND {TAKES_NOTICES} ORDER BY e.user_id LIMIT ?2"
            ))?;
            let rows = statement
                .query_map(params![blob(after), max], |row| Ok(Reachable { user: id(row, 0)?, wallet: id(row, 1)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn limited_keys(&self, after: KeyId, max: u32) -> Result<Vec<LimitedKey>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT k.id, k.user_id, k.name, k.limit_account, k.limit_nano_usd
                 FROM user_keys k JOIN user_emails e ON e.user_id = k.user_id
                 WHERE k.limit_account IS NOT NULL AND k.limit_nano_usd > 0 AND k.revoked_at IS NULL AND k.id > ?1
                     AND {TAKES_NOTICES}
                 ORDER BY k.id LIMIT ?2"
            ))?;
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
impl AddressRotation for SqliteStore {
    async fn address_key_use(&self) -> Result<AddressKeyUse, StoreError> {
        self.run(|connection| key_use(connection)).await
    }

    async fn reseal(&self, after: UserId, max: u32) -> Result<(Resealed, Option<UserId>), StoreError> {
        let keeping = std::sync::Arc::clone(&self.addresses);
        self.run(move |connection| {
            let AddressKeeping::Sealed(sealing) = &*keeping else { return Ok((Resealed::default(), None)) };
            let transaction = connection.transaction()?;
            let mut done = Resealed::default();
            let mut last = None;
            {
                let newest = sealing.keys().newest();
                let mut statement = transaction.prepare_cached(NOT_NEWEST)?;
                let values = params![blob(after), newest.bytes(), max];
                let rows = statement.query_map(values, |row| Ok((id(row, 0)?, stored(row, 1)?)))?;
                let rows: Vec<(UserId, StoredAddress)> = rows.collect::<Result<_, _>>()?;
                let mut update = transaction.prepare_cached(RESEAL)?;
                for (user, stored) in rows {
                    done.was_plain |= stored.sealed.is_none();
                    let sealed = sealing.seal(user, &stored.open(user, &keeping)?);
                    update.execute(params![blob(user), sealed.sealed, sealed.hash])?;
                    done.changed = done.changed.saturating_add(1);
                    last = Some(user);
                }
            }
            transaction.commit()?;
            Ok((done, last))
        })
        .await
    }

    async fn compact(&self) -> Result<(), StoreError> {
        self.run(|connection| {
            connection.execute_batch("VACUUM")?;
            truncate_log(connection)
        })
        .await
    }
}

/// Brings the write-ahead log into the file and empties it, so that it holds no page of before. Where another connection
/// reads, its pages stay until the next time.
pub(super) fn truncate_log(connection: &Connection) -> Result<(), StoreError> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn key_use(connection: &Connection) -> Result<AddressKeyUse, StoreError> {
    let plain =
        connection.query_row("SELECT count(*) FROM user_emails WHERE sealed IS NULL", [], |row| count(row, 0))?;
    let mut statement = connection
        .prepare_cached("SELECT substr(sealed, 1, 8), count(*) FROM user_emails WHERE sealed IS NOT NULL GROUP BY 1")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, count(row, 1)?)))?;
    let keys = rows.collect::<Result<Vec<_>, _>>()?;
    AddressKeyUse::of(plain, keys).ok_or(StoreError::Damaged { table: "user_emails" })
}
