//! Where bars, lines and labels are.

use super::scale::Scale;
use super::{DAYS_MAX, Data, Day, SERIES_MAX, Series, Unit};
use serde::Serialize;

/// The height of the box.
pub(super) const HEIGHT: u64 = 1_000;
/// The width of a day, its gap included.
pub(super) const DAY_WIDTH: u64 = 100;
/// The gap between two bars, as far as there are few enough days that a gap can be seen.
const GAP: u64 = 28;
/// Days above which bars touch each other.
const GAP_DAYS_MAX: usize = 120;
/// The height of the lowest bar of a day on which there was something.
const BAR_MIN: u64 = 6;
/// The most labels below the bars.
const TICKS_MAX: usize = 5;

/// A bar chart, laid out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bars {
    /// The width of the box.
    pub width: u64,
    /// The height of the box.
    pub height: u64,
    /// The lines from the top down; the last is the base.
    pub lines: Vec<Line>,
    /// The days, the earliest first.
    pub bars: Vec<Bar>,
    /// The series, those with the highest sums first.
    pub keys: Vec<Key>,
    /// The days that have a label below them.
    pub ticks: Vec<Tick>,
    /// The sum of everything.
    pub total: String,
    /// The day with the highest sum; `None` where there is nothing.
    pub highest: Option<Tick>,
}

/// A horizontal line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its distance from the top of the box.
    pub y: u64,
    /// Its figure.
    pub label: String,
}

/// The bar of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// Its left edge.
    pub x: u64,
    /// Its width.
    pub width: u64,
    /// Its height.
    pub height: u64,
    /// The left edge of the day.
    pub day_x: u64,
    /// The width of the day.
    pub day_width: u64,
    /// The day, such as `2026-11-30`.
    pub date: String,
    /// Where its requests are listed.
    pub href: String,
    /// Its sum.
    pub total: String,
    /// Its sum with all decimal places.
    pub exact: String,
    /// Whether the day is not over.
    pub is_partial: bool,
    /// Its parts, the lowest first; without those of nothing.
    pub parts: Vec<Part>,
    /// The values of all series, in the order of the keys, for the table.
    pub values: Vec<String>,
}

/// A part of a bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The number of its series from 1 on; 0 for the rest.
    pub series: usize,
    /// The name of its series; empty for the rest, and for a series without one.
    pub name: String,
    /// Its distance from the top of the box.
    pub y: u64,
    /// Its height.
    pub height: u64,
    /// Its value.
    pub value: String,
}

/// A series in the key of the chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Its number from 1 on; 0 for the rest.
    pub series: usize,
    /// Its name; empty for the rest, and for a series without one.
    pub name: String,
    /// Where its requests are listed; empty for the rest.
    pub href: String,
    /// Its sum.
    pub total: String,
}

/// A day with a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tick {
    /// The day, such as `2026-11-30`.
    pub date: String,
    /// Its sum.
    pub total: String,
    /// Whether the day is not over.
    pub is_partial: bool,
}

impl Bars {
    /// The chart of these data.
    #[must_use]
    pub fn of(data: Data) -> Self {
        let Data { mut days, series, ends_today, unit } = data;
        let skipped = days.len().saturating_sub(DAYS_MAX);
        days.drain(..skipped);
        let series = ranked(series, skipped, days.len());
        let sums: Vec<u64> = (0..days.len()).map(|day| sum(series.iter().map(|series| value(series, day)))).collect();
        let highest = sums.iter().copied().max().unwrap_or_default();
        let scale = Scale::of(highest, unit.least());
        let last = days.len().saturating_sub(1);
        let bars: Vec<Bar> = days
            .into_iter()
            .enumerate()
            .map(|(at, day)| Place { at, days: sums.len(), scale, unit }.bar(day, &series, ends_today && at == last))
            .collect();
        let top = sums.iter().position(|sum| *sum == highest && highest > 0);
        Self {
            width: DAY_WIDTH.saturating_mul(u64_of(bars.len()).max(1)),
            height: HEIGHT,
            lines: lines(scale, unit),
            keys: keys(&series, unit),
            ticks: ticks(&bars),
            total: unit.short(sum(sums.iter().copied())),
            highest: top.and_then(|top| bars.get(top)).map(tick),
            bars,
        }
    }

    /// Whether there is nothing to be seen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.highest.is_none()
    }
}

