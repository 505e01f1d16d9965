//! The limits of people and of apps at people.

use super::PostgresStore;
use super::values::{Value, v};
use crate::records::{LimitOwner, LimitReset, OwnedLimit, SpendingLimit};
use crate::traits::{SpendingLimits, StoreError};
use async_trait::async_trait;
use opencredits_units::{AccountId, UserId};

/// The limits with a reset, of whatever owner; a revoked key has none any more.
const RESETS: &str = "
    SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM person_caps WHERE limit_reset IS NOT NULL
    UNION ALL SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM grants WHERE limit_reset IS NOT NULL
    UNION ALL SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM user_keys
        WHERE limit_reset IS NOT NULL AND limit_account IS NOT NULL AND revoked_at IS NULL";
const LIMITS_OF_PEOPLE: &str = "
    SELECT user_id, CAST(NULL AS text), limit_account, limit_nano_usd, limit_reset, limit_since FROM person_caps
    WHERE user_id BETWEEN $1 AND $2
    UNION ALL SELECT g.user_id, p.name, g.limit_account, g.limit_nano_usd, g.limit_reset, g.limit_since
    FROM grants g JOIN partners p ON p.id = g.partner_id WHERE g.user_id BETWEEN $1 AND $2
    ORDER BY 1, 3";
const OF_PERSON: &str =
    "SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM person_caps WHERE user_id = $1";
const OF_GRANT: &str = "
    SELECT limit_account, limit_nano_usd, limit_reset, limit_since FROM grants WHERE user_id = $1 AND partner_id = $2";
const SET_OF_PERSON: &str = "
    INSERT INTO person_caps (user_id, limit_account, limit_nano_usd, limit_reset, limit_since)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (user_id) DO UPDATE SET limit_account = excluded.limit_account,
        limit_nano_usd = excluded.limit_nano_usd, limit_reset = excluded.limit_reset,
        limit_since = excluded.limit_since";
const SET_OF_GRANT: &str = "
    INSERT INTO grants (user_id, partner_id, limit_account, limit_nano_usd, limit_reset, limit_since)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (user_id, partner_id) DO UPDATE SET limit_account = excluded.limit_account,
        limit_nano_usd = excluded.limit_nano_usd, limit_reset = excluded.limit_reset,
        limit_since = excluded.limit_since";

#[async_trait]
impl SpendingLimits for PostgresStore {
    async fn spending_limit(&self, owner: LimitOwner) -> Result<Option<SpendingLimit>, StoreError> {
        let sql = match owner {
            LimitOwner::Person(_) => OF_PERSON,
            LimitOwner::Grant(..) => OF_GRANT,
        };
        Ok(self.one(sql, &columns(owner), |cells| cells.limit_or_none(0)).await?.flatten())
    }

    async fn set_spending_limit(&self, owner: LimitOwner, limit: Option<SpendingLimit>) -> Result<(), StoreError> {
        let mut values = columns(owner);
        if let Some(SpendingLimit { account, amount, reset, since }) = limit {
            values.extend([v(account), v(amount), v(reset.map(LimitReset::name)), v(since)]);
        }
        let sql = match (owner, limit) {
            (LimitOwner::Person(_), Some(_)) => SET_OF_PERSON,
            (LimitOwner::Grant(..), Some(_)) => SET_OF_GRANT,
            (LimitOwner::Person(_), None) => "DELETE FROM person_caps WHERE user_id = $1",
            (LimitOwner::Grant(..), None) => "DELETE FROM grants WHERE user_id = $1 AND partner_id = $2",
        };
        self.execute(sql, &values).await?;
        Ok(())
    }

    async fn limits_of_people(&self, first: UserId, last: UserId) -> Result<Vec<OwnedLimit>, StoreError> {
        let people = [v(first), v(last)];
        let rows = self.all(LIMITS_OF_PEOPLE, &people, |cells| {
            let limit = cells.limit_or_none(2)?;
            let (user, app) = (cells.id(0)?, cells.text_or_none(1)?);
            Ok(limit.map(|limit| OwnedLimit { user, app, limit }))
        });
        Ok(rows.await?.into_iter().flatten().collect())
    }

    async fn limits_with_reset(&self, after: AccountId, max: u32) -> Result<Vec<SpendingLimit>, StoreError> {
        let sql = format!("SELECT * FROM ({RESETS}) AS r WHERE limit_account > $1 ORDER BY limit_account LIMIT $2");
        let limits = self.all(&sql, &[v(after), v(max)], |cells| cells.limit_or_none(0)).await?;
        Ok(limits.into_iter().flatten().collect())
    }
}

fn columns(owner: LimitOwner) -> Vec<Value> {
    match owner {
        LimitOwner::Person(user) => vec![v(user)],
        LimitOwner::Grant(user, partner) => vec![v(user), v(partner)],
    }
}
