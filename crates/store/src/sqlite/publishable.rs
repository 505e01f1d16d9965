//! Keys that name partners in browsers.

use super::rows::{blob, id, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::columns::{joined, list_of};
use crate::partners::{PublishableKeyRecord, PublishableKeys, is_publishable};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{KeyId, PartnerId};
use rusqlite::{Connection, Row, params};
use std::collections::BTreeSet;

const KEY: &str =
    "SELECT id, partner_id, key, name, origins, redirect_urls, created_at, revoked_at FROM publishable_keys";
/// The lists of keys in force.
const ORIGINS: &str = "SELECT k.origins FROM publishable_keys AS k JOIN partners AS p ON p.id = k.partner_id
     WHERE k.revoked_at IS NULL AND NOT p.suspended AND k.origins <> '' ORDER BY k.id";

#[async_trait]
impl PublishableKeys for SqliteStore {
    async fn add_publishable_key(&self, key: &PublishableKeyRecord) -> Result<(), StoreError> {
        let key = key.clone();
        self.run(move |connection| insert(connection, &key)).await
    }

    async fn publishable_key(&self, text: &str) -> Result<Option<PublishableKeyRecord>, StoreError> {
        if !is_publishable(text) {
            return Ok(None);
        }
        let text = text.to_owned();
        self.one(format!("{KEY} WHERE key = ?1"), [text], read).await
    }

    async fn publishable_key_by_id(&self, id: KeyId) -> Result<Option<PublishableKeyRecord>, StoreError> {
        self.one(format!("{KEY} WHERE id = ?1"), [blob(id)], read).await
    }

    async fn publishable_keys_of(&self, partner: PartnerId) -> Result<Vec<PublishableKeyRecord>, StoreError> {
        self.all(format!("{KEY} WHERE partner_id = ?1 ORDER BY id"), [blob(partner)], read).await
    }

    async fn publishable_origins(&self, max: usize) -> Result<Vec<String>, StoreError> {
        self.run(move |connection| {
            let mut found = BTreeSet::new();
            let mut statement = connection.prepare_cached(ORIGINS)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let list: String = row.get(0)?;
                found.extend(list.lines().map(str::to_owned));
                if found.len() >= max {
                    break;
                }
            }
            Ok(found.into_iter().take(max).collect())
        })
        .await
    }

    async fn update_publishable_key(&self, key: &PublishableKeyRecord) -> Result<bool, StoreError> {
        let key = key.clone();
        self.run(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE publishable_keys SET name = ?2, origins = ?3, redirect_urls = ?4, revoked_at = ?5
                     WHERE id = ?1",
                )?
                .execute(params![
                    blob(key.id),
                    key.name,
                    joined(&key.origins),
                    joined(&key.redirect_urls),
                    key.revoked_at.map(|at| number(at.get())),
                ])?;
            Ok(changed == 1)
        })
        .await
    }
}

pub(super) fn insert(connection: &Connection, key: &PublishableKeyRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO publishable_keys
             (id, partner_id, key, name, origins, redirect_urls, created_at, revoked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            blob(key.id),
            blob(key.partner),
            key.key,
            key.name,
            joined(&key.origins),
            joined(&key.redirect_urls),
            number(key.created_at.get()),
            key.revoked_at.map(|at| number(at.get())),
        ])
        .map_err(refused)?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<PublishableKeyRecord, rusqlite::Error> {
    let list = |column: usize| -> Result<Vec<String>, rusqlite::Error> {
        let text: String = row.get(column)?;
        Ok(list_of(&text))
    };
    Ok(PublishableKeyRecord {
        id: id(row, 0)?,
        partner: id(row, 1)?,
        key: row.get(2)?,
        name: row.get(3)?,
        origins: list(4)?,
        redirect_urls: list(5)?,
        created_at: time(row, 6)?,
        revoked_at: time_or_none(row, 7)?,
    })
}
