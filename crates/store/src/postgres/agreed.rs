//! What people agreed to, for their export.

use super::PostgresStore;
use super::connections::{CODE, FAMILY, read_code, read_family};
use super::devices::{DEVICE, read_device};
use super::values::v;
use crate::connections::{AgreedGrants, CodeRecord, DeviceRecord, FamilyRecord, GrantId};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UserId;

#[async_trait]
impl AgreedGrants for PostgresStore {
    async fn codes_of(&self, user: UserId, after: GrantId, max: u32) -> Result<Vec<CodeRecord>, StoreError> {
        let query = format!("{CODE} WHERE user_id = $1 AND family_id > $2 ORDER BY family_id LIMIT $3");
        self.all(&query, &[v(user), v(after), v(max)], read_code).await
    }

    async fn families_of(&self, user: UserId, after: GrantId, max: u32) -> Result<Vec<FamilyRecord>, StoreError> {
        let query = format!("{FAMILY} WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3");
        self.all(&query, &[v(user), v(after), v(max)], read_family).await
    }

    async fn devices_of(&self, user: UserId, after: GrantId, max: u32) -> Result<Vec<DeviceRecord>, StoreError> {
        let query = format!("{DEVICE} WHERE user_id = $1 AND family_id > $2 ORDER BY family_id LIMIT $3");
        self.all(&query, &[v(user), v(after), v(max)], read_device).await
    }
}
