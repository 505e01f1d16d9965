//! Client × feature, each cell a result.

use crate::outcome::Outcome;
use serde::Deserialize;
use std::fmt;

/// How a feature did with a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Ok,
    Failed,
    /// What it needs is not on this machine.
    Skipped,
    /// No client told.
    #[serde(skip)]
    Missing,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
            Self::Missing => "MISSING",
        })
    }
}

/// What a client said of one feature.
#[derive(Debug, Deserialize)]
pub(super) struct Cell {
    client: String,
    feature: String,
    verdict: Verdict,
    detail: String,
    ms: u64,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feature, verdict, detail, ms, .. } = self;
        write!(f, "{feature}: {verdict} ({ms} ms) {detail}")
    }
}

/// All cells, by group, and checks of the whole run beside them.
#[derive(Default)]
pub(super) struct Matrix {
    groups: Vec<(String, Vec<Cell>)>,
    checks: Vec<(String, Outcome<String>)>,
}

impl Matrix {
    pub(super) fn add(&mut self, group: &str, cell: Cell) {
        match self.groups.iter_mut().find(|(name, _)| name == group) {
            Some((_, cells)) => cells.push(cell),
            None => self.groups.push((group.to_owned(), vec![cell])),
        }
    }

    pub(super) fn check(&mut self, name: &str, outcome: Outcome<String>) {
        self.checks.push((name.to_owned(), outcome));
    }

    /// Failed cells and checks, and the holes; a run without any cell has failed, too.
    pub(super) fn failures(&self) -> usize {
        let failed = |verdict: &Verdict| matches!(verdict, Verdict::Failed | Verdict::Missing);
        let rows = |(_, cells): &(String, Vec<Cell>)| {
            let clients = clients(cells);
            let rows = features(cells).into_iter().map(|feature| row(cells, &clients, feature));
            rows.flatten().filter(failed).count()
        };
        let checks = self.checks.iter().filter(|(_, outcome)| outcome.is_err());
        self.groups.iter().map(rows).sum::<usize>() + checks.count() + usize::from(self.groups.is_empty())
    }
}

fn clients(cells: &[Cell]) -> Vec<&str> {
    distinct(cells.iter().map(|cell| cell.client.as_str()))
}

fn features(cells: &[Cell]) -> Vec<&str> {
    distinct(cells.iter().map(|cell| cell.feature.as_str()))
}

fn row(cells: &[Cell], clients: &[&str], feature: &str) -> Vec<Verdict> {
    let find = |client: &&str| {
        let cell = cells.iter().find(|cell| cell.client == *client && cell.feature == feature);
        cell.map_or(Verdict::Missing, |cell| cell.verdict)
    };
    clients.iter().map(find).collect()
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
        for (group, cells) in &self.groups {
            let clients = clients(cells);
            write!(f, "{group:<24}")?;
            for client in &clients {
                write!(f, " {client:<16}")?;
            }
            writeln!(f)?;
            for feature in features(cells) {
                write!(f, "{feature:<24}")?;
                for verdict in row(cells, &clients, feature) {
                    write!(f, " {verdict:<16}")?;
                }
                writeln!(f)?;
            }
            writeln!(f)?;
        }
        for (name, outcome) in &self.checks {
            match outcome {
                Ok(detail) => writeln!(f, "ok      {name} {detail}")?,
                Err(error) => writeln!(f, "FAILED  {name}: {error}")?,
            }
        }
        for cell in self.groups.iter().flat_map(|(_, cells)| cells).filter(|cell| cell.verdict == Verdict::Failed) {
            writeln!(f, "FAILED  {}, {}: {}", cell.client, cell.feature, cell.detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(client: &str, feature: &str, verdict: Verdict) -> Cell {
        Cell { client: client.to_owned(), feature: feature.to_owned(), verdict, detail: "why".to_owned(), ms: 1 }
    }

    #[test]
    fn a_cell_that_failed_and_one_that_was_not_tried_show_and_count() {
        let mut matrix = Matrix::default();
        matrix.add("g", cell("a", "chat", Verdict::Ok));
        matrix.add("g", cell("b", "chat", Verdict::Failed));
        matrix.add("g", cell("a", "image", Verdict::Skipped));
        matrix.add("g", cell("b", "image", Verdict::Ok));
        matrix.add("g", cell("b", "tools", Verdict::Ok));
        matrix.check("verify", Ok(String::new()));
        let shown = matrix.to_string();
        let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["chat", "ok", "FAILED"]);
        assert_eq!(lines[2], ["image", "skipped", "ok"]);
        assert_eq!(lines[3], ["tools", "MISSING", "ok"]);
        assert_eq!(matrix.failures(), 2);
        matrix.check("exit", Err("no".into()));
        assert_eq!(matrix.failures(), 3);
    }

    #[test]
    fn a_run_without_cells_has_failed() {
        assert_eq!(Matrix::default().failures(), 1);
    }
}
