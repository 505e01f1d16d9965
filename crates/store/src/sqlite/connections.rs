//! Codes, token families, and the keys that apps got.

use super::rows::{blob, count, id, id_or_none, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::columns::{bytes_of, digests_of, joined, list_of};
use crate::connections::{
    CodeGives, CodeRecord, ConnectedKey, ConnectedKeys, ConsentRecord, FamilyRecord, GrantId, TokenGrants,
};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use rusqlite::{Connection, Error, Row, params};

pub(super) const CODE: &str =
    "SELECT digest, family_id, client_id, user_id, scopes, resources, redirect_url, challenge, gives, cap_nano_usd,
    expires_at, used_at FROM authorization_codes";
pub(super) const FAMILY: &str =
    "SELECT id, client_id, user_id, scopes, resources, current, replaced, replaced_at, created_at, refreshed_at,
    ends_at, revoked_at, version FROM token_families";
const CONNECTED: &str = "SELECT key_id, user_id, client_id, family_id, session_id, resources FROM connected_keys";
/// Rows that one call deletes at most, so that others need not wait for it.
const DELETED_MAX: u32 = 1_000;

/// Everything that a person agreed to at a partner. The clients of a partner are its publishable keys.
const END_CODES: &str = "UPDATE authorization_codes SET used_at = ?3 WHERE user_id = ?1 AND used_at IS NULL
    AND client_id IN (SELECT key FROM publishable_keys WHERE partner_id = ?2)";
const END_FAMILIES: &str = "UPDATE token_families SET revoked_at = ?3, current = x'', version = version + 1
    WHERE user_id = ?1 AND revoked_at IS NULL
    AND client_id IN (SELECT key FROM publishable_keys WHERE partner_id = ?2)";
const END_DEVICES: &str =
    "UPDATE device_requests SET state = 2, user_id = NULL, family_id = NULL, version = version + 1
    WHERE user_id = ?1 AND state = 1
    AND client_id IN (SELECT key FROM publishable_keys WHERE partner_id = ?2)";

const DELETE_DEVICES: &str = "DELETE FROM device_requests WHERE digest IN (
    SELECT digest FROM device_requests WHERE expires_at < ?1 LIMIT ?2)";
/// The access token of a family that is over is over too: it is not listed among a person's keys for ever.
const END_KEYS: &str =
    "UPDATE user_keys SET revoked_at = expires_at WHERE revoked_at IS NULL AND expires_at < ?1 AND id IN (
    SELECT key_id FROM connected_keys c JOIN token_families f ON f.id = c.family_id WHERE f.ends_at < ?1)";
const DELETE_FAMILIES: &str = "DELETE FROM token_families WHERE id IN (
    SELECT id FROM token_families WHERE ends_at < ?1 LIMIT ?2)";
/// A code stays for as long as its family.
const DELETE_CODES: &str = "DELETE FROM authorization_codes WHERE digest IN (
    SELECT digest FROM authorization_codes c WHERE expires_at < ?1
        AND NOT EXISTS (SELECT 1 FROM token_families f WHERE f.id = c.family_id) LIMIT ?2)";

#[async_trait]
impl TokenGrants for SqliteStore {
    async fn add_code(&self, code: &CodeRecord) -> Result<(), StoreError> {
        let code = code.clone();
        self.run(move |connection| insert_code(connection, &code)).await
    }

    async fn code(&self, digest: &KeyDigest) -> Result<Option<CodeRecord>, StoreError> {
        self.one(format!("{CODE} WHERE digest = ?1"), [*digest.as_bytes()], read_code).await
    }