/// The series with the highest sums first, and the rest as one series without a name. Series of nothing are left out, and
/// values of days that are not drawn.
fn ranked(series: Vec<Series>, skipped: usize, days: usize) -> Vec<Series> {
    let mut kept: Vec<Series> = series
        .into_iter()
        .map(|mut one| {
            one.values.drain(..skipped.min(one.values.len()));
            one.values.resize(days, 0);
            one
        })
        .filter(|one| one.values.iter().any(|value| *value > 0))
        .collect();
    kept.sort_by(|a, b| total(b).cmp(&total(a)).then_with(|| a.name.cmp(&b.name)));
    if kept.len() > SERIES_MAX {
        let rest = kept.split_off(SERIES_MAX);
        let values = (0..days).map(|day| sum(rest.iter().map(|series| value(series, day)))).collect();
        kept.push(Series { values, ..Series::default() });
    }
    kept
}

/// Where a bar is.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    days: usize,
    scale: Scale,
    unit: Unit,
}

impl Place {
    fn bar(self, day: Day, series: &[Series], is_partial: bool) -> Bar {
        let gap = if self.days > GAP_DAYS_MAX { 0 } else { GAP };
        let day_x = DAY_WIDTH.saturating_mul(u64_of(self.at));
        let values: Vec<u64> = series.iter().map(|series| value(series, self.at)).collect();
        let all = sum(values.iter().copied());
        let height = if all == 0 { 0 } else { self.height(all).clamp(BAR_MIN, HEIGHT) };
        Bar {
            x: day_x.saturating_add(gap / 2),
            width: DAY_WIDTH.saturating_sub(gap),
            height,
            day_x,
            day_width: DAY_WIDTH,
            date: day.date,
            href: day.href,
            total: self.unit.short(all),
            exact: self.unit.exact(all),
            is_partial,
            parts: self.parts(series, &values, (all, height)),
            values: values.iter().map(|value| self.unit.short(*value)).collect(),
        }
    }

    /// The parts of a bar: each begins where the one below it ends, so that roundings do not add up.
    fn parts(self, series: &[Series], values: &[u64], (all, height): (u64, u64)) -> Vec<Part> {
        let (mut below, mut from) = (0_u64, 0_u64);
        let mut parts = Vec::with_capacity(values.len());
        for (at, (series, value)) in series.iter().zip(values).enumerate().filter(|(_, (_, value))| **value > 0) {
            below = below.saturating_add(*value);
            let to = share(below, all, height);
            parts.push(Part {
                series: number(at),
                name: series.name.clone(),
                y: HEIGHT.saturating_sub(to),
                height: to.saturating_sub(from),
                value: self.unit.short(*value),
            });
            from = to;
        }
        parts
    }

    fn height(self, value: u64) -> u64 {
        share(value, self.scale.top(), HEIGHT)
    }
}

/// `part` of `whole`, as a part of `length`.
fn share(part: u64, whole: u64, length: u64) -> u64 {
    let scaled = u128::from(part.min(whole)).saturating_mul(u128::from(length));
    scaled.checked_div(u128::from(whole)).and_then(|share| u64::try_from(share).ok()).unwrap_or_default()
}

fn lines(scale: Scale, unit: Unit) -> Vec<Line> {
    let line = |at: u64| Line {
        y: HEIGHT.saturating_sub(share(at, scale.lines, HEIGHT)),
        label: unit.of_line(scale.step.saturating_mul(at)),
    };
    (0..=scale.lines).rev().map(line).collect()
}

fn keys(series: &[Series], unit: Unit) -> Vec<Key> {
    let key = |(at, series): (usize, &Series)| Key {
        series: number(at),
        name: series.name.clone(),
        href: series.href.clone(),
        total: unit.short(total(series)),
    };
    series.iter().enumerate().map(key).collect()
}

/// The first day, the last one, and some at equal distances between.
fn ticks(bars: &[Bar]) -> Vec<Tick> {
    let count = if bars.len() >= TICKS_MAX { TICKS_MAX } else { bars.len().min(2) };
    let Some(gaps) = count.checked_sub(1).filter(|gaps| *gaps > 0) else {
        return bars.iter().map(tick).collect();
    };
    let last = bars.len().saturating_sub(1);
    let at = |tick: usize| tick.saturating_mul(last).checked_div(gaps).unwrap_or_default();
    (0..count).filter_map(|place| bars.get(at(place))).map(tick).collect()
}

fn tick(bar: &Bar) -> Tick {
    Tick { date: bar.date.clone(), total: bar.total.clone(), is_partial: bar.is_partial }
}

/// The number of the series at this place.
const fn number(at: usize) -> usize {
    if at < SERIES_MAX { at + 1 } else { 0 }
}

fn value(series: &Series, day: usize) -> u64 {
    series.values.get(day).copied().unwrap_or_default()
}

fn total(series: &Series) -> u64 {
    sum(series.values.iter().copied())
}

fn sum(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, u64::saturating_add)
}

fn u64_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
