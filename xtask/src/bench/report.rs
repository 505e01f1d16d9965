//! Figures under a key each, shown as a table for people or as one flat JSON object for machines.

use serde_json::{Map, Number, Value};
use std::fmt::Write as _;

/// What a benchmark found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    Fact { key: String, text: String },
    Figure { key: String, value: f64, bound: Bound },
    Heading(String),
}

/// What a figure has to keep to.
#[derive(Debug, Clone, Copy)]
enum Bound {
    None,
    AtMost(f64),
    AtLeast(f64),
}

impl Report {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Starts a new part of the table, which the JSON does not show.
    pub(crate) fn heading(&mut self, text: impl Into<String>) {
        self.lines.push(Line::Heading(text.into()));
    }

    /// Something that is no number, such as the machine's name.
    pub(crate) fn fact(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.lines.push(Line::Fact { key: key.into(), text: text.into() });
    }

    /// A number. The key names its unit last.
    pub(crate) fn figure(&mut self, key: impl Into<String>, value: f64) {
        self.push(key.into(), value, Bound::None);
    }

    /// A number that has to be `limit` or less; the table says whether it is.
    pub(crate) fn at_most(&mut self, key: impl Into<String>, value: f64, limit: f64) {
        self.push(key.into(), value, Bound::AtMost(limit));
    }

    /// A number that has to be `limit` or more; the table says whether it is.
    pub(crate) fn at_least(&mut self, key: impl Into<String>, value: f64, limit: f64) {
        self.push(key.into(), value, Bound::AtLeast(limit));
    }

    fn push(&mut self, key: String, value: f64, bound: Bound) {
        self.lines.push(Line::Figure { key, value, bound });
    }

    /// One flat JSON object: every fact a string, every figure a number.
    pub(crate) fn json(&self) -> String {
        let mut object = Map::new();
        for line in &self.lines {
            match line {
                Line::Fact { key, text } => {
                    object.insert(key.clone(), Value::String(text.clone()));
                }
                Line::Figure { key, value, .. } => {
                    let number = Number::from_f64(rounded(*value));
                    object.insert(key.clone(), number.map_or(Value::Null, Value::Number));
                }
                Line::Heading(_) => {}
            }
        }
        Value::Object(object).to_string()
    }

    /// A table for people, a line each.
    pub(crate) fn table(&self) -> String {
        let mut out = String::new();
        for line in &self.lines {
            let written = match line {
                Line::Heading(text) => writeln!(out, "\n{text}"),
                Line::Fact { key, text } => writeln!(out, "  {key:<36} {text}"),
                Line::Figure { key, value, bound } => {
                    writeln!(out, "  {key:<36} {:>14}{}", shown(*value), verdict(*value, *bound))
                }
            };
            debug_assert!(written.is_ok(), "writing to a string never fails");
        }
        out
    }
}

/// Four digits after the point, which is more than a measurement bears.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

fn shown(value: f64) -> String {
    if value.abs() >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn verdict(value: f64, bound: Bound) -> String {
    let (kept, text) = match bound {
        Bound::None => return String::new(),
        Bound::AtMost(limit) => (value <= limit, format!("at most {limit}")),
        Bound::AtLeast(limit) => (value >= limit, format!("at least {limit}")),
    };
    format!("   {text}: {}", if kept { "kept" } else { "MISSED" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_one_flat_object_of_numbers_and_words() {
        let mut report = Report::new();
        report.heading("machine");
        report.fact("cpu", "some \"cpu\"");
        report.figure("fsync_p50_us", 12.5);
        report.at_most("hold_p50_us", 0.25, 1.0);
        assert_eq!(report.json(), r#"{"cpu":"some \"cpu\"","fsync_p50_us":12.5,"hold_p50_us":0.25}"#);
    }

    #[test]
    fn the_table_says_whether_a_bound_is_kept() {
        let mut report = Report::new();
        report.at_most("a", 2.0, 1.0);
        report.at_least("b", 2.0, 1.0);
        let table = report.table();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].ends_with("at most 1: MISSED"), "{table}");
        assert!(lines[1].ends_with("at least 1: kept"), "{table}");
    }

    #[test]
    fn what_is_no_number_is_null() {
        let mut report = Report::new();
        report.figure("ratio", f64::NAN);
        assert_eq!(report.json(), r#"{"ratio":null}"#);
    }
}
