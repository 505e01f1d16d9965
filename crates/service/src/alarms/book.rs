//! The state of each alarm with its labels: whether it waits, fires or has ended, and what is told of that. Pure.

use super::raised::{AlarmLabels, Raised};
use super::rules::{Rule, Unknown};
use crate::telemetry::Samples;
use crate::telemetry::families::UNREAD;
use opencredits_units::UnixMs;
use std::collections::BTreeMap;

/// Alarms that wait or fire at once at most; labels have bounded values, and this bounds their product.
const ALARMS_MAX: usize = 512;
/// How long an alarm of before a restart is not taken for ended, in ms: its windows have to fill again.
const KEPT_MS: u64 = 600_000;

/// A moment, by the machine's clock and by one that never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// By the machine's clock: for people, and from restart to restart.
    pub(super) wall: UnixMs,
    /// In ms since the start of the process: for waits and windows.
    pub(super) steady_ms: u64,
}

/// An alarm and its labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AlarmKey {
    pub(super) alarm: &'static str,
    pub(super) labels: AlarmLabels,
}

/// An alarm that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Firing {
    /// Since when its condition holds.
    pub(super) since: UnixMs,
    /// The time of its last notice.
    pub(super) told_at: UnixMs,
    /// The notices after the first.
    pub(super) repeats: u64,
    pub(super) summary: String,
    /// Until then it is not taken for ended, by the clock that never jumps; none once its condition was seen to hold.
    kept_until_ms: Option<u64>,
}

/// The state of an alarm that is not inactive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its condition holds, and not long enough.
    Pending {
        since: UnixMs,
        from_ms: u64,
    },
    Firing(Firing),
}

/// What is told of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It fires.
    Fired,
    /// It still does.
    Repeated,
    /// It has ended.
    Resolved,
}

/// A transition that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) told: Told,
    pub(super) key: AlarmKey,
    /// The state after it, or the last one before the end.
    pub(super) firing: Firing,
    pub(super) at: UnixMs,
}

/// What the condition of a rule yields, and whether nobody knows for labels that it does not yield.
pub(super) type Yield<'a> = (Vec<Raised>, &'a dyn Fn(&AlarmLabels) -> bool);

/// The states of all alarms.
#[derive(Debug, Default)]
pub(super) struct Book(BTreeMap<AlarmKey, Phase>);

impl Firing {
    /// An alarm that fired before the process began.
    pub(super) const fn restored((since, told_at): (UnixMs, UnixMs), repeats: u64, summary: String) -> Self {
        Self { since, told_at, repeats, summary, kept_until_ms: Some(KEPT_MS) }
    }
}

impl Rule {
    /// Whether nobody knows if the condition holds for these labels.
    pub(super) fn is_unknown(&self, labels: &AlarmLabels, samples: &Samples) -> bool {
        match self.unknown {
            Unknown::Never => false,
            Unknown::Unread(part) => samples.value(&UNREAD, &[part]).is_some_and(|value| value > 0.0),
            Unknown::Absent(family) => {
                let values: Vec<&str> =
                    family.labels.iter().map(|name| labels.get(*name).map_or("", String::as_str)).collect();
                samples.value(family, &values).is_none()
            }
        }
    }
}

impl Book {
    /// Puts in an alarm that fired before the process began.
    pub(super) fn restore(&mut self, key: AlarmKey, firing: Firing) {
        self.0.insert(key, Phase::Firing(firing));
    }

    /// The alarms that wait or fire.
    pub(super) fn states(&self) -> impl Iterator<Item = (&AlarmKey, &Phase)> {
        self.0.iter()
    }

    /// Takes what the condition of a rule yields now; returns what is told of it.
    pub(super) fn step(
        &mut self,
        rule: &'static Rule,
        (raised, is_unknown): Yield<'_>,
        now: Moment,
        repeat_ms: u64,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut holds = Vec::with_capacity(raised.len());
        for Raised { labels, summary } in raised {
            let key = AlarmKey { alarm: rule.name, labels };
            if self.0.len() >= ALARMS_MAX && !self.0.contains_key(&key) {
                tracing::error!(alarm = rule.name, "too many alarms at once; this one is not followed");
                continue;
            }
            changes.extend(self.holds(rule, (&key, summary), now, repeat_ms));
            holds.push(key);
        }
        let of_rule = |key: &AlarmKey| key.alarm == rule.name && !holds.contains(key) && !is_unknown(&key.labels);
        let over: Vec<AlarmKey> = self.0.keys().filter(|key| of_rule(key)).cloned().collect();
        changes.extend(over.into_iter().filter_map(|key| self.over(key, now)));
        changes
    }

    /// The condition holds.
    fn holds(
        &mut self,
        rule: &Rule,
        (key, summary): (&AlarmKey, String),
        now: Moment,
        repeat_ms: u64,
    ) -> Option<Change> {
        let pending = Phase::Pending { since: now.wall, from_ms: now.steady_ms };
        let phase = self.0.entry(key.clone()).or_insert(pending);
        let told = match phase {
            Phase::Pending { from_ms, .. } if now.steady_ms.saturating_sub(*from_ms) < rule.held_ms => return None,
            Phase::Pending { since, .. } => {
                let since = *since;
                let firing = Firing { since, told_at: now.wall, repeats: 0, summary, kept_until_ms: None };
                *phase = Phase::Firing(firing);
                Told::Fired
            }
            Phase::Firing(firing) => {
                firing.summary = summary;
                firing.kept_until_ms = None;
                if now.wall.ms_since(firing.told_at) < repeat_ms {
                    return None;
                }
                firing.told_at = now.wall;
                firing.repeats = firing.repeats.saturating_add(1);
                Told::Repeated
            }
        };
        let Phase::Firing(firing) = phase else { return None };
        Some(Change { told, key: key.clone(), firing: firing.clone(), at: now.wall })
    }

    /// The condition does not hold any more.
    fn over(&mut self, key: AlarmKey, now: Moment) -> Option<Change> {
        let is_kept = |firing: &Firing| firing.kept_until_ms.is_some_and(|until| now.steady_ms < until);
        if matches!(self.0.get(&key), Some(Phase::Firing(firing)) if is_kept(firing)) {
            return None;
        }
        match self.0.remove(&key)? {
            Phase::Pending { .. } => None,
            Phase::Firing(firing) => Some(Change { told: Told::Resolved, key, firing, at: now.wall }),
        }
    }
}
