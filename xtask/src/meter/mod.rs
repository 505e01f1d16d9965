//! `cargo xtask meter DIR`: recorded exchanges with providers, read by the decoders of the gateway and compared with the
//! usage that a careful reader would bill.

mod compare;
mod forms;
mod read;
mod report;
#[cfg(test)]
mod tests;

use crate::Outcome;
use compare::differences;
use forms::Forms;
use opencredits_testkit::Recording;
use report::{Report, Verdict};
use std::path::{Path, PathBuf};

/// What to read.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder with an `index.jsonl`, in the form of the shared recordings
    folder: PathBuf,
    /// How much of it may be of interfaces that are not supported, in percent
    #[arg(default_value_t = 15)]
    unsupported_max: usize,
}

/// Reads every exchange, prints what came of it, and fails where a supported one is wrong or too few are supported.
pub(crate) fn run(args: &Args) -> Outcome {
    let report = meter(&args.folder)?;
    println!("{report}");
    report.verdict(args.unsupported_max)
}

fn meter(folder: &Path) -> Outcome<Report> {
    let forms = Forms::read()?;
    let mut report = Report::default();
    for recording in opencredits_testkit::recordings_in(folder)? {
        let verdict = verdict(&forms, &recording);
        report.add(&recording, verdict);
    }
    Ok(report)
}

fn verdict(forms: &Forms, recording: &Recording) -> Verdict {
    let dialect = match forms.dialect(recording) {
        Ok(dialect) => dialect,
        Err(why) => return Verdict::Unsupported(why),
    };
    let readings = match read::readings(dialect, recording) {
        Ok(readings) => readings,
        Err(wrong) => return Verdict::Wrong(vec![wrong]),
    };
    for outcome in &readings {
        let found = differences(recording, outcome);
        if !found.is_empty() {
            return Verdict::Wrong(found);
        }
    }
    Verdict::Right(forms.priced(recording, readings.first()))
}
