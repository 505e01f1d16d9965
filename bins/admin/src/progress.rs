//! Shows that a long command is at work: on standard error, at a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use opencredits_api::admin::{AdminRequest, JobRequest, OrderRequest, PrivacyRequest};
use std::io::IsTerminal;
use std::time::Duration;

/// How often it is drawn.
const TICK: Duration = Duration::from_millis(120);
const TEMPLATE: &str = "{spinner} {msg} ({elapsed})";

/// Who reads the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A person at a terminal.
    Person,
    /// A program, or a file.
    Program,
}

impl Reader {
    /// Who reads, with or without `--json`.
    pub(crate) fn of(is_json: bool) -> Self {
        if !is_json && std::io::stderr().is_terminal() { Self::Person } else { Self::Program }
    }
}

/// A line that says what is being done and for how long. It goes when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shows `what` to a person, and nothing to a program.
    pub(crate) fn show(what: &'static str, reader: Reader) -> Self {
        let bar = match reader {
            Reader::Person => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            Reader::Program => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// What a request that may take long does; nothing for a short one.
pub(crate) fn what(request: &AdminRequest) -> Option<&'static str> {
    Some(match request {
        AdminRequest::LedgerVerify | AdminRequest::LedgerVerifyHead(_) => "recomputing the ledger",
        AdminRequest::Privacy(PrivacyRequest::Export { .. }) => "reading everything about the person",
        AdminRequest::Backup(_) => "copying and verifying the data folder",
        AdminRequest::CheckBills(_) => "recomputing bills",
        AdminRequest::LedgerReport(_) => "reading the ledger",
        AdminRequest::Usage(_) => "bringing the read model up to date",
        AdminRequest::Orders(OrderRequest::Reconcile) => "walking the payment processor's books",
        AdminRequest::Jobs(JobRequest::Run { .. }) => "running the job",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_shown_nothing_and_a_short_command_has_nothing_to_show() {
        assert!(Progress::show("working", Reader::Program).0.is_hidden());
        assert_eq!(Reader::of(true), Reader::Program);
        assert_eq!(what(&AdminRequest::LedgerHolds), None);
        assert!(what(&AdminRequest::LedgerVerify).is_some());
    }
}
