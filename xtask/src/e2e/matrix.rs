//! Client × feature, each cell a result.

use crate::Outcome;
use serde::Deserialize;
use std::fmt;

/// What a client said of one feature.
#[derive(Debug, Deserialize)]
pub(super) struct Cell {
    client: String,
    feature: String,
    ok: bool,
    detail: String,
    ms: u64,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feature, ok, detail, ms, .. } = self;
        let result = if *ok { "ok" } else { "FAILED" };
        write!(f, "{feature}: {result} ({ms} ms) {detail}")
    }
}

/// All cells, and checks of the whole run beside them.
#[derive(Default)]
pub(super) struct Matrix {
    cells: Vec<Cell>,
    checks: Vec<(String, Outcome<String>)>,
}

impl Matrix {
    pub(super) fn add(&mut self, cell: Cell) {
        self.cells.push(cell);
    }

    pub(super) fn check(&mut self, name: &str, outcome: Outcome<String>) {
        self.checks.push((name.to_owned(), outcome));
    }

    /// Failed cells and checks; a run without any cell has failed, too.
    pub(super) fn failures(&self) -> usize {
        let cells = self.cells.iter().filter(|cell| !cell.ok).count();
        let checks = self.checks.iter().filter(|(_, outcome)| outcome.is_err());
        cells + checks.count() + usize::from(self.cells.is_empty())
    }

    fn result(&self, client: &str, feature: &str) -> &'static str {
        let mut cells = self.cells.iter();
        match cells.find(|cell| cell.client == client && cell.feature == feature) {
            None => "–",
            Some(cell) if cell.ok => "ok",
            Some(_) => "FAILED",
        }
    }
}

/// Each value once, in the order of their first coming.
fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for value in values {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = distinct(self.cells.iter().map(|cell| cell.client.as_str()));
        let features = distinct(self.cells.iter().map(|cell| cell.feature.as_str()));
        write!(f, "{:<24}", "")?;
        for client in &clients {
            write!(f, " {client:<16}")?;
        }
        writeln!(f)?;
        for feature in features {
            write!(f, "{feature:<24}")?;
            for client in &clients {
                write!(f, " {:<16}", self.result(client, feature))?;
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for (name, outcome) in &self.checks {
            match outcome {
                Ok(detail) => writeln!(f, "ok      {name} {detail}")?,
                Err(error) => writeln!(f, "FAILED  {name}: {error}")?,
            }
        }
        for cell in self.cells.iter().filter(|cell| !cell.ok) {
            writeln!(f, "FAILED  {}, {}: {}", cell.client, cell.feature, cell.detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(client: &str, feature: &str, ok: bool) -> Cell {
        Cell { client: client.to_owned(), feature: feature.to_owned(), ok, detail: "why".to_owned(), ms: 1 }
    }

    #[test]
    fn a_cell_that_failed_and_one_that_was_not_tried_show() {
        let mut matrix = Matrix::default();
        matrix.add(cell("a", "chat", true));
        matrix.add(cell("b", "chat", false));
        matrix.add(cell("b", "tools", true));
        matrix.check("verify", Ok(String::new()));
        let shown = matrix.to_string();
        let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["chat", "ok", "FAILED"]);
        assert_eq!(lines[2], ["tools", "–", "ok"]);
        assert_eq!(matrix.failures(), 1);
        matrix.check("exit", Err("no".into()));
        assert_eq!(matrix.failures(), 2);
    }

    #[test]
    fn a_run_without_cells_has_failed() {
        assert_eq!(Matrix::default().failures(), 1);
    }
}
