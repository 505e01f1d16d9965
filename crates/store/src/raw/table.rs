//! Tables, and their rows.

use super::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use tokio_postgres::types::Type;

/// What the entries of the ledger say, in another order. It is made anew where it is not there.
const READ_MODEL: [&str; 5] = ["account_transfers", "usage_blocks", "usage_series", "usage_sums", "vendor_costs"];
/// The place in the ledger up to which the read model is made. A ledger that was moved has other places.
const CHECKPOINT: &str = "usage_checkpoint";

/// What a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// SQLite has a number for it.
    Flag,
    Text,
    Bytes,
}

impl Kind {
    /// By the name of a type of SQLite or PostgreSQL.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "INTEGER" | "bigint" => Self::Number,
            "boolean" => Self::Flag,
            "TEXT" | "text" => Self::Text,
            "BLOB" | "bytea" => Self::Bytes,
            _ => return None,
        })
    }

    pub(super) fn parameter(self) -> Type {
        match self {
            Self::Number => Type::INT8,
            Self::Flag => Type::BOOL,
            Self::Text => Type::TEXT,
            Self::Bytes => Type::BYTEA,
        }
    }

    pub(super) fn list(self) -> Type {
        match self {
            Self::Number => Type::INT8_ARRAY,
            Self::Flag => Type::BOOL_ARRAY,
            Self::Text => Type::TEXT_ARRAY,
            Self::Bytes => Type::BYTEA_ARRAY,
        }
    }

    /// Whether a database has it for what a file has.
    fn stands_for(self, of_file: Self) -> bool {
        self == of_file || (self == Self::Flag && of_file == Self::Number)
    }
}

/// How the statements of an engine are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// Begins a parameter.
    pub(super) parameter: char,
    /// Makes texts go by their bytes.
    pub(super) by_bytes: &'static str,
}

/// A table as an engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) name: String,
    /// Names and kinds, by name.
    pub(super) columns: Vec<(String, Kind)>,
    /// The places of the key's columns, in the order of the key.
    key: Vec<usize>,
}

impl Shape {
    /// `columns` in any order, and the names of the key's columns in theirs.
    pub(super) fn new(name: String, mut columns: Vec<(String, Kind)>, key: &[String]) -> Self {
        columns.sort_by(|(one, _), (other, _)| one.cmp(other));
        let place = |name: &String| columns.iter().position(|(column, _)| column == name);
        let key = key.iter().filter_map(place).collect();
        Self { name, columns, key }
    }

    /// The names of the columns, for a statement.
    pub(super) fn names(&self) -> String {
        let names = self.columns.iter().map(|(name, _)| quoted(name));
        names.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// The kinds of the key's columns.
    pub(super) fn key_kinds(&self) -> impl Iterator<Item = Kind> {
        self.key.iter().filter_map(|at| self.columns.get(*at)).map(|(_, kind)| *kind)
    }

    fn key_columns(&self, dialect: Dialect, ending: &str) -> String {
        let column = |(name, kind): &(String, Kind)| {
            let by_bytes = if *kind == Kind::Text { dialect.by_bytes } else { "" };
            format!("{}{by_bytes}{ending}", quoted(name))
        };
        let columns = self.key.iter().filter_map(|at| self.columns.get(*at)).map(column);
        columns.collect::<Vec<_>>().join(", ")
    }

    /// Selects rows by key: the first ones, or those after the key in the first parameters. The last parameter is their number.
    pub(super) fn select(&self, dialect: Dialect, goes_on: bool) -> String {
        let (key, parameter) = (self.key_columns(dialect, ""), dialect.parameter);
        let of_key: Vec<String> = (1..=self.key.len()).map(|at| format!("{parameter}{at}")).collect();
        let (after, max) = match goes_on {
            true => (format!(" WHERE ({key}) > ({})", of_key.join(", ")), self.key.len().saturating_add(1)),
            false => (String::new(), 1),
        };
        format!("SELECT {} FROM {}{after} ORDER BY {key} LIMIT {parameter}{max}", self.names(), self.quoted())
    }

    /// Selects the last row by key.
    pub(super) fn select_last(&self, dialect: Dialect) -> String {
        let key = self.key_columns(dialect, " DESC");
        format!("SELECT {} FROM {} ORDER BY {key} LIMIT 1", self.names(), self.quoted())
    }

    pub(super) fn count(&self) -> String {
        format!("SELECT count(*) FROM {}", self.quoted())
    }

    /// Whether a database's table has the columns and the key of a file's.
    fn stands_for(&self, of_file: &Self) -> bool {
        let pairs = self.columns.iter().zip(&of_file.columns);
        let is_same = |((here, kind), (there, of_file)): (&(String, Kind), &(String, Kind))| {
            here == there && kind.stands_for(*of_file)
        };
        let is_as_long = self.columns.len() == of_file.columns.len();
        is_as_long && !self.key.is_empty() && self.key == of_file.key && pairs.into_iter().all(is_same)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Parents before the tables that refer to them.
pub(super) fn in_order(mut tables: Vec<(Shape, BTreeSet<String>)>) -> Vec<Shape> {
    let (mut ordered, mut placed) = (Vec::new(), BTreeSet::new());
    while !tables.is_empty() {
        let is_next = |(shape, parents): &(Shape, BTreeSet<String>)| {
            parents.iter().all(|parent| placed.contains(parent) || *parent == shape.name)
        };
        let (next, rest): (Vec<_>, Vec<_>) = tables.into_iter().partition(is_next);
        // Tables that refer to each other have no order.
        let (next, rest) = if next.is_empty() { (rest, next) } else { (next, rest) };
        placed.extend(next.iter().map(|(shape, _)| shape.name.clone()));
        ordered.extend(next.into_iter().map(|(shape, _)| shape));
        tables = rest;
    }
    ordered
}

/// A table that both engines have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTable {
    pub(super) of_file: Shape,
    pub(super) of_database: Shape,
}

impl RawTable {
    /// The tables of a file, in their order, each with that of the database. The table that differs is the error.
    pub(super) fn pairs(of_file: Vec<Shape>, of_database: &[Shape]) -> Result<Vec<Self>, String> {
        let pair = |of_file: Shape| {
            let found = of_database.iter().find(|shape| shape.name == of_file.name);
            match found.filter(|found| found.stands_for(&of_file)) {
                Some(found) => Ok(Self { of_database: found.clone(), of_file }),
                None => Err(of_file.name),
            }
        };
        of_file.into_iter().map(pair).collect()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.of_file.name
    }

    /// Whether its rows are made of the ledger's entries alone.
    #[must_use]
    pub fn is_read_model(&self) -> bool {
        READ_MODEL.contains(&self.name())
    }

    /// Whether it has the place in the ledger up to which the read model is made, which [`super::RawStore::set_place`] sets.
    #[must_use]
    pub fn is_checkpoint(&self) -> bool {
        self.name() == CHECKPOINT
    }

    /// The key of a row.
    #[must_use]
    pub fn key_of(&self, row: &RawRow) -> RawKey {
        RawKey(self.of_file.key.iter().filter_map(|at| row.0.get(*at)).cloned().collect())
    }
}

/// A row of a table. Its `Debug` shows no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRow(pub(super) Vec<Cell>);

impl RawRow {
    /// The row as bytes, which no other row has.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.0.iter().for_each(|cell| cell.write(&mut out));
        out
    }
}

/// The key of a row. Keys have the order in which rows are read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RawKey(pub(super) Vec<Cell>);

impl fmt::Display for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&cells.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECT: Dialect = Dialect { parameter: '$', by_bytes: " COLLATE \"C\"" };

