//! The limits of people and of apps at people.

use super::rows::{blob, id, limit_or_none, number};
use super::{SqliteStore, refused};
use crate::records::{LimitOwner, LimitReset, OwnedLimit, SpendingLimit};
use crate::traits::{SpendingLimits, StoreError};
use async_trait::async_trait;
use opencredits_units::{AccountId, PartnerId, UserId};
use rusqlite::{Connection, OptionalExtension, params};

/// The limits with a reset, of whatever owner; a revoked key has none any more.
const RESETS: &str = "
    SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM person_caps WHERE limit_reset IS NOT NULL
    UNION ALL SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM grants WHERE limit_reset IS NOT NULL
    UNION ALL SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM user_keys
        WHERE limit_reset IS NOT NULL AND limit_account IS NOT NULL AND revoked_at IS NULL";

const LIMITS_OF_PEOPLE: &str = "
    SELECT user_id, NULL, limit_account, limit_nano_usd, limit_reset, limit_since FROM person_caps
    WHERE user_id BETWEEN ?1 AND ?2
    UNION ALL SELECT g.user_id, p.name, g.limit_account, g.limit_nano_usd, g.limit_reset, g.limit_since
    FROM grants g JOIN partners p ON p.id = g.partner_id WHERE g.user_id BETWEEN ?1 AND ?2
    ORDER BY 1, 3";

#[async_trait]
impl SpendingLimits for SqliteStore {
    async fn spending_limit(&self, owner: LimitOwner) -> Result<Option<SpendingLimit>, StoreError> {
        self.run(move |connection| {
            let found = match owner {
                LimitOwner::Person(user) => connection
                    .prepare_cached(
                        "SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM person_caps
                         WHERE user_id = ?1",
                    )?
                    .query_row([blob(user)], |row| limit_or_none(row, 0))
                    .optional()?,
                LimitOwner::Grant(user, partner) => connection
                    .prepare_cached(
                        "SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM grants
                         WHERE user_id = ?1 AND partner_id = ?2",
                    )?
                    .query_row([blob(user), blob(partner)], |row| limit_or_none(row, 0))
                    .optional()?,
            };
            Ok(found.flatten())
        })
        .await
    }

    async fn set_spending_limit(&self, owner: LimitOwner, limit: Option<SpendingLimit>) -> Result<(), StoreError> {
        self.run(move |connection| match (owner, limit) {
            (LimitOwner::Person(user), Some(limit)) => set_cap(connection, user, limit),
            (LimitOwner::Grant(user, partner), Some(limit)) => set_grant(connection, (user, partner), limit),
            (LimitOwner::Person(user), None) => {
                connection.execute("DELETE FROM person_caps WHERE user_id = ?1", [blob(user)])?;
                Ok(())
            }
            (LimitOwner::Grant(user, partner), None) => {
                let pair = [blob(user), blob(partner)];
                connection.execute("DELETE FROM grants WHERE user_id = ?1 AND partner_id = ?2", pair)?;
                Ok(())
            }
        })
        .await
    }

    async fn limits_of_people(&self, first: UserId, last: UserId) -> Result<Vec<OwnedLimit>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(LIMITS_OF_PEOPLE)?;
            let rows = statement.query_map([blob(first), blob(last)], |row| {
                let limit = limit_or_none(row, 2)?;
                Ok(limit.map(|limit| (id(row, 0), row.get(1), limit)))
            })?;
            let mut limits = Vec::new();
            for (user, app, limit) in rows.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()? {
                limits.push(OwnedLimit { user: user?, app: app?, limit });
            }
            Ok(limits)
        })
        .await
    }

    async fn limits_with_reset(&self, after: AccountId, max: u32) -> Result<Vec<SpendingLimit>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT * FROM ({RESETS}) WHERE limit_account > ?1 ORDER BY limit_account LIMIT ?2"
            ))?;
            let rows = statement.query_map(params![blob(after), max], |row| limit_or_none(row, 0))?;
            let limits: Vec<Option<SpendingLimit>> = rows.collect::<Result<_, _>>()?;
            Ok(limits.into_iter().flatten().collect())
        })
        .await
    }
}

fn set_cap(connection: &Connection, user: UserId, limit: SpendingLimit) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO person_caps (user_id, limit_account, limit_nano_usd, limit_reset, limit_since)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (user_id) DO UPDATE SET limit_account = excluded.limit_account,
                 limit_nano_usd = excluded.limit_nano_usd, limit_reset = excluded.limit_reset,
                 limit_since = excluded.limit_since",
        )?
        .execute(params![
            blob(user),
            blob(limit.account),
            limit.amount.get(),
            limit.reset.map(LimitReset::name),
            number(limit.since.get())
        ])
        .map_err(refused)?;
    Ok(())
}

fn set_grant(connection: &Connection, pair: (UserId, PartnerId), limit: SpendingLimit) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO grants (user_id, partner_id, limit_account, limit_nano_usd, limit_reset, limit_since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (user_id, partner_id) DO UPDATE SET limit_account = excluded.limit_account,
                 limit_nano_usd = excluded.limit_nano_usd, limit_reset = excluded.limit_reset,
                 limit_since = excluded.limit_since",
        )?
        .execute(params![
            blob(pair.0),
            blob(pair.1),
            blob(limit.account),
            limit.amount.get(),
            limit.reset.map(LimitReset::name),
            number(limit.since.get())
        ])
        .map_err(refused)?;
    Ok(())
}
