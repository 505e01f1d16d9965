//! Published versions of the policy.

use super::PostgresStore;
use super::values::v;
use crate::privacy::{Policies, PolicyVersion};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{UnixMs, UserId};

const POLICIES: &str = "
    SELECT version, effective_at, summary, published_at, told_until, told, told_at FROM policy_versions
    ORDER BY published_at, version";
const ADDRESSED: &str = "
    SELECT e.user_id FROM user_emails e JOIN users u ON u.id = e.user_id
    WHERE e.user_id > $1 AND u.created_at < $2 ORDER BY e.user_id LIMIT $3";

#[async_trait]
impl Policies for PostgresStore {
    async fn add_policy(&self, policy: &PolicyVersion) -> Result<(), StoreError> {
        let PolicyVersion { version, effective_at, summary, published_at, told_until, .. } = policy;
        self.execute(
            "INSERT INTO policy_versions (version, effective_at, summary, published_at, told_until)
             VALUES ($1, $2, $3, $4, $5)",
            &[v(version), v(*effective_at), v(summary), v(*published_at), v(*told_until)],
        )
        .await?;
        Ok(())
    }

    async fn policies(&self) -> Result<Vec<PolicyVersion>, StoreError> {
        self.all(POLICIES, &[], |cells| {
            Ok(PolicyVersion {
                version: cells.text(0)?,
                effective_at: cells.time(1)?,
                summary: cells.text(2)?,
                published_at: cells.time(3)?,
                told_until: cells.id(4)?,
                told: cells.count(5)?,
                told_at: cells.time_or_none(6)?,
            })
        })
        .await
    }

    async fn set_told(&self, policy: &PolicyVersion) -> Result<(), StoreError> {
        let sql = "UPDATE policy_versions SET told_until = $2, told = $3, told_at = $4 WHERE version = $1";
        self.execute(sql, &[v(&policy.version), v(policy.told_until), v(policy.told), v(policy.told_at)]).await?;
        Ok(())
    }

    async fn addressed(&self, after: UserId, before: UnixMs, max: u32) -> Result<Vec<UserId>, StoreError> {
        self.all(ADDRESSED, &[v(after), v(before), v(max)], |cells| cells.id(0)).await
    }
}
