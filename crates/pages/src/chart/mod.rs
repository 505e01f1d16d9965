//! Bar charts for days, as figures for a template. Pure: no text but the numbers, no clock, no I/O.
//!
//! A template draws the bars in an SVG that is stretched to the width of the page, and writes all text beside it as
//! HTML, so that text has the same size on every screen. Every length is a whole number of units of the SVG's view box.
//!
//! # Invariants
//! - No bar and no line is outside the box, and the parts of a bar add up to its height.
//! - The base is zero, and there are at most [`LINES_MAX`] lines above it, at equal distances and at round figures.
//! - There are at most [`SERIES_MAX`] series besides that of the rest, and at most [`DAYS_MAX`] days.

mod layout;
mod scale;
#[cfg(test)]
mod tests;
mod unit;

pub use layout::{Bar, Bars, Key, Line, Part, Tick};
pub use scale::LINES_MAX;
pub use unit::Unit;

/// Series that have a colour of their own. Those of smaller sums are added up.
pub const SERIES_MAX: usize = 6;
/// The most days of a chart. Of more, the latest are drawn.
pub const DAYS_MAX: usize = 400;

/// A day of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// The day, such as `2026-11-30`.
    pub date: String,
    /// Where its requests are listed.
    pub href: String,
}

/// A series of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// Its name, as people see it.
    pub name: String,
    /// Where its requests are listed.
    pub href: String,
    /// A value for each day, in the order of the days. What is missing is zero.
    pub values: Vec<u64>,
}

/// The data of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    /// The days, the earliest first.
    pub days: Vec<Day>,
    /// The series, in any order.
    pub series: Vec<Series>,
    /// Whether the last day is not over.
    pub ends_today: bool,
    /// What the values count.
    pub unit: Unit,
}
