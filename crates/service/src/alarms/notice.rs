//! What is told of an alarm, in the forms in which it is told.

use super::book::{Change, Told};
use super::raised::AlarmLabels;
use super::rules::Rule;
use jiff::Timestamp;
use opencredits_email::{AlarmLetter, AlarmNews, Label, Letter};
use opencredits_units::UnixMs;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The bytes of a digest that make an id.
const ID_BYTES: usize = 16;

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// An alarm fires.
    Fired,
    /// It still fires.
    Repeated,
    /// It has ended.
    Resolved,
    /// Nothing: somebody tries the channels out.
    Test,
}

impl NoticeKind {
    /// Its name, as `type` of a webhook has it behind `alarm.`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Repeated => "repeated",
            Self::Resolved => "resolved",
            Self::Test => "test",
        }
    }
}

/// A notice. It has no person, no key, no address and no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id, the same over all attempts and restarts.
    pub id: String,
    /// What it tells.
    pub kind: NoticeKind,
    /// The alarm's name.
    pub alarm: &'static str,
    /// How soon somebody has to look: `page` or `ticket`.
    pub severity: &'static str,
    /// The alarm's labels.
    pub labels: AlarmLabels,
    /// What it says.
    pub summary: String,
    /// Since when the alarm's condition holds.
    pub since: UnixMs,
    /// When this came about.
    pub at: UnixMs,
    /// The alarm's page.
    pub runbook_url: String,
    /// The URL of the service.
    pub service: String,
}

/// A time in the form of RFC 3339.
fn text(at: UnixMs) -> String {
    let at = i64::try_from(at.get()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(String::new, |at| at.to_string())
}

/// An id from what tells a notice from others.
fn id_of(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    let mut id = String::from("alarm_");
    for byte in digest.finalize().iter().take(ID_BYTES) {
        // Writing to a string does not fail.
        let _infallible = write!(id, "{byte:02x}");
    }
    id
}

/// The labels as JSON, in the order of their names.
pub(super) fn labels_json(labels: &AlarmLabels) -> String {
    json!(labels).to_string()
}

impl Notice {
    /// The notice of a transition.
    pub(super) fn of(change: &Change, rule: &'static Rule, (runbooks_url, service): (&str, &str)) -> Self {
        let kind = match change.told {
            Told::Fired => NoticeKind::Fired,
            Told::Repeated => NoticeKind::Repeated,
            Told::Resolved => NoticeKind::Resolved,
        };
        let (labels, at) = (change.key.labels.clone(), change.at.get().to_string());
        Self {
            id: id_of(&[rule.name, &labels_json(&labels), kind.name(), &at]),
            kind,
            alarm: rule.name,
            severity: rule.severity.name(),
            labels,
            summary: change.firing.summary.clone(),
            since: change.firing.since,
            at: change.at,
            runbook_url: rule.runbook_url(runbooks_url),
            service: service.to_owned(),
        }
    }

    /// A notice that tries the channels out.
    pub(super) fn test(now: UnixMs, (runbooks_url, service): (&str, &str)) -> Self {
        Self {
            id: id_of(&["test", &now.get().to_string()]),
            kind: NoticeKind::Test,
            alarm: "OpenCreditsTest",
            severity: "ticket",
            labels: AlarmLabels::new(),
            summary: "this is a test of how alarms are told; nothing is wrong".to_owned(),
            since: now,
            at: now,
            runbook_url: runbooks_url.trim_end_matches('/').to_owned(),
            service: service.to_owned(),
        }
    }

    /// The body of a webhook.
    #[must_use]
    pub fn body(&self) -> String {
        let resolved = (self.kind == NoticeKind::Resolved).then(|| text(self.at));
        let body: Value = json!({
            "type": format!("alarm.{}", self.kind.name()),
            "timestamp": text(self.at),
            "data": {
                "alarm": self.alarm,
                "severity": self.severity,
                "labels": self.labels,
                "summary": self.summary,
                "since": text(self.since),
                "resolved_at": resolved,
                "runbook_url": self.runbook_url,
                "service": self.service,
            },
        });
        body.to_string()
    }

    /// The mail.
    #[must_use]
    pub fn letter(&self) -> Letter {
        let news = match self.kind {
            NoticeKind::Fired => AlarmNews::Fired,
            NoticeKind::Repeated => AlarmNews::Repeated,
            NoticeKind::Resolved => AlarmNews::Resolved,
            NoticeKind::Test => AlarmNews::Test,
        };
        let labels: Vec<String> = self.labels.iter().map(|(name, value)| format!("{name} {value}")).collect();
        Letter::Alarm(AlarmLetter {
            news,
            alarm: self.alarm.into(),
            severity: self.severity.into(),
            about: Label::from(labels.join(", ")),
            summary: self.summary.clone(),
            since: self.since,
            at: self.at,
        })
    }
}
