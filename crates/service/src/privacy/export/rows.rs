//! Rows, as JSON and as CSV.

use crate::privacy::error::PrivacyError;
use crate::usage::MoneyCursor;
use jiff::Timestamp;
use opencredits_store::{GrantId, MailId, RequestMark};
use opencredits_units::{EntryId, OrderId, UnixMs};
use serde_json::Value;

/// Rows that are read at once.
pub(super) const PAGE: u32 = 200;

/// The name of the files, what is in them, and the columns.
pub(super) type Described = (&'static str, &'static str, &'static [&'static str]);
pub(super) type Page = Result<(Vec<Row>, Option<Cursor>), PrivacyError>;

/// The last row of a page that may have a next one.
pub(super) fn full<T>(rows: &[T]) -> Option<&T> {
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count >= PAGE);
    rows.last().filter(|_| is_full)
}

/// What begins a formula in a spreadsheet.
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The values of one row, in the order of the columns.
pub(super) type Row = Vec<Value>;

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cursor {
    Start,
    Request(RequestMark),
    Money(MoneyCursor),
    Order(OrderId),
    Mail(MailId),
    Change(EntryId),
    Grant(GrantId),
}

impl Cursor {
    /// The last consent of the page before.
    pub(super) fn grant(self) -> GrantId {
        if let Self::Grant(id) = self { id } else { GrantId::default() }
    }
}

/// A row as an object, its members in the order of the columns.
pub(super) fn json_row(columns: &[&str], row: &Row) -> String {
    let member = |(name, value): (&&str, &Value)| format!("{}:{value}", Value::from(*name));
    let members: Vec<String> = columns.iter().zip(row).map(member).collect();
    format!("{{{}}}", members.join(","))
}

pub(super) fn csv_head(columns: &[&str]) -> Result<Vec<u8>, PrivacyError> {
    csv_line(columns.iter().map(|name| (*name).to_owned()))
}

pub(super) fn csv_row(row: &Row) -> Result<Vec<u8>, PrivacyError> {
    csv_line(row.iter().map(cell))
}

fn csv_line(cells: impl Iterator<Item = String>) -> Result<Vec<u8>, PrivacyError> {
    let wrong = |error: csv::Error| PrivacyError::Archive(error.to_string());
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells).map_err(wrong)?;
    writer.into_inner().map_err(|error| PrivacyError::Archive(error.to_string()))
}

/// A value as a cell. What would be a formula gets an apostrophe in front.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(FORMULAS) && !is_number(text) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// A time, in RFC 3339.
pub(super) fn time(at: UnixMs) -> Value {
    let at = i64::try_from(at.get()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or(Value::Null, |at| Value::from(at.to_string()))
}

/// A time, or nothing.
pub(super) fn time_or_null(at: Option<UnixMs>) -> Value {
    at.map_or(Value::Null, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_numbers_stay_numbers() {
        let rows = [("=1+1", "'=1+1"), ("-0.25", "-0.25"), ("-x", "'-x"), ("@a", "'@a"), ("a", "a"), ("-", "'-")];
        for (text, expect) in rows {
            assert_eq!(cell(&Value::from(text)), expect);
        }
        assert_eq!(csv_row(&vec!["a,\"b\"\n".into(), Value::Null, 1.into()]).unwrap(), b"\"a,\"\"b\"\"\n\",,1\r\n");
    }

    #[test]
    fn an_object_has_its_members_in_the_order_of_the_columns() {
        assert_eq!(json_row(&["b", "a"], &vec!["x\"".into(), Value::Null]), r#"{"b":"x\"","a":null}"#);
    }
}
