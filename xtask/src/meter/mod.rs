//! `cargo xtask meter DIR`: recorded exchanges with providers, read by the decoders of the gateway and compared with the
//! usage that a careful reader would bill.

mod compare;
mod forms;
mod prices;
mod read;
mod report;
#[cfg(test)]
mod tests;

use crate::Outcome;
use compare::{differences, unknown_tools};
use forms::Forms;
use opencredits_testkit::Recording;
use prices::{Prices, theirs};
use report::{Report, Verdict};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What to read.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder with an `index.jsonl`, in the form of the shared recordings
    folder: PathBuf,
    /// How much of it may be of interfaces that are not supported: `15` or `15%`, or a fraction such as `0.15`
    #[arg(default_value = "15%")]
    unsupported_max: Share,
}

/// A part of all.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Share {
    percent: f64,
}

impl FromStr for Share {
    type Err = String;

    /// Below one it is a fraction, unless a percent sign follows.
    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.trim_end_matches('%').trim_end();
        let number = bare.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
        let number = number.ok_or_else(|| format!("{text} is no share; write 15, 15% or 0.15"))?;
        let fraction = bare.len() == text.len() && number < 1.0;
        Ok(Self { percent: if fraction { number * 100.0 } else { number } })
    }
}

/// Reads every exchange, prints what came of it, and fails where a supported one is wrong or too few are supported.
pub(crate) fn run(args: &Args) -> Outcome {
    let report = meter(&args.folder)?;
    println!("{report}");
    report.verdict(args.unsupported_max)
}

fn meter(folder: &Path) -> Outcome<Report> {
    let (forms, prices) = (Forms::read()?, Prices::read()?);
    let mut report = Report::default();
    for recording in opencredits_testkit::recordings_in(folder)? {
        match recording {
            Ok(recording) => {
                let verdict = verdict(&forms, &prices, &recording, &mut report);
                report.add(&recording.row.api, &recording.row.file, verdict);
            }
            Err(bad) => report.add(&bad.api, &bad.file, Verdict::Wrong(bad.why)),
        }
    }
    Ok(report)
}

fn verdict(forms: &Forms, prices: &Prices, recording: &Recording, report: &mut Report) -> Verdict {
    let reader = match forms.reader(recording) {
        Ok(reader) => reader,
        Err(why) => return Verdict::Unsupported(why),
    };
    let mut first = None;
    for (way, outcome) in read::readings(reader, recording) {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(wrong) => return Verdict::Wrong(format!("{wrong} ({way})")),
        };
        let found = differences(recording, &outcome);
        if !found.is_empty() {
            return Verdict::Wrong(format!("{} ({way})", found.join("; ")));
        }
        first.get_or_insert(outcome);
    }
    let Some(outcome) = first else { return Verdict::Wrong("nothing was read".to_owned()) };
    report.not_compared(unknown_tools(recording, &outcome));
    let ours = prices.ours(recording, &outcome);
    Verdict::Right(ours, theirs(forms, recording, ours))
}
