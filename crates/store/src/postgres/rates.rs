//! Limits of keys that processes share, by the clock of the database: those of the processes may differ by minutes.
//!
//! A lease is one statement. Places are counted over several rows, so whoever takes one holds the row of the key that has no holder.

use super::PostgresStore;
use super::values::v;
use crate::rates::{KEPT_MS, OWED_KEPT_MS, PLACE_LASTS_MS, RATE_WINDOW_MS, RateBucket, RateLease, SharedRates, owed};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{KeyId, UnixMs};

/// The time at which the statement began, the same wherever it stands in it.
pub(super) const NOW: &str = "CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS bigint)";
/// The time, also after the statement has waited.
pub(super) const CLOCK: &str = "CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint)";
const GIVE_BACK: &str = "
    UPDATE rate_windows SET used = greatest(used - CAST($3 AS bigint), 0) WHERE bucket = $1 AND window_start = $2";
const LEAVE: &str = "UPDATE rate_places SET places = places - 1 WHERE key_id = $1 AND holder = $2 AND places > 0";

/// Takes a lease and returns it: of the bucket $1 as much as $2 of the limit $3.
fn lease() -> String {
    // A statement that waited for the row may find it in the next window. A later one is of a clock that went back: all begins anew.
    let is_same =
        format!("held.window_start BETWEEN excluded.window_start AND excluded.window_start + {RATE_WINDOW_MS}");
    // Each window since has paid off as much as its limit.
    let carried = format!(
        "greatest(held.used - greatest(held.window_max, excluded.window_max)
            - ((excluded.window_start - held.window_start) / {RATE_WINDOW_MS} - 1) * excluded.window_max, 0)"
    );
    let before = format!(
        "(CASE WHEN {is_same} THEN held.used WHEN held.window_start < excluded.window_start THEN {carried} ELSE 0 END)"
    );
    let after = format!("least({before} + excluded.granted, greatest({before}, excluded.window_max))");
    let (want, max) = ("CAST($2 AS bigint)", "CAST($3 AS bigint)");
    format!(
        "INSERT INTO rate_windows AS held (bucket, window_start, used, window_max, granted)
         VALUES ($1, {NOW} - {NOW} % {RATE_WINDOW_MS}, least({want}, {max}), {max}, least({want}, {max}))
         ON CONFLICT (bucket) DO UPDATE SET
            window_start = CASE WHEN {is_same} THEN held.window_start ELSE excluded.window_start END,
            used = {after},
            window_max =
                CASE WHEN {is_same} THEN greatest(held.window_max, excluded.window_max) ELSE excluded.window_max END,
            granted = {after} - {before}
         RETURNING granted, greatest({max} - used, 0), window_start,
            greatest(window_start + {RATE_WINDOW_MS} - {CLOCK}, 0)"
    )
}

fn owe() -> String {
    format!(
        "INSERT INTO rate_windows AS held (bucket, window_start, used, window_max, granted)
         VALUES ($1, {NOW} - {NOW} % {RATE_WINDOW_MS}, greatest(CAST($2 AS bigint), 0), 0, 0)
         ON CONFLICT (bucket) DO UPDATE SET used = greatest(held.used + CAST($2 AS bigint), 0)"
    )
}

/// Waits until nobody else takes a place of the key, and keeps others from it to the end of the transaction.
fn lock_places() -> String {
    format!(
        "INSERT INTO rate_places (key_id, holder, places, seen_at) VALUES ($1, '', 0, {NOW})
         ON CONFLICT (key_id, holder) DO UPDATE SET seen_at = excluded.seen_at"
    )
}

fn place() -> String {
    format!(
        "INSERT INTO rate_places AS held (key_id, holder, places, seen_at)
         SELECT CAST($1 AS bytea), CAST($2 AS text), 1, {NOW}
         WHERE (SELECT coalesce(sum(places), 0) FROM rate_places
                WHERE key_id = $1 AND (holder = $2 OR seen_at > {NOW} - {PLACE_LASTS_MS})) < CAST($3 AS bigint)
         ON CONFLICT (key_id, holder) DO UPDATE SET places = held.places + 1, seen_at = excluded.seen_at"
    )
}

/// Windows that have paid off what was owed, and those of a day ago.
fn forget_windows() -> String {
    format!(
        "DELETE FROM rate_windows WHERE window_start < {NOW} - {OWED_KEPT_MS}
         OR (window_start < {NOW} - {KEPT_MS} AND used <= window_max * (({NOW} - window_start) / {RATE_WINDOW_MS}))"
    )
}

#[async_trait]
impl SharedRates for PostgresStore {
    async fn lease_rate(&self, bucket: RateBucket, want: u32, max: u32, _: UnixMs) -> Result<RateLease, StoreError> {
        let (sql, values) = (lease(), [v(bucket.bytes()), v(want), v(max)]);
        let leased = self.write_one(&sql, &values, |cells| {
            let (granted, left, window) = (cells.count(0)?, cells.count(1)?, cells.count(2)?);
            Ok(RateLease { granted, left, resets_in_ms: cells.count(3)?, window })
        });
        leased.await?.ok_or(StoreError::Damaged { table: "rate_windows" })
    }

    async fn give_back_rate(&self, bucket: RateBucket, window: u64, count: u32) -> Result<bool, StoreError> {
        Ok(self.execute(GIVE_BACK, &[v(bucket.bytes()), v(window), v(count)]).await? == 1)
    }

    async fn owe_rate(&self, bucket: RateBucket, count: i64, _: UnixMs) -> Result<(), StoreError> {
        self.execute(&owe(), &[v(bucket.bytes()), v(owed(count))]).await?;
        Ok(())
    }

    async fn take_place(&self, key: KeyId, holder: &str, max: u32, _: UnixMs) -> Result<bool, StoreError> {
        self.transaction(|transaction| async move {
            transaction.execute(&lock_places(), &[v(key)]).await?;
            // A statement of its own sees what others have committed before the lock was had.
            Ok(transaction.execute(&place(), &[v(key), v(holder), v(max)]).await? == 1)
        })
        .await
    }

    async fn leave_place(&self, key: KeyId, holder: &str) -> Result<(), StoreError> {
        self.execute(LEAVE, &[v(key), v(holder)]).await?;
        Ok(())
    }

    async fn refresh_places(&self, holder: &str, _: UnixMs) -> Result<u64, StoreError> {
        let refresh = format!("UPDATE rate_places SET seen_at = {NOW} WHERE holder = $1 AND places > 0");
        self.execute(&refresh, &[v(holder)]).await
    }

    async fn forget_rates(&self, _: UnixMs) -> Result<u64, StoreError> {
        let windows = self.execute(&forget_windows(), &[]).await?;
        let places = self.execute(&format!("DELETE FROM rate_places WHERE seen_at < {NOW} - {KEPT_MS}"), &[]).await?;
        Ok(windows.saturating_add(places))
    }
}
