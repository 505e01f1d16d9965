//! Secret keys that are not spent from: those of managers and of partners, each kind in a table of its own.

use super::rows::{blob, id, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::partners::PartnerKeys;
use crate::records::{ManagementKeyRecord, PartnerKeyRecord, SecretKeyRecord};
use crate::traits::{ManagementKeys, StoreError};
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{Id, KeyId, PartnerId, UnixMs, UserId};
use rusqlite::{Row, params};

/// A table of keys. Tables differ in the column of the owner.
#[derive(Clone, Copy)]
struct Table {
    name: &'static str,
    owner: &'static str,
}

const MANAGEMENT: Table = Table { name: "management_keys", owner: "user_id" };
const PARTNERS: Table = Table { name: "partner_keys", owner: "partner_id" };

impl Table {
    const fn columns(self) -> [&'static str; 7] {
        ["id", self.owner, "digest", "hint", "name", "created_at", "revoked_at"]
    }

    fn select(self, condition: &str) -> String {
        format!("SELECT {} FROM {} WHERE {condition}", self.columns().join(", "), self.name)
    }

    async fn add<K: 'static>(self, store: &SqliteStore, key: &SecretKeyRecord<Id<K>>) -> Result<(), StoreError> {
        let columns = self.columns().join(", ");
        let sql = format!("INSERT INTO {} ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", self.name);
        let (id, owner, digest) = (blob(key.id), blob(key.owner), *key.digest.as_bytes());
        let (hint, name) = (key.hint.clone(), key.name.clone());
        let (created_at, revoked_at) = (number(key.created_at.get()), key.revoked_at.map(|at| number(at.get())));
        let add = move |connection: &mut rusqlite::Connection| {
            let values = params![id, owner, digest, hint, name, created_at, revoked_at];
            connection.prepare_cached(&sql)?.execute(values).map_err(refused)?;
            Ok(())
        };
        store.run(add).await
    }

    async fn find<K: 'static>(
        self,
        store: &SqliteStore,
        digest: &KeyDigest,
    ) -> Result<Option<SecretKeyRecord<Id<K>>>, StoreError> {
        let found = store.one(self.select("digest = ?1"), [*digest.as_bytes()], read).await?;
        // The index has found the row by bytes; this comparison takes constant time.
        Ok(found.filter(|key| key.digest == *digest))
    }

    async fn all_of<K: 'static>(
        self,
        store: &SqliteStore,
        owner: Id<K>,
    ) -> Result<Vec<SecretKeyRecord<Id<K>>>, StoreError> {
        store.all(self.select(&format!("{} = ?1 ORDER BY id", self.owner)), [blob(owner)], read).await
    }

    async fn revoke<K: 'static>(
        self,
        store: &SqliteStore,
        key: KeyId,
        now: UnixMs,
    ) -> Result<Option<SecretKeyRecord<Id<K>>>, StoreError> {
        let sql = format!("UPDATE {} SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL", self.name);
        let revoke = move |connection: &mut rusqlite::Connection| {
            connection.prepare_cached(&sql)?.execute(params![blob(key), number(now.get())])?;
            Ok(())
        };
        store.run(revoke).await?;
        store.one(self.select("id = ?1"), [blob(key)], read).await
    }
}

fn read<K>(row: &Row<'_>) -> Result<SecretKeyRecord<Id<K>>, rusqlite::Error> {
    Ok(SecretKeyRecord {
        id: id(row, 0)?,
        owner: id(row, 1)?,
        digest: KeyDigest::from_bytes(row.get(2)?),
        hint: row.get(3)?,
        name: row.get(4)?,
        created_at: time(row, 5)?,
        revoked_at: time_or_none(row, 6)?,
    })
}

#[async_trait]
impl ManagementKeys for SqliteStore {
    async fn add_management_key(&self, key: &ManagementKeyRecord) -> Result<(), StoreError> {
        MANAGEMENT.add(self, key).await
    }

    async fn management_key(&self, digest: &KeyDigest) -> Result<Option<ManagementKeyRecord>, StoreError> {
        MANAGEMENT.find(self, digest).await
    }

    async fn management_keys_of(&self, user: UserId) -> Result<Vec<ManagementKeyRecord>, StoreError> {
        MANAGEMENT.all_of(self, user).await
    }

    async fn revoke_management_key(&self, id: KeyId, now: UnixMs) -> Result<Option<ManagementKeyRecord>, StoreError> {
        MANAGEMENT.revoke(self, id, now).await
    }
}

#[async_trait]
impl PartnerKeys for SqliteStore {
    async fn add_partner_key(&self, key: &PartnerKeyRecord) -> Result<(), StoreError> {
        PARTNERS.add(self, key).await
    }

    async fn partner_key(&self, digest: &KeyDigest) -> Result<Option<PartnerKeyRecord>, StoreError> {
        PARTNERS.find(self, digest).await
    }

    async fn partner_keys_of(&self, partner: PartnerId) -> Result<Vec<PartnerKeyRecord>, StoreError> {
        PARTNERS.all_of(self, partner).await
    }

    async fn revoke_partner_key(&self, id: KeyId, now: UnixMs) -> Result<Option<PartnerKeyRecord>, StoreError> {
        PARTNERS.revoke(self, id, now).await
    }
}
