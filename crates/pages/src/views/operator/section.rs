//! What a page consists of.

use super::act::Act;
use super::cell::{Cell, Order};
use crate::figures::{Count, Money};
use serde::Serialize;

/// A label and its value.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Fact {
    /// The key of the label.
    pub state: String,
    /// The value.
    pub cell: Cell,
}

impl Fact {
    /// A fact.
    #[must_use]
    pub fn of(state: &str, cell: Cell) -> Self {
        Self { state: state.to_owned(), cell }
    }
}

/// A large figure.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figure {
    /// The key of the label.
    pub state: String,
    /// The value.
    pub cell: Cell,
    /// Where its rows are.
    pub href: Option<String>,
}

/// The head of a column.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Column {
    /// The key of its word.
    pub state: String,
    /// Whether its values stand at the right.
    pub is_right: bool,
    /// Orders the table by this column; where it is ordered so already, the other way.
    pub href: Option<String>,
    /// `ascending` or `descending` where the table is ordered by it.
    pub sort: Option<String>,
}

impl Column {
    /// A column of words.
    #[must_use]
    pub fn of(state: &str) -> Self {
        Self { state: state.to_owned(), ..Self::default() }
    }

    /// A column of figures.
    #[must_use]
    pub fn right(state: &str) -> Self {
        Self { is_right: true, ..Self::of(state) }
    }
}

/// A row: a cell for each column, and what may be done.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// The cells. The first names the row.
    pub cells: Vec<Cell>,
    /// What may be done to it.
    pub acts: Vec<Act>,
    /// What the cells are ordered by.
    #[serde(skip)]
    pub orders: Vec<Order>,
}

impl Row {
    /// A row that is not ordered by its cells.
    #[must_use]
    pub fn of(cells: impl Into<Vec<Cell>>) -> Self {
        Self { cells: cells.into(), ..Self::default() }
    }
}

/// A table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Table {
    /// The key of its title and of what stands in its place where it is empty.
    pub state: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// The next page.
    pub more_href: Option<String>,
    /// The first page; `None` where it is shown.
    pub first_href: Option<String>,
    /// How many rows there are besides those that are shown.
    pub left_out: u64,
    /// What may be done besides what rows have.
    pub acts: Vec<Act>,
}

impl Table {
    /// A table of these columns without rows.
    #[must_use]
    pub fn of(state: &str, columns: impl Into<Vec<Column>>) -> Self {
        Self { state: state.to_owned(), columns: columns.into(), ..Self::default() }
    }

    /// The same with rows.
    #[must_use]
    pub fn with(self, rows: Vec<Row>) -> Self {
        Self { rows, ..self }
    }

    /// The same in the order that was asked for: the key of a column, with `-` before it from the highest down. Anything else
    /// leaves it as it is. `href` makes the link to an order.
    #[must_use]
    pub fn sorted(mut self, asked: Option<&str>, href: impl Fn(&str) -> String) -> Self {
        let (key, is_down) = match asked.and_then(|asked| asked.strip_prefix('-')) {
            Some(key) => (Some(key), true),
            None => (asked, false),
        };
        let at = self.columns.iter().position(|column| Some(column.state.as_str()) == key);
        for (place, column) in self.columns.iter_mut().enumerate() {
            let is_this = at == Some(place);
            column.sort = is_this.then(|| if is_down { "descending" } else { "ascending" }.to_owned());
            // Figures are asked for from the highest down first.
            let down = if is_this { !is_down } else { column.is_right };
            column.href = Some(href(&format!("{}{}", if down { "-" } else { "" }, column.state)));
        }
        if let Some(at) = at {
            self.rows.sort_by(|a, b| a.orders.get(at).cmp(&b.orders.get(at)));
            if is_down {
                self.rows.reverse();
            }
        }
        self
    }
}

/// What was spent in an hour of today.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Hour {
    /// The hour, such as `08`.
    pub hour: String,
    /// What was charged.
    pub charged: Money,
    /// Requests that were charged.
    pub requests: Count,
    /// Requests that were not: refused by providers, or left before an answer.
    pub uncharged: Count,
    /// The place of its bar.
    pub x: u32,
    /// The height of its bar, in hundredths of the highest.
    pub percent: u64,
}

/// A part of a page.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Section {
    /// Labels and values.
    Facts {
        /// The key of its title; empty where it has none.
        state: String,
        /// The facts.
        facts: Vec<Fact>,
        /// What may be done.
        acts: Vec<Act>,
    },
    /// Large figures.
    Figures {
        /// The figures.
        figures: Vec<Figure>,
    },
    /// A table.
    Table(Table),
    /// What was spent by hour.
    Hours {
        /// The hours of today so far.
        hours: Vec<Hour>,
        /// Whether earlier requests of today are left out.
        is_cut: bool,
    },
}

impl Section {
    /// Facts without anything to do.
    #[must_use]
    pub fn facts(state: &str, facts: Vec<Fact>) -> Self {
        Self::Facts { state: state.to_owned(), facts, acts: Vec::new() }
    }
}

impl From<Table> for Section {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |name: &str, number: i128| Row {
            orders: vec![Order::Text(name.to_owned()), Order::Number(number)],
            ..Row::of([Cell::text(name), Cell::number(number)])
        };
        Table::of("t", [Column::of("name"), Column::right("number")]).with(vec![
            row("b", 9),
            row("a", 10),
            row("c", -1),
        ])
    }

    #[test]
    fn a_table_is_ordered_by_a_column_either_way_and_links_to_the_other() {
        let check = |asked: Option<&str>, expect: [i128; 3], links: &str| {
            let sorted = table().sorted(asked, str::to_owned);
            let numbers: Vec<_> = sorted.rows.iter().filter_map(|row| row.orders.last().cloned()).collect();
            assert_eq!(numbers, expect.map(Order::Number), "{asked:?}");
            let hrefs: Vec<_> = sorted.columns.iter().filter_map(|column| column.href.clone()).collect();
            assert_eq!(hrefs.join(" "), links, "{asked:?}");
        };
        check(None, [9, 10, -1], "name -number");
        check(Some("name"), [10, 9, -1], "-name -number");
        check(Some("number"), [-1, 9, 10], "name -number");
        check(Some("-number"), [10, 9, -1], "name number");
        check(Some("nothing"), [9, 10, -1], "name -number");
        check(Some("<"), [9, 10, -1], "name -number");
    }
}
