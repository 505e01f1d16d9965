//! A value, as both engines take it.

use rusqlite::types::{ToSqlOutput, ValueRef};
use std::error::Error;
use std::fmt::{self, Write as _};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// What a text cannot have in PostgreSQL, and what stands in its place.
const NUL: char = '\0';
const REPLACEMENT: &str = "\u{FFFD}";
/// Begin the values in the bytes of a row.
const NULL: u8 = 0;
const NUMBER: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;

/// A value. Its `Debug` shows nothing of it: the driver logs parameters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Null,
    /// A number, or a flag as 0 or 1.
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    /// A text, as the store on PostgreSQL keeps it.
    pub(super) fn text(text: &str) -> Self {
        Self::Text(if text.contains(NUL) { text.replace(NUL, REPLACEMENT) } else { text.to_owned() })
    }

    /// Adds it to the bytes of a row, which no other values have.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (kind, bytes): (u8, &[u8]) = match self {
            Self::Null => (NULL, &[]),
            Self::Number(number) => {
                out.push(NUMBER);
                out.extend_from_slice(&number.to_be_bytes());
                return;
            }
            Self::Text(text) => (TEXT, text.as_bytes()),
            Self::Bytes(bytes) => (BYTES, bytes.as_slice()),
        };
        out.push(kind);
        out.extend_from_slice(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        out.extend_from_slice(bytes);
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// For a key that a report names.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => {
                let mut digits = String::new();
                bytes.iter().try_for_each(|byte| write!(digits, "{byte:02x}"))?;
                f.write_str(&digits)
            }
        }
    }
}

impl rusqlite::ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl ToSql for Cell {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Number(number) if *kind == Type::BOOL => (*number != 0).to_sql(kind, out),
            Self::Number(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BYTEA, Type::TEXT, Type::INT8, Type::BOOL].contains(kind)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_other_kinds_have_other_bytes() {
        let values = [
            vec![Cell::Null],
            vec![Cell::Number(0)],
            vec![Cell::text("")],
            vec![Cell::Bytes(Vec::new())],
            vec![Cell::text("ab")],
            vec![Cell::text("a"), Cell::text("b")],
            vec![Cell::Bytes(b"ab".to_vec())],
            vec![Cell::Null, Cell::Null],
        ];
        let bytes = |row: &Vec<Cell>| {
            let mut out = Vec::new();
            row.iter().for_each(|cell| cell.write(&mut out));
            out
        };
        let mut all: Vec<Vec<u8>> = values.iter().map(bytes).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), values.len());
    }

    #[test]
    fn a_text_is_kept_as_postgres_can_keep_it() {
        assert_eq!(Cell::text("a\0b"), Cell::text("a\u{FFFD}b"));
    }
}
