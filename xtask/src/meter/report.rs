//! The table of a run, and what it comes to.

use super::forms::Priced;
use crate::Outcome;
use opencredits_testkit::Recording;
use std::collections::BTreeMap;
use std::fmt;

/// What came of one exchange.
#[derive(Debug)]
pub(super) enum Verdict {
    Right(Priced),
    /// What differs.
    Wrong(Vec<String>),
    /// Why not.
    Unsupported(String),
}

/// What came of all of them.
#[derive(Debug, Default)]
pub(super) struct Report {
    apis: BTreeMap<String, Row>,
    wrong: Vec<String>,
    prices: Vec<String>,
    same_price: usize,
    unknown_price: usize,
}

#[derive(Debug, Default)]
struct Row {
    right: usize,
    wrong: usize,
    unsupported: usize,
    why: String,
}

impl Report {
    pub(super) fn add(&mut self, recording: &Recording, verdict: Verdict) {
        let row = self.apis.entry(recording.row.api.clone()).or_default();
        match verdict {
            Verdict::Right(priced) => {
                row.right += 1;
                match priced {
                    Priced::Untold => {}
                    Priced::Same => self.same_price += 1,
                    Priced::UnknownModel => self.unknown_price += 1,
                    Priced::Differs(ours, theirs, why) => {
                        let why = why.map_or(String::new(), |why| format!(": {why}"));
                        let file = &recording.row.file;
                        self.prices.push(format!("{file}: {ours:.9} USD, the provider says {theirs:.9}{why}"));
                    }
                }
            }
            Verdict::Wrong(differences) => {
                row.wrong += 1;
                self.wrong.push(format!("{}: {}", recording.row.file, differences.join("; ")));
            }
            Verdict::Unsupported(why) => {
                row.unsupported += 1;
                row.why = why;
            }
        }
    }

    fn sum(&self, part: impl Fn(&Row) -> usize) -> usize {
        self.apis.values().map(part).sum()
    }

    fn all(&self) -> usize {
        self.sum(|row| row.right + row.wrong + row.unsupported)
    }

    /// Whether it will do: everything supported is right, and at most so many percent are not supported.
    pub(super) fn verdict(&self, unsupported_max: usize) -> Outcome {
        let (all, wrong, unsupported) = (self.all(), self.sum(|row| row.wrong), self.sum(|row| row.unsupported));
        if all == 0 {
            return Err("there is nothing to read; name a folder with an index.jsonl".into());
        }
        if wrong > 0 {
            return Err(format!("{wrong} of {all} are wrong").into());
        }
        if unsupported * 100 > unsupported_max * all {
            return Err(format!("{unsupported} of {all} are not supported, more than {unsupported_max} %").into());
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:32} {:>6} {:>6} {:>14}", "interface", "right", "wrong", "not supported")?;
        for (api, row) in &self.apis {
            writeln!(f, "{api:32} {:>6} {:>6} {:>14}  {}", row.right, row.wrong, row.unsupported, row.why)?;
        }
        let sums = [self.sum(|row| row.right), self.sum(|row| row.wrong), self.sum(|row| row.unsupported)];
        writeln!(f, "{:32} {:>6} {:>6} {:>14}", "all", sums[0], sums[1], sums[2])?;
        for line in &self.wrong {
            writeln!(f, "wrong: {line}")?;
        }
        let (same, unknown) = (self.same_price, self.unknown_price);
        writeln!(f, "prices that the provider told: {same} agree, {unknown} of models that the book lacks")?;
        for line in &self.prices {
            writeln!(f, "price: {line}")?;
        }
        Ok(())
    }
}
