//! Published versions of the policy.

use super::rows::{blob, count, id, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::privacy::{Policies, PolicyVersion};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{UnixMs, UserId};
use rusqlite::params;

const POLICIES: &str = "
    SELECT version, effective_at, summary, published_at, told_until, told, told_at FROM policy_versions
    ORDER BY published_at, version";
const ADDRESSED: &str = "
    SELECT e.user_id FROM user_emails e JOIN users u ON u.id = e.user_id
    WHERE e.user_id > ?1 AND u.created_at < ?2 ORDER BY e.user_id LIMIT ?3";

#[async_trait]
impl Policies for SqliteStore {
    async fn add_policy(&self, policy: &PolicyVersion) -> Result<(), StoreError> {
        let policy = policy.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO policy_versions (version, effective_at, summary, published_at, told_until)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    policy.version,
                    number(policy.effective_at.get()),
                    policy.summary,
                    number(policy.published_at.get()),
                    blob(policy.told_until),
                ])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn policies(&self) -> Result<Vec<PolicyVersion>, StoreError> {
        self.all(POLICIES.to_owned(), [], |row| {
            Ok(PolicyVersion {
                version: row.get(0)?,
                effective_at: time(row, 1)?,
                summary: row.get(2)?,
                published_at: time(row, 3)?,
                told_until: id(row, 4)?,
                told: count(row, 5)?,
                told_at: time_or_none(row, 6)?,
            })
        })
        .await
    }

    async fn set_told(&self, policy: &PolicyVersion) -> Result<(), StoreError> {
        let policy = policy.clone();
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE policy_versions SET told_until = ?2, told = ?3, told_at = ?4 WHERE version = ?1",
                )?
                .execute(params![
                    policy.version,
                    blob(policy.told_until),
                    number(policy.told),
                    policy.told_at.map(|at| number(at.get())),
                ])?;
            Ok(())
        })
        .await
    }

    async fn addressed(&self, after: UserId, before: UnixMs, max: u32) -> Result<Vec<UserId>, StoreError> {
        self.all(ADDRESSED.to_owned(), (blob(after), number(before.get()), max), |row| id(row, 0)).await
    }
}
