//! What the operator's pages look up.

use crate::records::{AuditRecord, Key, User};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{EntryId, UserId};

/// Look-ups of people, keys and changes that no other use case needs.
#[async_trait]
pub trait OperatorReads: Send + Sync {
    /// At most `max` people below `before`, the highest id first.
    async fn latest_people(&self, before: UserId, max: u32) -> Result<Vec<User>, StoreError>;
    /// At most `max` people whose label contains this text, in any case, by label: of the latest 1,000 such people. A text of
    /// fewer than three characters is looked for at the beginning of labels only.
    async fn people_like(&self, text: &str, max: u32) -> Result<Vec<User>, StoreError>;
    /// At most `max` keys with these last characters, revoked ones too, by id.
    async fn keys_by_hint(&self, hint: &str, max: u32) -> Result<Vec<Key>, StoreError>;
    /// At most `max` records of changes below `before`, the highest id first; only those of this subject where there is one.
    async fn latest_audits(
        &self,
        subject: Option<&str>,
        before: EntryId,
        max: u32,
    ) -> Result<Vec<AuditRecord>, StoreError>;
}
