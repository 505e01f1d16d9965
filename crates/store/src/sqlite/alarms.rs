//! The state of alarms.

use super::SqliteStore;
use super::rows::{count, number, time, time_or_none};
use crate::alarms::{AlarmRow, AlarmStates};
use crate::traits::StoreError;
use async_trait::async_trait;
use rusqlite::params;

const ALL: &str = "
    SELECT alarm, labels, summary, since, told_at, repeats, ended_at, is_told FROM alarms ORDER BY alarm, labels";
const PUT: &str = "
    INSERT OR REPLACE INTO alarms (alarm, labels, summary, since, told_at, repeats, ended_at, is_told)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const TOLD: &str = "
    UPDATE alarms SET is_told = 1 WHERE alarm = ?1 AND labels = ?2 AND told_at = ?3 AND ended_at IS NULL";
const ENDED: &str = "DELETE FROM alarms WHERE alarm = ?1 AND labels = ?2 AND told_at = ?3 AND ended_at = ?4";

#[async_trait]
impl AlarmStates for SqliteStore {
    async fn alarms(&self) -> Result<Vec<AlarmRow>, StoreError> {
        self.all(ALL.to_owned(), [], |row| {
            Ok(AlarmRow {
                alarm: row.get(0)?,
                labels: row.get(1)?,
                summary: row.get(2)?,
                since: time(row, 3)?,
                told_at: time(row, 4)?,
                repeats: count(row, 5)?,
                ended_at: time_or_none(row, 6)?,
                is_told: row.get(7)?,
            })
        })
        .await
    }

    async fn put_alarm(&self, row: &AlarmRow) -> Result<(), StoreError> {
        let row = row.clone();
        self.run(move |connection| {
            connection.prepare_cached(PUT)?.execute(params![
                row.alarm,
                row.labels,
                row.summary,
                number(row.since.get()),
                number(row.told_at.get()),
                number(row.repeats),
                row.ended_at.map(|at| number(at.get())),
                row.is_told,
            ])?;
            Ok(())
        })
        .await
    }

    async fn alarm_told(&self, row: &AlarmRow) -> Result<(), StoreError> {
        let row = row.clone();
        self.run(move |connection| {
            let told_at = number(row.told_at.get());
            match row.ended_at {
                None => connection.prepare_cached(TOLD)?.execute(params![row.alarm, row.labels, told_at])?,
                Some(ended) => {
                    let values = params![row.alarm, row.labels, told_at, number(ended.get())];
                    connection.prepare_cached(ENDED)?.execute(values)?
                }
            };
            Ok(())
        })
        .await
    }
}
