//! Device requests.

use super::connections::{insert_family, list};
use super::rows::{blob, count, id_or_none, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::columns::joined;
use crate::connections::{DeviceRecord, DeviceRequests, DeviceStanding, FamilyRecord, GrantId};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{UnixMs, UserId};
use rusqlite::{Connection, Error, Row, params};

const DEVICE: &str =
    "SELECT digest, user_code, client_id, scopes, resources, expires_at, interval_ms, polled_at, state, user_id,
    family_id, version FROM device_requests";

#[async_trait]
impl DeviceRequests for SqliteStore {
    async fn add_device(&self, device: &DeviceRecord, now: UnixMs, open_max: u32) -> Result<bool, StoreError> {
        let device = device.clone();
        self.run(move |connection| {
            let query = "SELECT count(*) FROM device_requests WHERE client_id = ?1 AND expires_at > ?2";
            let values = params![device.client_id, number(now.get())];
            let open = connection.prepare_cached(query)?.query_row(values, |row| count(row, 0))?;
            if open >= u64::from(open_max) {
                return Ok(false);
            }
            insert(connection, &device)?;
            Ok(true)
        })
        .await
    }

    async fn device(&self, digest: &KeyDigest) -> Result<Option<DeviceRecord>, StoreError> {
        self.one(format!("{DEVICE} WHERE digest = ?1"), [*digest.as_bytes()], read).await
    }

    async fn device_by_user_code(&self, user_code: &KeyDigest) -> Result<Option<DeviceRecord>, StoreError> {
        self.one(format!("{DEVICE} WHERE user_code = ?1"), [*user_code.as_bytes()], read).await
    }

    async fn update_device(&self, device: &DeviceRecord, begun: Option<&FamilyRecord>) -> Result<bool, StoreError> {
        let (device, begun) = (device.clone(), begun.cloned());
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let (state, user, family) = device.standing.columns();
            let changed = transaction
                .prepare_cached(
                    "UPDATE device_requests SET interval_ms = ?3, polled_at = ?4, state = ?5, user_id = ?6,
                        family_id = ?7, version = version + 1
                     WHERE digest = ?1 AND version = ?2",
                )?
                .execute(params![
                    device.digest.as_bytes(),
                    number(device.version),
                    number(device.interval_ms),
                    device.polled_at.map(|at| number(at.get())),
                    state,
                    user.map(blob),
                    family.map(blob),
                ])
                .map_err(refused)?;
            if changed != 1 {
                return Ok(false);
            }
            if let Some(family) = begun {
                insert_family(&transaction, &family)?;
            }
            transaction.commit()?;
            Ok(true)
        })
        .await
    }
}

/// At most so many requests that a person has agreed to, by family, those above another.
pub(super) async fn devices_of(
    store: &SqliteStore,
    (user, after, max): (UserId, GrantId, u32),
) -> Result<Vec<DeviceRecord>, StoreError> {
    let query = format!("{DEVICE} WHERE user_id = ?1 AND family_id > ?2 ORDER BY family_id LIMIT ?3");
    store.all(query, (blob(user), blob(after), max), read).await
}

fn insert(connection: &Connection, device: &DeviceRecord) -> Result<(), StoreError> {
    let (state, user, family) = device.standing.columns();
    connection
        .prepare_cached(
            "INSERT INTO device_requests (digest, user_code, client_id, scopes, resources, expires_at, interval_ms,
                polled_at, state, user_id, family_id, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            device.digest.as_bytes(),
            device.user_code.as_bytes(),
            device.client_id,
            joined(&device.scopes),
            joined(&device.resources),
            number(device.expires_at.get()),
            number(device.interval_ms),
            device.polled_at.map(|at| number(at.get())),
            state,
            user.map(blob),
            family.map(blob),
            number(device.version),
        ])
        .map_err(refused)?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<DeviceRecord, Error> {
    let (user, family) = (id_or_none(row, 9)?, id_or_none(row, 10)?);
    let standing = DeviceStanding::of_columns(count(row, 8)?, user, family).ok_or(Error::InvalidQuery)?;
    Ok(DeviceRecord {
        digest: KeyDigest::from_bytes(row.get(0)?),
        user_code: KeyDigest::from_bytes(row.get(1)?),
        client_id: row.get(2)?,
        scopes: list(row, 3)?,
        resources: list(row, 4)?,
        expires_at: time(row, 5)?,
        interval_ms: count(row, 6)?,
        polled_at: time_or_none(row, 7)?,
        standing,
        version: count(row, 11)?,
    })
}
