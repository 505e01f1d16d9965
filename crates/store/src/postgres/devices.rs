//! Device requests.

use super::cells::Cells;
use super::connections::insert_family;
use super::values::v;
use super::{PostgresStore, lock};
use crate::columns::joined;
use crate::connections::{DeviceRecord, DeviceRequests, DeviceStanding, FamilyRecord};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::UnixMs;

pub(super) const DEVICE: &str =
    "SELECT digest, user_code, client_id, scopes, resources, expires_at, interval_ms, polled_at, state, user_id,
    family_id, version FROM device_requests";
const ADD: &str = "
    INSERT INTO device_requests (digest, user_code, client_id, scopes, resources, expires_at, interval_ms, polled_at,
        state, user_id, family_id, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

#[async_trait]
impl DeviceRequests for PostgresStore {
    async fn add_device(&self, device: &DeviceRecord, now: UnixMs, open_max: u32) -> Result<bool, StoreError> {
        let (state, user, family) = device.standing.columns();
        let values = &[
            v(device.digest),
            v(device.user_code),
            v(&device.client_id),
            v(joined(&device.scopes)),
            v(joined(&device.resources)),
            v(device.expires_at),
            v(device.interval_ms),
            v(device.polled_at),
            v(state),
            v(user),
            v(family),
            v(device.version),
        ];
        self.transaction(|transaction| async move {
            lock(&transaction, "device_requests").await?;
            let query = "SELECT count(*) FROM device_requests WHERE client_id = $1 AND expires_at > $2";
            let open: Option<u32> =
                transaction.one(query, &[v(&device.client_id), v(now)], |cells| cells.count(0)).await?;
            if open.unwrap_or_default() >= open_max {
                return Ok(false);
            }
            transaction.execute(ADD, values).await?;
            Ok(true)
        })
        .await
    }

    async fn device(&self, digest: &KeyDigest) -> Result<Option<DeviceRecord>, StoreError> {
        self.one(&format!("{DEVICE} WHERE digest = $1"), &[v(*digest)], read_device).await
    }

    async fn device_by_user_code(&self, user_code: &KeyDigest) -> Result<Option<DeviceRecord>, StoreError> {
        self.one(&format!("{DEVICE} WHERE user_code = $1"), &[v(*user_code)], read_device).await
    }

    async fn update_device(&self, device: &DeviceRecord, begun: Option<&FamilyRecord>) -> Result<bool, StoreError> {
        let (state, user, family) = device.standing.columns();
        self.transaction(|transaction| async move {
            let changed = transaction
                .execute(
                    "UPDATE device_requests SET interval_ms = $3, polled_at = $4, state = $5, user_id = $6,
                        family_id = $7, version = version + 1
                     WHERE digest = $1 AND version = $2",
                    &[
                        v(device.digest),
                        v(device.version),
                        v(device.interval_ms),
                        v(device.polled_at),
                        v(state),
                        v(user),
                        v(family),
                    ],
                )
                .await?;
            if changed != 1 {
                return Ok(false);
            }
            if let Some(family) = begun {
                insert_family(&transaction, family).await?;
            }
            Ok(true)
        })
        .await
    }
}

pub(super) fn read_device(cells: &Cells<'_>) -> Result<DeviceRecord, StoreError> {
    let (user, family) = (cells.id_or_none(9)?, cells.id_or_none(10)?);
    Ok(DeviceRecord {
        digest: cells.digest(0)?,
        user_code: cells.digest(1)?,
        client_id: cells.text(2)?,
        scopes: cells.list(3)?,
        resources: cells.list(4)?,
        expires_at: cells.time(5)?,
        interval_ms: cells.count(6)?,
        polled_at: cells.time_or_none(7)?,
        standing: cells.known(DeviceStanding::of_columns(cells.count(8)?, user, family))?,
        version: cells.count(11)?,
    })
}
