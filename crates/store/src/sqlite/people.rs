//! People and partners.

use super::rows::{blob, id, id_or_none, number, time};
use super::{SqliteStore, publishable, refused};
use crate::columns::first_key;
use crate::partners::is_publishable;
use crate::records::{Partner, Standing, User};
use crate::traits::{Partners, StoreError, Users};
use async_trait::async_trait;
use opencredits_units::{BasisPoints, PartnerId, UserId};
use rusqlite::{Row, params};

pub(super) const USER: &str = "SELECT id, wallet, label, created_at, suspended FROM users";
const PARTNER: &str =
    "SELECT id, name, publishable_key, share_bps, earnings, created_at, owner_id, suspended, markup_bps
     FROM partners";

const BY_KEY: &str = "SELECT partner_id FROM publishable_keys WHERE key = ?1 AND revoked_at IS NULL";

#[async_trait]
impl Users for SqliteStore {
    async fn add_user(&self, user: &User) -> Result<(), StoreError> {
        let user = user.clone();
        self.run(move |connection| {
            let suspended = user.standing == Standing::Suspended;
            let values =
                params![blob(user.id), blob(user.wallet), user.label, number(user.created_at.get()), suspended];
            connection
                .prepare_cached(
                    "INSERT INTO users (id, wallet, label, created_at, suspended) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(values)
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.one(format!("{USER} WHERE id = ?1"), [blob(id)], read_user).await
    }

    async fn user_by_label(&self, label: &str) -> Result<Option<User>, StoreError> {
        let label = label.to_owned();
        self.one(format!("{USER} WHERE label = ?1"), [label], read_user).await
    }

    async fn users(&self, after: UserId, max: u32) -> Result<Vec<User>, StoreError> {
        self.all(format!("{USER} WHERE id > ?1 ORDER BY id LIMIT ?2"), (blob(after), max), read_user).await
    }

    async fn set_standing(&self, id: UserId, standing: Standing) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let suspended = standing == Standing::Suspended;
            let changed = connection
                .prepare_cached("UPDATE users SET suspended = ?2 WHERE id = ?1")?
                .execute(params![blob(id), suspended])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn rename_user(&self, id: UserId, label: &str) -> Result<bool, StoreError> {
        let label = label.to_owned();
        self.run(move |connection| {
            let mut statement = connection.prepare_cached("UPDATE users SET label = ?2 WHERE id = ?1")?;
            Ok(statement.execute(params![blob(id), label]).map_err(refused)? == 1)
        })
        .await
    }
}

pub(super) fn read_user(row: &Row<'_>) -> Result<User, rusqlite::Error> {
    let standing = if row.get(4)? { Standing::Suspended } else { Standing::Good };
    Ok(User { id: id(row, 0)?, wallet: id(row, 1)?, label: row.get(2)?, created_at: time(row, 3)?, standing })
}

#[async_trait]
impl Partners for SqliteStore {
    async fn add_partner(&self, partner: &Partner) -> Result<(), StoreError> {
        let partner = partner.clone();
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            transaction
                .prepare_cached(
                    "INSERT INTO partners
                     (id, name, publishable_key, share_bps, earnings, created_at, owner_id, suspended, markup_bps)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    blob(partner.id),
                    partner.name,
                    partner.publishable_key,
                    partner.share.map(BasisPoints::get),
                    blob(partner.earnings),
                    number(partner.created_at.get()),
                    partner.owner.map(blob),
                    partner.standing == Standing::Suspended,
                    partner.markup.map(BasisPoints::get),
                ])
                .map_err(refused)?;
            publishable::insert(&transaction, &first_key(&partner))?;
            transaction.commit()?;
            Ok(())
        })
        .await
    }

    async fn partner(&self, id: PartnerId) -> Result<Option<Partner>, StoreError> {
        self.one(format!("{PARTNER} WHERE id = ?1"), [blob(id)], read_partner).await
    }

    async fn partner_by_name(&self, name: &str) -> Result<Option<Partner>, StoreError> {
        let name = name.to_owned();
        self.one(format!("{PARTNER} WHERE name = ?1"), [name], read_partner).await
    }

    async fn partner_by_key(&self, publishable_key: &str) -> Result<Option<Partner>, StoreError> {
        if !is_publishable(publishable_key) {
            return Ok(None);
        }
        let key = publishable_key.to_owned();
        self.one(format!("{PARTNER} WHERE id = ({BY_KEY})"), [key], read_partner).await
    }

    async fn update_partner(&self, partner: &Partner) -> Result<bool, StoreError> {
        let partner = partner.clone();
        self.run(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE partners SET name = ?2, share_bps = ?3, owner_id = ?4, suspended = ?5, markup_bps = ?6
                     WHERE id = ?1",
                )?
                .execute(params![
                    blob(partner.id),
                    partner.name,
                    partner.share.map(BasisPoints::get),
                    partner.owner.map(blob),
                    partner.standing == Standing::Suspended,
                    partner.markup.map(BasisPoints::get),
                ])
                .map_err(refused)?;
            Ok(changed == 1)
        })
        .await
    }

    async fn partners(&self, after: PartnerId, max: u32) -> Result<Vec<Partner>, StoreError> {
        self.all(format!("{PARTNER} WHERE id > ?1 ORDER BY id LIMIT ?2"), (blob(after), max), read_partner).await
    }

    async fn partners_owned_by(&self, owner: UserId, max: u32) -> Result<Vec<Partner>, StoreError> {
        // Partners are few, so that the table needs no index of their owners.
        let sql = format!("{PARTNER} WHERE owner_id = ?1 ORDER BY id LIMIT ?2");
        self.all(sql, (blob(owner), max), read_partner).await
    }
}

fn read_partner(row: &Row<'_>) -> Result<Partner, rusqlite::Error> {
    Ok(Partner {
        id: id(row, 0)?,
        name: row.get(1)?,
        publishable_key: row.get(2)?,
        share: row.get::<_, Option<u32>>(3)?.map(BasisPoints::new),
        earnings: id(row, 4)?,
        created_at: time(row, 5)?,
        owner: id_or_none(row, 6)?,
        standing: if row.get(7)? { Standing::Suspended } else { Standing::Good },
        markup: row.get::<_, Option<u32>>(8)?.map(BasisPoints::new),
    })
}
