//! Tables for people.

use jiff::Timestamp;
use opencredits_units::UnixMs;
use std::fmt::Write as _;

/// The gap between two columns.
const GAP: usize = 2;

/// Rows under headings, in columns as wide as needed.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_uppercase).to_vec()] }
    }

    /// One more row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// The table as text; `nothing` where it has no rows.
    pub(crate) fn text(&self, nothing: &str) -> String {
        if self.rows.len() < 2 {
            return format!("{nothing}\n");
        }
        let widths = self.widths();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let width = width.saturating_add(GAP);
                // Writing to a string does not fail.
                let _infallible = write!(line, "{cell:<width$}");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

/// A point in time, UTC, to the second.
pub(crate) fn time(at: UnixMs) -> String {
    let seconds = i64::try_from(at.as_secs()).ok();
    let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map_or_else(|| "?".to_owned(), |at| at.to_string())
}

/// The value, or a dash.
pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["id", "label"]);
        assert_eq!(table.text("nobody"), "nobody\n");
        table.row(["1".to_owned(), "Ada".to_owned()]);
        table.row(["22222".to_owned(), "Ünal".to_owned()]);
        assert_eq!(table.text("nobody"), "ID     LABEL\n1      Ada\n22222  Ünal\n");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(UnixMs::new(1_790_000_000_999)), "2026-09-21T14:13:20Z");
        assert_eq!(time(UnixMs::new(u64::MAX)), "?");
    }
}
