//! The state of alarms.

use super::PostgresStore;
use super::values::v;
use crate::alarms::{AlarmRow, AlarmStates};
use crate::traits::StoreError;
use async_trait::async_trait;

const ALL: &str = "
    SELECT alarm, labels, summary, since, told_at, repeats, ended_at, is_told FROM alarms ORDER BY alarm, labels";
const PUT: &str = "
    INSERT INTO alarms (alarm, labels, summary, since, told_at, repeats, ended_at, is_told)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (alarm, labels) DO UPDATE SET summary = excluded.summary, since = excluded.since,
        told_at = excluded.told_at, repeats = excluded.repeats, ended_at = excluded.ended_at, is_told = excluded.is_told";
const TOLD: &str = "
    UPDATE alarms SET is_told = true WHERE alarm = $1 AND labels = $2 AND told_at = $3 AND ended_at IS NULL";
const ENDED: &str = "DELETE FROM alarms WHERE alarm = $1 AND labels = $2 AND told_at = $3 AND ended_at = $4";

#[async_trait]
impl AlarmStates for PostgresStore {
    async fn alarms(&self) -> Result<Vec<AlarmRow>, StoreError> {
        self.all(ALL, &[], |cells| {
            Ok(AlarmRow {
                alarm: cells.text(0)?,
                labels: cells.text(1)?,
                summary: cells.text(2)?,
                since: cells.time(3)?,
                told_at: cells.time(4)?,
                repeats: cells.count(5)?,
                ended_at: cells.time_or_none(6)?,
                is_told: cells.flag(7)?,
            })
        })
        .await
    }

    async fn put_alarm(&self, row: &AlarmRow) -> Result<(), StoreError> {
        let AlarmRow { alarm, labels, summary, since, told_at, repeats, ended_at, is_told } = row;
        let (texts, times) = ([v(alarm), v(labels), v(summary)], [v(*since), v(*told_at)]);
        let rest = [v(*repeats), v(*ended_at), v(*is_told)];
        let values: Vec<_> = texts.into_iter().chain(times).chain(rest).collect();
        self.execute(PUT, &values).await?;
        Ok(())
    }

    async fn alarm_told(&self, row: &AlarmRow) -> Result<(), StoreError> {
        let (alarm, labels, told_at) = (v(&row.alarm), v(&row.labels), v(row.told_at));
        match row.ended_at {
            None => self.execute(TOLD, &[alarm, labels, told_at]).await?,
            Some(ended) => self.execute(ENDED, &[alarm, labels, told_at, v(ended)]).await?,
        };
        Ok(())
    }
}
