//! The table of a run, and what it comes to.

use super::prices::{Ours, Theirs};
use super::share::Share;
use crate::outcome::Outcome;
use std::collections::BTreeMap;
use std::fmt;

/// What came of one exchange.
#[derive(Debug)]
pub(super) enum Verdict {
    /// What it costs, and how that compares.
    Right(Ours, Theirs),
    /// What differs.
    Wrong(String),
    /// Why not.
    Unsupported(String),
}

/// What came of all of them.
#[derive(Debug, Default)]
pub(super) struct Report {
    apis: BTreeMap<String, Row>,
    wrong: Vec<String>,
    told: Told,
    /// What neither side could compare, and how often.
    not_compared: BTreeMap<String, usize>,
}

/// What one interface came to.
#[derive(Debug, Default)]
struct Row {
    right: usize,
    wrong: usize,
    unsupported: usize,
    /// Of the right ones, those that the book has a price for.
    priced: usize,
    usd: f64,
    why: String,
}

/// How the prices compare with those that providers told.
#[derive(Debug, Default)]
struct Told {
    same: usize,
    unknown: usize,
    explained: Vec<String>,
    wrong: Vec<String>,
}

impl Report {
    pub(super) fn add(&mut self, api: &str, file: &str, verdict: Verdict) {
        let row = self.apis.entry(if api.is_empty() { "(no interface)" } else { api }.to_owned()).or_default();
        match verdict {
            Verdict::Right(ours, theirs) => {
                row.right += 1;
                if let Ours::Usd(usd, _) = ours {
                    row.priced += 1;
                    row.usd += usd;
                }
                match theirs {
                    Theirs::Untold if ours == Ours::Overflow => {
                        self.told.wrong.push(format!("{file}: no sum to be charged"));
                    }
                    Theirs::Untold => {}
                    Theirs::Alone => self.told.unknown += 1,
                    Theirs::Same => self.told.same += 1,
                    Theirs::Explained(what) => self.told.explained.push(format!("{file}: {what}")),
                    Theirs::Wrong(what) => self.told.wrong.push(format!("{file}: {what}")),
                }
            }
            Verdict::Wrong(differences) => {
                row.wrong += 1;
                self.wrong.push(format!("{file}: {differences}"));
            }
            Verdict::Unsupported(why) => {
                row.unsupported += 1;
                row.why = why;
            }
        }
    }

    /// Notes what could not be compared.
    pub(super) fn not_compared(&mut self, what: Vec<String>) {
        for what in what {
            *self.not_compared.entry(what).or_default() += 1;
        }
    }

    fn sum(&self, part: impl Fn(&Row) -> usize) -> usize {
        self.apis.values().map(part).sum()
    }

    fn all(&self) -> usize {
        self.sum(|row| row.right + row.wrong + row.unsupported)
    }

    /// Whether it will do: everything supported is right, prices that were told are ours or explained, and no more than
    /// that share is not supported.
    pub(super) fn verdict(&self, unsupported_max: Share) -> Outcome {
        let (all, wrong, unsupported) = (self.all(), self.sum(|row| row.wrong), self.sum(|row| row.unsupported));
        if all == 0 {
            return Err("there is nothing to read; name a folder with an index.jsonl".into());
        }
        if wrong > 0 {
            return Err(format!("{wrong} of {all} are wrong").into());
        }
        if !self.told.wrong.is_empty() {
            return Err(format!("{} prices differ from what the provider said", self.told.wrong.len()).into());
        }
        let share = unsupported_max.percent;
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "recordings are few")]
        if unsupported as f64 * 100.0 > share * all as f64 {
            return Err(format!("{unsupported} of {all} are not supported, more than {share} %").into());
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ("right", "wrong", "not supported", "priced", "USD");
        writeln!(f, "{:32} {:>6} {:>6} {:>14} {:>7} {:>12}", "interface", heads.0, heads.1, heads.2, heads.3, heads.4)?;
        let sum = Row {
            right: self.sum(|row| row.right),
            wrong: self.sum(|row| row.wrong),
            unsupported: self.sum(|row| row.unsupported),
            priced: self.sum(|row| row.priced),
            usd: self.apis.values().map(|row| row.usd).sum(),
            why: String::new(),
        };
        for (api, row) in self.apis.iter().map(|(api, row)| (api.as_str(), row)).chain([("all", &sum)]) {
            let Row { right, wrong, unsupported, priced, usd, why } = row;
            let line = format!("{api:32} {right:>6} {wrong:>6} {unsupported:>14} {priced:>7} {usd:>12.6}  {why}");
            writeln!(f, "{}", line.trim_end())?;
        }
        for line in &self.wrong {
            writeln!(f, "wrong: {line}")?;
        }
        for (what, times) in &self.not_compared {
            writeln!(f, "not compared: {what} ({times} times)")?;
        }
        let Told { same, unknown, explained, wrong } = &self.told;
        writeln!(
            f,
            "prices that the provider told: {same} agree, {} differ and are explained, {} are wrong, {unknown} are of \
             models that the book lacks",
            explained.len(),
            wrong.len()
        )?;
        explained.iter().try_for_each(|line| writeln!(f, "price: {line}"))?;
        wrong.iter().try_for_each(|line| writeln!(f, "wrong price: {line}"))
    }
}
