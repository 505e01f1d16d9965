//! Secret keys that are not spent from: those of managers and of partners, each kind in a table of its own.

use super::PostgresStore;
use super::cells::Cells;
use super::values::v;
use crate::partners::PartnerKeys;
use crate::records::{ManagementKeyRecord, PartnerKeyRecord, SecretKeyRecord};
use crate::traits::{ManagementKeys, StoreError};
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{Id, KeyId, PartnerId, UnixMs, UserId};

/// A table of keys. Tables differ in the column of the owner.
#[derive(Clone, Copy)]
struct Table {
    name: &'static str,
    owner: &'static str,
}

const MANAGEMENT: Table = Table { name: "management_keys", owner: "user_id" };
const PARTNERS: Table = Table { name: "partner_keys", owner: "partner_id" };

impl Table {
    fn columns(self) -> String {
        ["id", self.owner, "digest", "hint", "name", "created_at", "revoked_at"].join(", ")
    }

    fn select(self, condition: &str) -> String {
        format!("SELECT {} FROM {} WHERE {condition}", self.columns(), self.name)
    }

    async fn add<K>(self, store: &PostgresStore, key: &SecretKeyRecord<Id<K>>) -> Result<(), StoreError> {
        let sql = format!("INSERT INTO {} ({}) VALUES ($1, $2, $3, $4, $5, $6, $7)", self.name, self.columns());
        let (id, owner, digest) = (v(key.id), v(key.owner), v(key.digest));
        let values = [id, owner, digest, v(&key.hint), v(&key.name), v(key.created_at), v(key.revoked_at)];
        store.execute(&sql, &values).await?;
        Ok(())
    }

    async fn find<K>(
        self,
        store: &PostgresStore,
        digest: &KeyDigest,
    ) -> Result<Option<SecretKeyRecord<Id<K>>>, StoreError> {
        let found = store.one(&self.select("digest = $1"), &[v(*digest)], read).await?;
        // The index has found the row by bytes; this comparison takes constant time.
        Ok(found.filter(|key| key.digest == *digest))
    }

    async fn all_of<K>(self, store: &PostgresStore, owner: Id<K>) -> Result<Vec<SecretKeyRecord<Id<K>>>, StoreError> {
        store.all(&self.select(&format!("{} = $1 ORDER BY id", self.owner)), &[v(owner)], read).await
    }

    async fn revoke<K>(
        self,
        store: &PostgresStore,
        key: KeyId,
        now: UnixMs,
    ) -> Result<Option<SecretKeyRecord<Id<K>>>, StoreError> {
        let sql = format!("UPDATE {} SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL", self.name);
        store.execute(&sql, &[v(key), v(now)]).await?;
        store.one(&self.select("id = $1"), &[v(key)], read).await
    }
}

fn read<K>(cells: &Cells<'_>) -> Result<SecretKeyRecord<Id<K>>, StoreError> {
    Ok(SecretKeyRecord {
        id: cells.id(0)?,
        owner: cells.id(1)?,
        digest: cells.digest(2)?,
        hint: cells.text(3)?,
        name: cells.text(4)?,
        created_at: cells.time(5)?,
        revoked_at: cells.time_or_none(6)?,
    })
}
#[async_trait]
impl ManagementKeys for PostgresStore {
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
impl PartnerKeys for PostgresStore {
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
