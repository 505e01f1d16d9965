//! What was read in the last hours and, of a balance, in the last day: as much as the windows of the rules need.

use crate::telemetry::families::{DISK_FREE, LEDGER_BALANCE};
use crate::telemetry::{Counts, Part, Samples};
use std::collections::{BTreeMap, VecDeque};

/// The longest window over counts, in ms.
const WINDOW_MS: u64 = 6 * 3_600_000;
/// One reading a minute, for the longest window.
const POINTS_MAX: usize = 6 * 60 + 2;
/// How far apart readings of a balance are, in ms, and how many of them make a day.
const BALANCE_EVERY_MS: u64 = 900_000;
const BALANCES_MAX: usize = 24 * 4 + 1;
/// A trend needs readings over so long a time, in ms: the first minutes after a start are none.
const TREND_LEAST_MS: u64 = 3_600_000;
/// The account whose balance is kept for a day.
const BAD_DEBT: &str = "bad_debt";

/// A reading.
#[derive(Debug)]
struct Point {
    at_ms: u64,
    counts: Counts,
    disk_free: Option<f64>,
}

/// Readings, the latest last. Times are of a clock that never jumps, in ms since the start of the process.
#[derive(Debug, Default)]
pub(super) struct History {
    points: VecDeque<Point>,
    balances: VecDeque<(u64, f64)>,
    start: Counts,
}

impl History {
    /// Adds a reading.
    pub(super) fn push(&mut self, at_ms: u64, counts: Counts, samples: &Samples) {
        if self.points.len() >= POINTS_MAX {
            self.points.pop_front();
        }
        self.points.push_back(Point { at_ms, counts, disk_free: samples.value(&DISK_FREE, &[]) });
        let is_due = self.balances.back().is_none_or(|(last, _)| at_ms.saturating_sub(*last) >= BALANCE_EVERY_MS);
        if let Some(balance) = samples.value(&LEDGER_BALANCE, &[BAD_DEBT]).filter(|_| is_due) {
            if self.balances.len() >= BALANCES_MAX {
                self.balances.pop_front();
            }
            self.balances.push_back((at_ms, balance));
        }
    }

    fn now_ms(&self) -> u64 {
        self.points.back().map_or(0, |point| point.at_ms)
    }

    /// The latest counts, and those from a window ago: of the start, where the process is younger.
    fn ends(&self, window_ms: u64) -> (&Counts, &Counts) {
        let now = self.points.back().map_or(&self.start, |point| &point.counts);
        let from = self.now_ms().checked_sub(window_ms.min(WINDOW_MS));
        let before = from.and_then(|from| self.points.iter().rev().find(|point| point.at_ms <= from));
        (now, before.map_or(&self.start, |point| &point.counts))
    }

    /// The share of bad ones in a window; `None` where there were none at all.
    pub(super) fn share(&self, window_ms: u64, part: fn(&Counts) -> Part) -> Option<f64> {
        let (now, before) = self.ends(window_ms);
        let (now, before) = (part(now), part(before));
        let all = now.all.saturating_sub(before.all);
        let bad = now.bad.saturating_sub(before.bad);
        (all > 0).then(|| crate::telemetry::float(bad) / crate::telemetry::float(all))
    }

    /// How much a count has grown in a window.
    pub(super) fn increase(&self, window_ms: u64, count: fn(&Counts) -> u64) -> u64 {
        let (now, before) = self.ends(window_ms);
        count(now).saturating_sub(count(before))
    }

    /// The names whose counts have grown in a window.
    pub(super) fn increased(&self, window_ms: u64, counts: fn(&Counts) -> &BTreeMap<String, u64>) -> Vec<&String> {
        let (now, before) = self.ends(window_ms);
        let earlier = |name: &String| counts(before).get(name).copied().unwrap_or(0);
        counts(now).iter().filter(|(name, count)| **count > earlier(name)).map(|(name, _)| name).collect()
    }

    /// How much the balance of bad debt has changed within a day, as far back as it was read.
    pub(super) fn bad_debt_change(&self, balance: f64) -> f64 {
        self.balances.front().map_or(0.0, |(_, first)| balance - first)
    }

    /// The free space in so many ms, by the straight line through the readings of six hours (least squares).
    pub(super) fn disk_free_in(&self, ms: u64) -> Option<f64> {
        let now = self.now_ms();
        let read: Vec<(f64, f64)> = self
            .points
            .iter()
            .filter_map(|point| Some((-crate::telemetry::seconds(now.saturating_sub(point.at_ms)), point.disk_free?)))
            .collect();
        let first = self.points.front()?.at_ms;
        if now.saturating_sub(first) < TREND_LEAST_MS || read.len() < 2 {
            return None;
        }
        let count = crate::telemetry::float(u64::try_from(read.len()).unwrap_or(u64::MAX));
        let mean = |sum: f64| sum / count;
        let (x, y) = (mean(read.iter().map(|(x, _)| x).sum()), mean(read.iter().map(|(_, y)| y).sum()));
        let spread: f64 = read.iter().map(|(at, _)| (at - x) * (at - x)).sum();
        let common: f64 = read.iter().map(|(at, free)| (at - x) * (free - y)).sum();
        let slope = if spread > 0.0 { common / spread } else { 0.0 };
        Some(slope.mul_add(crate::telemetry::seconds(ms) - x, y))
    }
}