    async fn use_code(
        &self,
        digest: &KeyDigest,
        now: UnixMs,
        begun: Option<&FamilyRecord>,
    ) -> Result<bool, StoreError> {
        let (digest, begun) = (*digest, begun.cloned());
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let used = transaction
                .prepare_cached("UPDATE authorization_codes SET used_at = ?2 WHERE digest = ?1 AND used_at IS NULL")?
                .execute(params![digest.as_bytes(), number(now.get())])?;
            if used != 1 {
                return Ok(false);
            }
            if let Some(family) = begun {
                insert_family(&transaction, &family)?;
            }
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    async fn family(&self, id: GrantId) -> Result<Option<FamilyRecord>, StoreError> {
        self.one(format!("{FAMILY} WHERE id = ?1"), [blob(id)], read_family).await
    }

    async fn family_of_token(&self, digest: &KeyDigest) -> Result<Option<FamilyRecord>, StoreError> {
        let query = format!("{FAMILY} WHERE id = (SELECT family_id FROM refresh_tokens WHERE digest = ?1)");
        self.one(query, [*digest.as_bytes()], read_family).await
    }

    async fn update_family(&self, family: &FamilyRecord) -> Result<bool, StoreError> {
        let family = family.clone();
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let changed = transaction
                .prepare_cached(
                    "UPDATE token_families SET current = ?3, replaced = ?4, replaced_at = ?5, refreshed_at = ?6,
                        ends_at = ?7, revoked_at = ?8, version = version + 1
                     WHERE id = ?1 AND version = ?2",
                )?
                .execute(params![
                    blob(family.id),
                    number(family.version),
                    bytes_of(&family.current),
                    family.replaced.map(|(digest, _)| *digest.as_bytes()),
                    family.replaced.map(|(_, at)| number(at.get())),
                    number(family.refreshed_at.get()),
                    number(family.ends_at.get()),
                    family.revoked_at.map(|at| number(at.get())),
                ])?;
            if changed != 1 {
                return Ok(false);
            }
            insert_tokens(&transaction, &family)?;
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    async fn revoke_family(&self, id: GrantId, now: UnixMs) -> Result<Vec<KeyId>, StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            transaction
                .prepare_cached(
                    "UPDATE token_families SET revoked_at = ?2, current = x'', version = version + 1
                     WHERE id = ?1 AND revoked_at IS NULL",
                )?
                .execute(params![blob(id), number(now.get())])?;
            let keys = keys_of_family(&transaction, id)?;
            transaction.commit()?;
            Ok(keys)
        })
        .await
    }

    async fn end_grants(&self, user: UserId, partner: PartnerId, now: UnixMs) -> Result<(), StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let values = params![blob(user), blob(partner), number(now.get())];
            transaction.prepare_cached(END_CODES)?.execute(values)?;
            transaction.prepare_cached(END_FAMILIES)?.execute(values)?;
            transaction.prepare_cached(END_DEVICES)?.execute(params![blob(user), blob(partner)])?;
            Ok(transaction.commit()?)
        })
        .await
    }
}

#[async_trait]
impl ConnectedKeys for SqliteStore {
    async fn connect_key(&self, connected: &ConnectedKey) -> Result<bool, StoreError> {
        let ConnectedKey { key, user, client_id, family, session, resources } = connected.clone();
        self.run(move |connection| {
            // One statement: a family that is revoked beside it is seen, or its keys are.
            let added = connection
                .prepare_cached(
                    "INSERT INTO connected_keys (key_id, user_id, client_id, family_id, session_id, resources)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (
                        SELECT 1 FROM token_families WHERE id = ?4 AND revoked_at IS NOT NULL)",
                )?
                .execute(params![
                    blob(key),
                    blob(user),
                    client_id,
                    family.map(blob),
                    session.map(blob),
                    joined(&resources),
                ])
                .map_err(refused)?;
            Ok(added == 1)
        })
        .await
    }

    async fn connected_key(&self, key: KeyId) -> Result<Option<ConnectedKey>, StoreError> {
        self.one(format!("{CONNECTED} WHERE key_id = ?1"), [blob(key)], read_connected).await
    }

    async fn connected_keys_of(
        &self,
        user: UserId,
        now: UnixMs,
    ) -> Result<Vec<(ConnectedKey, Option<UnixMs>)>, StoreError> {
        let query =
            "SELECT c.key_id, c.user_id, c.client_id, c.family_id, c.session_id, c.resources, f.ends_at FROM connected_keys c
            JOIN user_keys k ON k.id = c.key_id AND k.revoked_at IS NULL
            LEFT JOIN token_families f ON f.id = c.family_id AND f.revoked_at IS NULL AND f.ends_at > ?2
            WHERE c.user_id = ?1 ORDER BY c.key_id";
        let read = |row: &Row<'_>| Ok((read_connected(row)?, time_or_none(row, 6)?));
        self.all(query.to_owned(), (blob(user), number(now.get())), read).await
    }

    async fn set_resources(&self, key: KeyId, resources: &[String]) -> Result<(), StoreError> {
        let resources = joined(resources);
        self.run(move |connection| {
            let mut statement =
                connection.prepare_cached("UPDATE connected_keys SET resources = ?2 WHERE key_id = ?1")?;
            statement.execute(params![blob(key), resources])?;
            Ok(())
        })
        .await
    }

    async fn keys_of_family(&self, family: GrantId) -> Result<Vec<KeyId>, StoreError> {
        self.run(move |connection| keys_of_family(connection, family)).await
    }

    async fn clients_with_redirect(&self, url: &str) -> Result<Vec<String>, StoreError> {
        let query = "SELECT key FROM publishable_keys WHERE revoked_at IS NULL
            AND instr(char(10) || redirect_urls || char(10), char(10) || ?1 || char(10)) > 0 ORDER BY id";
        self.all(query.to_owned(), [url.to_owned()], |row| row.get(0)).await
    }
}

