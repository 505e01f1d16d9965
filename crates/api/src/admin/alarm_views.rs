//! What operators ask about alarms, and what they are shown.

use opencredits_service::alarms::{AlarmPhase, AlarmStatus, AlarmTest};
use opencredits_store::AlarmRow;
use opencredits_units::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A request about alarms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "alarm", rename_all = "snake_case")]
pub enum AlarmRequest {
    /// Lists those that wait or fire.
    List,
    /// Tells every channel a notice that says nothing.
    Test,
}

/// An alarm that waits or fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmView {
    /// Its name.
    pub alarm: String,
    /// `page` or `ticket`; nothing where no gateway runs.
    pub severity: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `pending` or `firing`.
    pub state: String,
    /// Since when its condition holds.
    pub since_ms: UnixMs,
    /// When it was last told.
    pub told_at_ms: Option<UnixMs>,
    /// What it says; nothing while it waits.
    pub summary: String,
    /// The URL of its page; nothing where no gateway runs.
    pub runbook_url: Option<String>,
}

impl From<AlarmStatus> for AlarmView {
    fn from(status: AlarmStatus) -> Self {
        Self {
            alarm: status.alarm.to_owned(),
            severity: Some(status.severity.name().to_owned()),
            labels: status.labels,
            state: match status.phase {
                AlarmPhase::Pending => "pending",
                AlarmPhase::Firing => FIRING,
            }
            .to_owned(),
            since_ms: status.since,
            told_at_ms: status.told_at,
            summary: status.summary,
            runbook_url: Some(status.runbook_url),
        }
    }
}

const FIRING: &str = "firing";

impl From<AlarmRow> for AlarmView {
    fn from(row: AlarmRow) -> Self {
        Self {
            alarm: row.alarm,
            severity: None,
            labels: serde_json::from_str(&row.labels).unwrap_or_default(),
            state: FIRING.to_owned(),
            since_ms: row.since,
            told_at_ms: Some(row.told_at),
            summary: row.summary,
            runbook_url: None,
        }
    }
}

/// What a channel answered to a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmTestView {
    /// `webhook` or `mail`.
    pub channel: String,
    /// Whether it took the notice.
    pub taken: bool,
    /// Why it did not.
    pub error: Option<String>,
}

impl From<AlarmTest> for AlarmTestView {
    fn from(test: AlarmTest) -> Self {
        Self { channel: test.channel.to_owned(), taken: test.error.is_none(), error: test.error }
    }
}
