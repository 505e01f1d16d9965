//! Codes, token families, and the keys that apps got.

use super::PostgresStore;
use super::cells::Cells;
use super::connection::Connection;
use super::values::v;
use crate::columns::{bytes_of, digests_of, joined};
use crate::connections::{
    CodeGives, CodeRecord, ConnectedKey, ConnectedKeys, ConsentRecord, FamilyRecord, GrantId, TokenGrants,
};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{KeyId, PartnerId, UnixMs, UserId};

pub(super) const CODE: &str =
    "SELECT digest, family_id, client_id, user_id, scopes, resources, redirect_url, challenge, gives, cap_nano_usd,
    expires_at, used_at FROM authorization_codes";
pub(super) const FAMILY: &str =
    "SELECT id, client_id, user_id, scopes, resources, current, replaced, replaced_at, created_at, refreshed_at,
    ends_at, revoked_at, version FROM token_families";
const CONNECTED: &str = "SELECT key_id, user_id, client_id, family_id, session_id, resources FROM connected_keys";
/// Rows that one call deletes at most, so that others need not wait for it.
const DELETED_MAX: u32 = 1_000;

/// Everything that a person agreed to at a partner. The clients of a partner are its publishable keys. Families come last: a code or
/// a request that becomes one meanwhile is waited for, and its family is seen then.
const END_CODES: &str = "UPDATE authorization_codes SET used_at = $3 WHERE user_id = $1 AND used_at IS NULL
    AND client_id IN (SELECT key FROM publishable_keys WHERE partner_id = $2)";
const END_DEVICES: &str =
    "UPDATE device_requests SET state = 2, user_id = NULL, family_id = NULL, version = version + 1
    WHERE user_id = $1 AND state = 1
    AND client_id IN (SELECT key FROM publishable_keys WHERE partner_id = $2)";
const END_FAMILIES: &str = "UPDATE token_families SET revoked_at = $3, current = $4, version = version + 1
    WHERE user_id = $1 AND revoked_at IS NULL
    AND client_id IN (SELECT key FROM publishable_keys WHERE partner_id = $2)";
const REVOKE: &str = "UPDATE token_families SET revoked_at = $2, current = $3, version = version + 1
    WHERE id = $1 AND revoked_at IS NULL";

const DELETE_DEVICES: &str = "DELETE FROM device_requests WHERE digest IN (
    SELECT digest FROM device_requests WHERE expires_at < $1 LIMIT $2)";
/// The access token of a family that is over is over too: it is not listed among a person's keys for ever.
const END_KEYS: &str =
    "UPDATE user_keys SET revoked_at = expires_at WHERE revoked_at IS NULL AND expires_at < $1 AND id IN (
    SELECT key_id FROM connected_keys c JOIN token_families f ON f.id = c.family_id WHERE f.ends_at < $1)";
/// The condition stands twice: a family that is refreshed meanwhile stays.
const DELETE_FAMILIES: &str = "DELETE FROM token_families WHERE id IN (
    SELECT id FROM token_families WHERE ends_at < $1 LIMIT $2) AND ends_at < $1";
/// A code stays for as long as its family.
const DELETE_CODES: &str = "DELETE FROM authorization_codes WHERE digest IN (
    SELECT digest FROM authorization_codes c WHERE expires_at < $1
        AND NOT EXISTS (SELECT 1 FROM token_families f WHERE f.id = c.family_id) LIMIT $2)";
/// Keeps what is decided by a family from changes to it, to the end of the transaction.
const LOCK_FAMILY: &str = "SELECT revoked_at FROM token_families WHERE id = $1 FOR UPDATE";
const KEYS_OF_FAMILY: &str = "SELECT key_id FROM connected_keys WHERE family_id = $1 ORDER BY key_id";

