//! Keys that name partners in browsers.

use super::PostgresStore;
use super::cells::Cells;
use super::values::{Value, v};
use crate::columns::joined;
use crate::partners::{PublishableKeyRecord, PublishableKeys, is_publishable};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{KeyId, PartnerId};
use std::collections::BTreeSet;

const KEY: &str =
    "SELECT id, partner_id, key, name, origins, redirect_urls, created_at, revoked_at FROM publishable_keys";
pub(super) const ADD: &str = "
    INSERT INTO publishable_keys (id, partner_id, key, name, origins, redirect_urls, created_at, revoked_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
/// The lists of keys in force.
const ORIGINS: &str = "SELECT k.origins FROM publishable_keys AS k JOIN partners AS p ON p.id = k.partner_id
     WHERE k.revoked_at IS NULL AND NOT p.suspended AND k.origins <> '' ORDER BY k.id";

#[async_trait]
impl PublishableKeys for PostgresStore {
    async fn add_publishable_key(&self, key: &PublishableKeyRecord) -> Result<(), StoreError> {
        self.execute(ADD, &columns(key)).await?;
        Ok(())
    }

    async fn publishable_key(&self, text: &str) -> Result<Option<PublishableKeyRecord>, StoreError> {
        if !is_publishable(text) {
            return Ok(None);
        }
        self.one(&format!("{KEY} WHERE key = $1"), &[v(text)], read).await
    }

    async fn publishable_key_by_id(&self, id: KeyId) -> Result<Option<PublishableKeyRecord>, StoreError> {
        self.one(&format!("{KEY} WHERE id = $1"), &[v(id)], read).await
    }

    async fn publishable_keys_of(&self, partner: PartnerId) -> Result<Vec<PublishableKeyRecord>, StoreError> {
        self.all(&format!("{KEY} WHERE partner_id = $1 ORDER BY id"), &[v(partner)], read).await
    }

    async fn publishable_origins(&self, max: usize) -> Result<Vec<String>, StoreError> {
        let mut found = BTreeSet::new();
        for list in self.all(ORIGINS, &[], |cells| cells.list(0)).await? {
            found.extend(list);
            if found.len() >= max {
                break;
            }
        }
        Ok(found.into_iter().take(max).collect())
    }

    async fn update_publishable_key(&self, key: &PublishableKeyRecord) -> Result<bool, StoreError> {
        let changed = self
            .execute(
                "UPDATE publishable_keys SET name = $2, origins = $3, redirect_urls = $4, revoked_at = $5
                 WHERE id = $1",
                &[v(key.id), v(&key.name), v(joined(&key.origins)), v(joined(&key.redirect_urls)), v(key.revoked_at)],
            )
            .await?;
        Ok(changed == 1)
    }
}

pub(super) fn columns(key: &PublishableKeyRecord) -> [Value; 8] {
    [
        v(key.id),
        v(key.partner),
        v(&key.key),
        v(&key.name),
        v(joined(&key.origins)),
        v(joined(&key.redirect_urls)),
        v(key.created_at),
        v(key.revoked_at),
    ]
}

fn read(cells: &Cells<'_>) -> Result<PublishableKeyRecord, StoreError> {
    Ok(PublishableKeyRecord {
        id: cells.id(0)?,
        partner: cells.id(1)?,
        key: cells.text(2)?,
        name: cells.text(3)?,
        origins: cells.list(4)?,
        redirect_urls: cells.list(5)?,
        created_at: cells.time(6)?,
        revoked_at: cells.time_or_none(7)?,
    })
}