/// Deletes some rows of what is over, and revokes the keys that came of it.
pub(super) fn delete_ended(connection: &Connection, before: UnixMs) -> Result<u64, StoreError> {
    let mut deleted = 0_u64;
    connection.prepare_cached(END_KEYS)?.execute([number(before.get())])?;
    for statement in [DELETE_DEVICES, DELETE_FAMILIES, DELETE_CODES] {
        let values = params![number(before.get()), DELETED_MAX];
        let rows = connection.prepare_cached(statement)?.execute(values)?;
        deleted = deleted.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
    }
    Ok(deleted)
}

fn insert_code(connection: &Connection, code: &CodeRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO authorization_codes (digest, family_id, client_id, user_id, scopes, resources, redirect_url,
                challenge, gives, cap_nano_usd, expires_at, used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            code.digest.as_bytes(),
            blob(code.family),
            code.consent.client_id,
            blob(code.consent.user),
            joined(&code.consent.scopes),
            joined(&code.consent.resources),
            code.redirect_url,
            code.challenge,
            code.gives.number(),
            code.cap.map(NanoUsd::get),
            number(code.expires_at.get()),
            code.used_at.map(|at| number(at.get())),
        ])
        .map_err(refused)?;
    Ok(())
}

/// Adds a family with its tokens.
pub(super) fn insert_family(connection: &Connection, family: &FamilyRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO token_families (id, client_id, user_id, scopes, resources, current, replaced, replaced_at,
                created_at, refreshed_at, ends_at, revoked_at, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            blob(family.id),
            family.consent.client_id,
            blob(family.consent.user),
            joined(&family.consent.scopes),
            joined(&family.consent.resources),
            bytes_of(&family.current),
            family.replaced.map(|(digest, _)| *digest.as_bytes()),
            family.replaced.map(|(_, at)| number(at.get())),
            number(family.created_at.get()),
            number(family.refreshed_at.get()),
            number(family.ends_at.get()),
            family.revoked_at.map(|at| number(at.get())),
            number(family.version),
        ])
        .map_err(refused)?;
    insert_tokens(connection, family)
}

fn insert_tokens(connection: &Connection, family: &FamilyRecord) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("INSERT OR IGNORE INTO refresh_tokens (digest, family_id) VALUES (?1, ?2)")?;
    for digest in &family.current {
        statement.execute(params![digest.as_bytes(), blob(family.id)])?;
    }
    Ok(())
}

fn keys_of_family(connection: &Connection, family: GrantId) -> Result<Vec<KeyId>, StoreError> {
    let query = "SELECT key_id FROM connected_keys WHERE family_id = ?1 ORDER BY key_id";
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map([blob(family)], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn list(row: &Row<'_>, column: usize) -> Result<Vec<String>, Error> {
    let text: String = row.get(column)?;
    Ok(list_of(&text))
}

pub(super) fn read_code(row: &Row<'_>) -> Result<CodeRecord, Error> {
    Ok(CodeRecord {
        digest: KeyDigest::from_bytes(row.get(0)?),
        family: id(row, 1)?,
        consent: ConsentRecord {
            client_id: row.get(2)?,
            user: id(row, 3)?,
            scopes: list(row, 4)?,
            resources: list(row, 5)?,
        },
        redirect_url: row.get(6)?,
        challenge: row.get(7)?,
        gives: CodeGives::of_number(count(row, 8)?).ok_or(Error::InvalidQuery)?,
        cap: row.get::<_, Option<i64>>(9)?.map(NanoUsd::new),
        expires_at: time(row, 10)?,
        used_at: time_or_none(row, 11)?,
    })
}

pub(super) fn read_family(row: &Row<'_>) -> Result<FamilyRecord, Error> {
    let current: Vec<u8> = row.get(5)?;
    let replaced: Option<[u8; 32]> = row.get(6)?;
    Ok(FamilyRecord {
        id: id(row, 0)?,
        consent: ConsentRecord {
            client_id: row.get(1)?,
            user: id(row, 2)?,
            scopes: list(row, 3)?,
            resources: list(row, 4)?,
        },
        current: digests_of(&current).ok_or(Error::InvalidQuery)?,
        replaced: replaced.map(KeyDigest::from_bytes).zip(time_or_none(row, 7)?),
        created_at: time(row, 8)?,
        refreshed_at: time(row, 9)?,
        ends_at: time(row, 10)?,
        revoked_at: time_or_none(row, 11)?,
        version: count(row, 12)?,
    })
}

fn read_connected(row: &Row<'_>) -> Result<ConnectedKey, Error> {
    Ok(ConnectedKey {
        key: id(row, 0)?,
        user: id(row, 1)?,
        client_id: row.get(2)?,
        family: id_or_none(row, 3)?,
        session: id_or_none(row, 4)?,
        resources: list(row, 5)?,
    })
}