    fn shape(name: &str, columns: &[(&str, Kind)], key: &[&str]) -> Shape {
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        Shape::new(name.to_owned(), columns, &key.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_statement_goes_on_after_a_key() {
        let marks = shape("marks", &[("subject", Kind::Bytes), ("kind", Kind::Text)], &["kind", "subject"]);
        assert_eq!(
            marks.select(DIALECT, true),
            "SELECT \"kind\", \"subject\" FROM \"marks\" WHERE (\"kind\" COLLATE \"C\", \"subject\") > ($1, $2) \
             ORDER BY \"kind\" COLLATE \"C\", \"subject\" LIMIT $3"
        );
        assert!(
            marks
                .select(DIALECT, false)
                .ends_with("FROM \"marks\" ORDER BY \"kind\" COLLATE \"C\", \"subject\" LIMIT $1")
        );
        assert!(marks.select_last(DIALECT).ends_with("ORDER BY \"kind\" COLLATE \"C\" DESC, \"subject\" DESC LIMIT 1"));
    }

    #[test]
    fn parents_come_before_the_tables_that_refer_to_them() {
        let table = |name: &str, parents: &[&str]| {
            let parents = parents.iter().map(|name| (*name).to_owned()).collect();
            (shape(name, &[("id", Kind::Bytes)], &["id"]), parents)
        };
        let tables =
            vec![table("a", &["b", "a"]), table("b", &["c"]), table("c", &[]), table("d", &["e"]), table("e", &["d"])];
        let names: Vec<String> = in_order(tables).into_iter().map(|shape| shape.name).collect();
        assert_eq!(names, ["c", "b", "a", "d", "e"]);
    }

    #[test]
    fn tables_that_differ_are_no_pair() {
        let of_file = || vec![shape("t", &[("id", Kind::Bytes), ("on", Kind::Number)], &["id"])];
        let check = |columns: &[(&str, Kind)], key: &[&str], fits: bool| {
            let pairs = RawTable::pairs(of_file(), &[shape("t", columns, key)]);
            assert_eq!(pairs.is_ok(), fits, "{columns:?}");
        };
        check(&[("on", Kind::Flag), ("id", Kind::Bytes)], &["id"], true);
        check(&[("on", Kind::Number), ("id", Kind::Bytes)], &["id"], true);
        check(&[("on", Kind::Text), ("id", Kind::Bytes)], &["id"], false);
        check(&[("off", Kind::Flag), ("id", Kind::Bytes)], &["id"], false);
        check(&[("on", Kind::Flag), ("id", Kind::Bytes)], &["on"], false);
        check(&[("id", Kind::Bytes)], &["id"], false);
        assert_eq!(RawTable::pairs(of_file(), &[]), Err("t".to_owned()));
    }
}
