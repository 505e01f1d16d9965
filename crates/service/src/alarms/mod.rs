//! Alarms by webhook and by mail, for operators who have no Prometheus.
//!
//! Once a minute [`Alarms`] reads what a scrape would read, and what was counted since the start. [`RULES`] are those of
//! `ops/prometheus/rules.yml`; a test compares both. A state machine for each alarm and its labels decides what is told:
//! that it fires, once; that it still does, each `repeat_hours`; that it has ended, once. The state is in the store, so that
//! a restart tells nothing twice and forgets nothing.
//!
//! # What it refuses to do
//! It knows no person, key, address or content: labels are vendors, models, jobs, accounts of the house and currencies. It
//! is no job and uses no outbox, because it has to tell of jobs that do not run and of mails that wait.
//!
//! # Invariants
//! - Two notices of one alarm that it fires are an interval apart, or its end was told between them. An end is told only of
//!   what was told before.
//! - A notice has one id over all attempts, also after a restart.
//! - Nothing here waits for a channel but the channel's own queue, which is bounded.
//! - Time is an argument of everything that decides.

mod book;
mod channels;
mod clock_watch;
mod conditions;
mod history;
mod notice;
mod outgoing;
mod raised;
mod rules;
mod run;
mod sign;
#[cfg(test)]
mod tests;

pub use channels::{AlarmChannels, ChannelError};
pub use notice::{Notice, NoticeKind};
pub use raised::AlarmLabels;
pub use rules::{RULES, Rule, Severity};
pub use run::{AlarmPhase, AlarmPorts, AlarmSettings, AlarmSource, AlarmStatus, AlarmTest, Alarms};
pub use sign::{WebhookSecret, WebhookSecretError};
