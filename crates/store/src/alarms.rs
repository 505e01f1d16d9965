//! The state of alarms over restarts: record and port.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;

/// An alarm that fires, or one that has ended and of whose end nobody was told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    /// Its name.
    pub alarm: String,
    /// Its labels, as JSON.
    pub labels: String,
    /// What it says.
    pub summary: String,
    /// Since when its condition holds.
    pub since: UnixMs,
    /// The time of its last notice before its end.
    pub told_at: UnixMs,
    /// The notices after the first.
    pub repeats: u64,
    /// When it ended; none while it fires.
    pub ended_at: Option<UnixMs>,
    /// Whether the last notice has reached every channel, or was given up.
    pub is_told: bool,
}

/// Keeps the state of alarms, so that a restart neither tells them all again nor forgets to tell of one.
#[async_trait]
pub trait AlarmStates: Send + Sync {
    /// All rows, by alarm and labels.
    async fn alarms(&self) -> Result<Vec<AlarmRow>, StoreError>;
    /// Writes a row in place of that of the same alarm and labels.
    async fn put_alarm(&self, row: &AlarmRow) -> Result<(), StoreError>;
    /// Records that the last notice of a row was told; the row of an alarm that has ended is deleted. Nothing where the row has
    /// changed since.
    async fn alarm_told(&self, row: &AlarmRow) -> Result<(), StoreError>;
}
