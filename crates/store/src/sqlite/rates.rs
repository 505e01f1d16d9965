//! Limits of keys that processes share. Each decision is one statement.

use super::SqliteStore;
use super::rows::{blob, count, number};
use crate::rates::{KEPT_MS, OWED_KEPT_MS, PLACE_LASTS_MS, RATE_WINDOW_MS, RateBucket, RateLease, SharedRates, owed};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{KeyId, UnixMs};
use rusqlite::params;

const GIVE_BACK: &str = "UPDATE rate_windows SET used = max(used - ?3, 0) WHERE bucket = ?1 AND window_start = ?2";
const LEAVE: &str = "UPDATE rate_places SET places = places - 1 WHERE key_id = ?1 AND holder = ?2 AND places > 0";
const REFRESH: &str = "UPDATE rate_places SET seen_at = ?2 WHERE holder = ?1 AND places > 0";

/// Takes a lease and returns it: of the bucket ?1 as much as ?2 of the limit ?3 at the time ?4.
fn lease() -> String {
    // The row may be of the next window already: a clock that went back by a little. Where it went back by more, all begins anew.
    let is_same =
        format!("held.window_start BETWEEN excluded.window_start AND excluded.window_start + {RATE_WINDOW_MS}");
    // Each window since has paid off as much as its limit.
    let carried = format!(
        "max(held.used - max(held.window_max, excluded.window_max)
            - ((excluded.window_start - held.window_start) / {RATE_WINDOW_MS} - 1) * excluded.window_max, 0)"
    );
    let before = format!(
        "(CASE WHEN {is_same} THEN held.used WHEN held.window_start < excluded.window_start THEN {carried} ELSE 0 END)"
    );
    let after = format!("min({before} + excluded.granted, max({before}, excluded.window_max))");
    format!(
        "INSERT INTO rate_windows AS held (bucket, window_start, used, window_max, granted)
         VALUES (?1, ?4 - ?4 % {RATE_WINDOW_MS}, min(?2, ?3), ?3, min(?2, ?3))
         ON CONFLICT (bucket) DO UPDATE SET
            window_start = CASE WHEN {is_same} THEN held.window_start ELSE excluded.window_start END,
            used = {after},
            window_max = CASE WHEN {is_same} THEN max(held.window_max, excluded.window_max) ELSE excluded.window_max END,
            granted = {after} - {before}
         RETURNING granted, max(?3 - used, 0), window_start"
    )
}

fn owe() -> String {
    format!(
        "INSERT INTO rate_windows AS held (bucket, window_start, used, window_max, granted)
         VALUES (?1, ?3 - ?3 % {RATE_WINDOW_MS}, max(?2, 0), 0, 0)
         ON CONFLICT (bucket) DO UPDATE SET used = max(held.used + ?2, 0)"
    )
}

fn place() -> String {
    format!(
        "INSERT INTO rate_places AS held (key_id, holder, places, seen_at)
         SELECT ?1, ?2, 1, ?4
         WHERE (SELECT coalesce(sum(places), 0) FROM rate_places
                WHERE key_id = ?1 AND (holder = ?2 OR seen_at > ?4 - {PLACE_LASTS_MS})) < ?3
         ON CONFLICT (key_id, holder) DO UPDATE SET places = held.places + 1, seen_at = excluded.seen_at"
    )
}

/// Windows that have paid off what was owed, and those of a day ago.
fn forget_windows() -> String {
    format!(
        "DELETE FROM rate_windows WHERE window_start < ?1 - {OWED_KEPT_MS}
         OR (window_start < ?1 - {KEPT_MS} AND used <= window_max * ((?1 - window_start) / {RATE_WINDOW_MS}))"
    )
}

#[async_trait]
impl SharedRates for SqliteStore {
    async fn lease_rate(&self, bucket: RateBucket, want: u32, max: u32, now: UnixMs) -> Result<RateLease, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&lease())?;
            let leased = statement.query_row(params![bucket.bytes(), want, max, number(now.get())], |row| {
                let window = count(row, 2)?;
                let resets_in_ms = window.saturating_add(RATE_WINDOW_MS).saturating_sub(now.get());
                Ok(RateLease { granted: row.get(0)?, left: row.get(1)?, resets_in_ms, window })
            })?;
            Ok(leased)
        })
        .await
    }

    async fn give_back_rate(&self, bucket: RateBucket, window: u64, count: u32) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let given =
                connection.prepare_cached(GIVE_BACK)?.execute(params![bucket.bytes(), number(window), count])?;
            Ok(given == 1)
        })
        .await
    }

    async fn owe_rate(&self, bucket: RateBucket, count: i64, now: UnixMs) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection.prepare_cached(&owe())?.execute(params![bucket.bytes(), owed(count), number(now.get())])?;
            Ok(())
        })
        .await
    }

    async fn take_place(&self, key: KeyId, holder: &str, max: u32, now: UnixMs) -> Result<bool, StoreError> {
        let holder = holder.to_owned();
        self.run(move |connection| {
            let taken =
                connection.prepare_cached(&place())?.execute(params![blob(key), holder, max, number(now.get())])?;
            Ok(taken == 1)
        })
        .await
    }

    async fn leave_place(&self, key: KeyId, holder: &str) -> Result<(), StoreError> {
        let holder = holder.to_owned();
        self.run(move |connection| {
            connection.prepare_cached(LEAVE)?.execute(params![blob(key), holder])?;
            Ok(())
        })
        .await
    }

    async fn refresh_places(&self, holder: &str, now: UnixMs) -> Result<u64, StoreError> {
        let holder = holder.to_owned();
        self.run(move |connection| {
            let seen = connection.prepare_cached(REFRESH)?.execute(params![holder, number(now.get())])?;
            Ok(u64::try_from(seen).unwrap_or(u64::MAX))
        })
        .await
    }

    async fn forget_rates(&self, now: UnixMs) -> Result<u64, StoreError> {
        self.run(move |connection| {
            let windows = connection.execute(&forget_windows(), [number(now.get())])?;
            let places = format!("DELETE FROM rate_places WHERE seen_at < ?1 - {KEPT_MS}");
            let places = connection.execute(&places, [number(now.get())])?;
            Ok(u64::try_from(windows.saturating_add(places)).unwrap_or(u64::MAX))
        })
        .await
    }
}
