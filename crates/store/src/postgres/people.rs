//! People and partners.

use super::cells::Cells;
use super::values::v;
use super::{PostgresStore, publishable};
use crate::columns::first_key;
use crate::partners::is_publishable;
use crate::records::{Partner, Standing, User};
use crate::traits::{Partners, StoreError, Users};
use async_trait::async_trait;
use opencredits_units::{BasisPoints, PartnerId, UserId};

pub(super) const USER: &str = "SELECT id, wallet, label, created_at, suspended FROM users";
const PARTNER: &str =
    "SELECT id, name, publishable_key, share_bps, earnings, created_at, owner_id, suspended, markup_bps
     FROM partners";
const BY_KEY: &str = "SELECT partner_id FROM publishable_keys WHERE key = $1 AND revoked_at IS NULL";

#[async_trait]
impl Users for PostgresStore {
    async fn add_user(&self, user: &User) -> Result<(), StoreError> {
        let suspended = user.standing == Standing::Suspended;
        self.execute(
            "INSERT INTO users (id, wallet, label, created_at, suspended) VALUES ($1, $2, $3, $4, $5)",
            &[v(user.id), v(user.wallet), v(&user.label), v(user.created_at), v(suspended)],
        )
        .await?;
        Ok(())
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.one(&format!("{USER} WHERE id = $1"), &[v(id)], read_user).await
    }

    async fn user_by_label(&self, label: &str) -> Result<Option<User>, StoreError> {
        self.one(&format!("{USER} WHERE label = $1"), &[v(label)], read_user).await
    }

    async fn users(&self, after: UserId, max: u32) -> Result<Vec<User>, StoreError> {
        self.all(&format!("{USER} WHERE id > $1 ORDER BY id LIMIT $2"), &[v(after), v(max)], read_user).await
    }

    async fn set_standing(&self, id: UserId, standing: Standing) -> Result<bool, StoreError> {
        let suspended = standing == Standing::Suspended;
        Ok(self.execute("UPDATE users SET suspended = $2 WHERE id = $1", &[v(id), v(suspended)]).await? == 1)
    }

    async fn rename_user(&self, id: UserId, label: &str) -> Result<bool, StoreError> {
        Ok(self.execute("UPDATE users SET label = $2 WHERE id = $1", &[v(id), v(label)]).await? == 1)
    }
}

pub(super) fn read_user(cells: &Cells<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: cells.id(0)?,
        wallet: cells.id(1)?,
        label: cells.text(2)?,
        created_at: cells.time(3)?,
        standing: standing(cells, 4)?,
    })
}

fn standing(cells: &Cells<'_>, column: usize) -> Result<Standing, StoreError> {
    Ok(if cells.flag(column)? { Standing::Suspended } else { Standing::Good })
}

#[async_trait]
impl Partners for PostgresStore {
    async fn add_partner(&self, partner: &Partner) -> Result<(), StoreError> {
        self.transaction(|transaction| async move {
            transaction
                .execute(
                    "INSERT INTO partners
                     (id, name, publishable_key, share_bps, earnings, created_at, owner_id, suspended, markup_bps)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                    &[
                        v(partner.id),
                        v(&partner.name),
                        v(&partner.publishable_key),
                        v(partner.share),
                        v(partner.earnings),
                        v(partner.created_at),
                        v(partner.owner),
                        v(partner.standing == Standing::Suspended),
                        v(partner.markup),
                    ],
                )
                .await?;
            transaction.execute(publishable::ADD, &publishable::columns(&first_key(partner))).await?;
            Ok(())
        })
        .await
    }

    async fn partner(&self, id: PartnerId) -> Result<Option<Partner>, StoreError> {
        self.one(&format!("{PARTNER} WHERE id = $1"), &[v(id)], read_partner).await
    }

    async fn partner_by_name(&self, name: &str) -> Result<Option<Partner>, StoreError> {
        self.one(&format!("{PARTNER} WHERE name = $1"), &[v(name)], read_partner).await
    }

    async fn partner_by_key(&self, publishable_key: &str) -> Result<Option<Partner>, StoreError> {
        if !is_publishable(publishable_key) {
            return Ok(None);
        }
        self.one(&format!("{PARTNER} WHERE id = ({BY_KEY})"), &[v(publishable_key)], read_partner).await
    }

    async fn update_partner(&self, partner: &Partner) -> Result<bool, StoreError> {
        let changed = self
            .execute(
                "UPDATE partners SET name = $2, share_bps = $3, owner_id = $4, suspended = $5, markup_bps = $6
                 WHERE id = $1",
                &[
                    v(partner.id),
                    v(&partner.name),
                    v(partner.share),
                    v(partner.owner),
                    v(partner.standing == Standing::Suspended),
                    v(partner.markup),
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    async fn partners(&self, after: PartnerId, max: u32) -> Result<Vec<Partner>, StoreError> {
        self.all(&format!("{PARTNER} WHERE id > $1 ORDER BY id LIMIT $2"), &[v(after), v(max)], read_partner).await
    }

    async fn partners_owned_by(&self, owner: UserId, max: u32) -> Result<Vec<Partner>, StoreError> {
        // Partners are few, so that the table needs no index of their owners.
        let sql = format!("{PARTNER} WHERE owner_id = $1 ORDER BY id LIMIT $2");
        self.all(&sql, &[v(owner), v(max)], read_partner).await
    }
}

fn read_partner(cells: &Cells<'_>) -> Result<Partner, StoreError> {
    Ok(Partner {
        id: cells.id(0)?,
        name: cells.text(1)?,
        publishable_key: cells.text(2)?,
        share: cells.count_or_none(3)?.map(BasisPoints::new),
        earnings: cells.id(4)?,
        created_at: cells.time(5)?,
        owner: cells.id_or_none(6)?,
        standing: standing(cells, 7)?,
        markup: cells.count_or_none(8)?.map(BasisPoints::new),
    })
}