#[async_trait]
impl TokenGrants for PostgresStore {
    async fn add_code(&self, code: &CodeRecord) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO authorization_codes (digest, family_id, client_id, user_id, scopes, resources, redirect_url,
                challenge, gives, cap_nano_usd, expires_at, used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            &[
                v(code.digest),
                v(code.family),
                v(&code.consent.client_id),
                v(code.consent.user),
                v(joined(&code.consent.scopes)),
                v(joined(&code.consent.resources)),
                v(&code.redirect_url),
                v(code.challenge),
                v(code.gives.number()),
                v(code.cap),
                v(code.expires_at),
                v(code.used_at),
            ],
        )
        .await?;
        Ok(())
    }

    async fn code(&self, digest: &KeyDigest) -> Result<Option<CodeRecord>, StoreError> {
        self.one(&format!("{CODE} WHERE digest = $1"), &[v(*digest)], read_code).await
    }

    async fn use_code(
        &self,
        digest: &KeyDigest,
        now: UnixMs,
        begun: Option<&FamilyRecord>,
    ) -> Result<bool, StoreError> {
        self.transaction(|transaction| async move {
            let sql = "UPDATE authorization_codes SET used_at = $2 WHERE digest = $1 AND used_at IS NULL";
            if transaction.execute(sql, &[v(*digest), v(now)]).await? != 1 {
                return Ok(false);
            }
            if let Some(family) = begun {
                insert_family(&transaction, family).await?;
            }
            Ok(true)
        })
        .await
    }

    async fn family(&self, id: GrantId) -> Result<Option<FamilyRecord>, StoreError> {
        self.one(&format!("{FAMILY} WHERE id = $1"), &[v(id)], read_family).await
    }

    async fn family_of_token(&self, digest: &KeyDigest) -> Result<Option<FamilyRecord>, StoreError> {
        let query = format!("{FAMILY} WHERE id = (SELECT family_id FROM refresh_tokens WHERE digest = $1)");
        self.one(&query, &[v(*digest)], read_family).await
    }

    async fn update_family(&self, family: &FamilyRecord) -> Result<bool, StoreError> {
        self.transaction(|transaction| async move {
            let changed = transaction
                .execute(
                    "UPDATE token_families SET current = $3, replaced = $4, replaced_at = $5, refreshed_at = $6,
                        ends_at = $7, revoked_at = $8, version = version + 1
                     WHERE id = $1 AND version = $2",
                    &[
                        v(family.id),
                        v(family.version),
                        v(bytes_of(&family.current)),
                        v(family.replaced.map(|(digest, _)| digest)),
                        v(family.replaced.map(|(_, at)| at)),
                        v(family.refreshed_at),
                        v(family.ends_at),
                        v(family.revoked_at),
                    ],
                )
                .await?;
            if changed != 1 {
                return Ok(false);
            }
            insert_tokens(&transaction, family).await?;
            Ok(true)
        })
        .await
    }

    async fn revoke_family(&self, id: GrantId, now: UnixMs) -> Result<Vec<KeyId>, StoreError> {
        self.transaction(|transaction| async move {
            transaction.execute(LOCK_FAMILY, &[v(id)]).await?;
            transaction.execute(REVOKE, &[v(id), v(now), v([0_u8; 0])]).await?;
            transaction.all(KEYS_OF_FAMILY, &[v(id)], |cells| cells.id(0)).await
        })
        .await
    }

    async fn end_grants(&self, user: UserId, partner: PartnerId, now: UnixMs) -> Result<(), StoreError> {
        self.transaction(|transaction| async move {
            transaction.execute(END_CODES, &[v(user), v(partner), v(now)]).await?;
            transaction.execute(END_DEVICES, &[v(user), v(partner)]).await?;
            transaction.execute(END_FAMILIES, &[v(user), v(partner), v(now), v([0_u8; 0])]).await?;
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl ConnectedKeys for PostgresStore {
    async fn connect_key(&self, connected: &ConnectedKey) -> Result<bool, StoreError> {
        let ConnectedKey { key, user, client_id, family, session, resources } = connected;
        self.transaction(|transaction| async move {
            if let Some(family) = family {
                // A family that is revoked beside it is seen here, or this key is seen there.
                let ended = transaction.one(LOCK_FAMILY, &[v(*family)], |cells| cells.time_or_none(0)).await?;
                if ended.flatten().is_some() {
                    return Ok(false);
                }
            }
            transaction
                .execute(
                    "INSERT INTO connected_keys (key_id, user_id, client_id, family_id, session_id, resources)
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    &[v(*key), v(*user), v(client_id), v(*family), v(*session), v(joined(resources))],
                )
                .await?;
            Ok(true)
        })
        .await
    }

    async fn connected_key(&self, key: KeyId) -> Result<Option<ConnectedKey>, StoreError> {
        self.one(&format!("{CONNECTED} WHERE key_id = $1"), &[v(key)], read_connected).await
    }

    async fn connected_keys_of(
        &self,
        user: UserId,
        now: UnixMs,
    ) -> Result<Vec<(ConnectedKey, Option<UnixMs>)>, StoreError> {
        let query =
            "SELECT c.key_id, c.user_id, c.client_id, c.family_id, c.session_id, c.resources, f.ends_at FROM connected_keys c
            JOIN user_keys k ON k.id = c.key_id AND k.revoked_at IS NULL
            LEFT JOIN token_families f ON f.id = c.family_id AND f.revoked_at IS NULL AND f.ends_at > $2
            WHERE c.user_id = $1 ORDER BY c.key_id";
        self.all(query, &[v(user), v(now)], |cells| Ok((read_connected(cells)?, cells.time_or_none(6)?))).await
    }

    async fn set_resources(&self, key: KeyId, resources: &[String]) -> Result<(), StoreError> {
        let sql = "UPDATE connected_keys SET resources = $2 WHERE key_id = $1";
        self.execute(sql, &[v(key), v(joined(resources))]).await?;
        Ok(())
    }

    async fn keys_of_family(&self, family: GrantId) -> Result<Vec<KeyId>, StoreError> {
        self.all(KEYS_OF_FAMILY, &[v(family)], |cells| cells.id(0)).await
    }

    async fn clients_with_redirect(&self, url: &str) -> Result<Vec<String>, StoreError> {
        let query = "SELECT key FROM publishable_keys WHERE revoked_at IS NULL
            AND position(chr(10) || $1 || chr(10) IN chr(10) || redirect_urls || chr(10)) > 0 ORDER BY id";
        self.all(query, &[v(url)], |cells| cells.text(0)).await
    }
}

/// Deletes some rows of what is over, and revokes the keys that came of it.
pub(super) async fn delete_ended(store: &PostgresStore, before: UnixMs) -> Result<u64, StoreError> {
    let mut deleted = 0_u64;
    store.execute(END_KEYS, &[v(before)]).await?;
    for statement in [DELETE_DEVICES, DELETE_FAMILIES, DELETE_CODES] {
        deleted = deleted.saturating_add(store.execute(statement, &[v(before), v(DELETED_MAX)]).await?);
    }
    Ok(deleted)
}

/// Adds a family with its tokens.
pub(super) async fn insert_family(transaction: &Connection, family: &FamilyRecord) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO token_families (id, client_id, user_id, scopes, resources, current, replaced, replaced_at,
                created_at, refreshed_at, ends_at, revoked_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            &[
                v(family.id),
                v(&family.consent.client_id),
                v(family.consent.user),
                v(joined(&family.consent.scopes)),
                v(joined(&family.consent.resources)),
                v(bytes_of(&family.current)),
                v(family.replaced.map(|(digest, _)| digest)),
                v(family.replaced.map(|(_, at)| at)),
                v(family.created_at),
                v(family.refreshed_at),
                v(family.ends_at),
                v(family.revoked_at),
                v(family.version),
            ],
        )
        .await?;
    insert_tokens(transaction, family).await
}

async fn insert_tokens(transaction: &Connection, family: &FamilyRecord) -> Result<(), StoreError> {
    for digest in &family.current {
        let sql = "INSERT INTO refresh_tokens (digest, family_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        transaction.execute(sql, &[v(*digest), v(family.id)]).await?;
    }
    Ok(())
}

pub(super) fn read_code(cells: &Cells<'_>) -> Result<CodeRecord, StoreError> {
    Ok(CodeRecord {
        digest: cells.digest(0)?,
        family: cells.id(1)?,
        consent: ConsentRecord {
            client_id: cells.text(2)?,
            user: cells.id(3)?,
            scopes: cells.list(4)?,
            resources: cells.list(5)?,
        },
        redirect_url: cells.text(6)?,
        challenge: cells.array(7)?,
        gives: cells.known(CodeGives::of_number(cells.count(8)?))?,
        cap: cells.amount_or_none(9)?,
        expires_at: cells.time(10)?,
        used_at: cells.time_or_none(11)?,
    })
}

pub(super) fn read_family(cells: &Cells<'_>) -> Result<FamilyRecord, StoreError> {
    let replaced = cells.array_or_none(6)?.map(KeyDigest::from_bytes);
    Ok(FamilyRecord {
        id: cells.id(0)?,
        consent: ConsentRecord {
            client_id: cells.text(1)?,
            user: cells.id(2)?,
            scopes: cells.list(3)?,
            resources: cells.list(4)?,
        },
        current: cells.known(digests_of(&cells.bytes(5)?))?,
        replaced: replaced.zip(cells.time_or_none(7)?),
        created_at: cells.time(8)?,
        refreshed_at: cells.time(9)?,
        ends_at: cells.time(10)?,
        revoked_at: cells.time_or_none(11)?,
        version: cells.count(12)?,
    })
}

fn read_connected(cells: &Cells<'_>) -> Result<ConnectedKey, StoreError> {
    Ok(ConnectedKey {
        key: cells.id(0)?,
        user: cells.id(1)?,
        client_id: cells.text(2)?,
        family: cells.id_or_none(3)?,
        session: cells.id_or_none(4)?,
        resources: cells.list(5)?,
    })
}
