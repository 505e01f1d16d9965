//! `cargo xtask meter DIR`: recorded exchanges with providers, read by the decoders of the gateway and compared with the
//! usage that a careful reader would bill.

mod compare;
mod forms;
mod prices;
mod read;
mod report;
mod share;
#[cfg(test)]
mod tests;

use crate::outcome::Outcome;
use compare::{differences, unknown_tools};
pub(crate) use forms::{Forms, Reader};
use opencredits_testkit::Recording;
use prices::{Prices, theirs};
use report::{Report, Verdict};
use share::Share;
use std::path::{Path, PathBuf};

/// What to read.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder with an `index.jsonl`, in the form of the shared recordings
    folder: PathBuf,
    /// How much of it may be of interfaces that are not supported: `15` or `15%`, or a fraction such as `0.15`
    #[arg(default_value = "15%")]
    unsupported_max: Share,
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
