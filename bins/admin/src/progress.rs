//! Shows that a long command is at work: on standard error, at a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use opencredits_api::admin::{
    AdminRequest, AlarmRequest, JobRequest, OrderRequest, PriceRequest, PrivacyRequest, StageView,
};
use opencredits_units::Progress;
use std::cell::Cell;
use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How often it is drawn.
const TICK: Duration = Duration::from_millis(120);
/// How often it is asked how far the work is.
pub(crate) const POLL: Duration = Duration::from_millis(200);

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

/// A line that says what is being done, how much of it, and for how long. It goes when it is dropped.
pub(crate) struct Shown {
    bar: ProgressBar,
    /// The form that the line has now.
    form: Cell<Form>,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It is not known how far the work is.
    Busy,
    /// So much is done of what is not known.
    Counting,
    /// A part of the whole.
    Share,
    /// A part of the whole, in bytes.
    ShareOfBytes,
}

impl Form {
    fn of(stage: &StageView) -> Self {
        match (stage.of, stage.in_bytes) {
            (Some(1..), true) => Self::ShareOfBytes,
            (Some(1..), false) => Self::Share,
            (None | Some(0), _) if stage.done > 0 => Self::Counting,
            (None | Some(0), _) => Self::Busy,
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Busy => "{spinner} {msg} ({elapsed})",
            Self::Counting => "{spinner} {msg}: {human_pos}, {per_sec} ({elapsed})",
            Self::Share => "{spinner} {msg} {bar:24} {percent:>3}% {human_pos}/{human_len}, {per_sec} ({elapsed})",
            Self::ShareOfBytes => {
                "{spinner} {msg} {bar:24} {percent:>3}% {binary_bytes}/{binary_total_bytes}, {binary_bytes_per_sec} ({elapsed})"
            }
        }
    }
}

impl Shown {
    /// Shows `what` to a person, and nothing to a program.
    pub(crate) fn new(what: &'static str, reader: Reader) -> Self {
        let target = match reader {
            Reader::Person => ProgressDrawTarget::stderr(),
            Reader::Program => ProgressDrawTarget::hidden(),
        };
        let shown = Self::on(target, what);
        shown.bar.enable_steady_tick(TICK);
        shown
    }

    fn on(target: ProgressDrawTarget, what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_message(what);
        let shown = Self { bar, form: Cell::new(Form::Busy) };
        shown.take(Form::Busy);
        shown
    }

    fn take(&self, form: Form) {
        if let Ok(style) = ProgressStyle::with_template(form.template()) {
            self.bar.set_style(style);
        }
        self.form.set(form);
    }

    /// Whether anything is drawn.
    pub(crate) fn is_drawn(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Shows how far the work is. Before its first stage it stays as it is.
    pub(crate) fn at(&self, stage: &StageView) {
        if stage.stage.is_empty() {
            return;
        }
        if stage.stage != self.bar.message() {
            self.bar.set_message(stage.stage.clone());
            self.bar.reset_eta();
        }
        let form = Form::of(stage);
        if form != self.form.get() {
            self.take(form);
        }
        match stage.of {
            // What is known at the beginning may be less than there is.
            Some(of @ 1..) => {
                self.bar.set_length(of);
                self.bar.set_position(stage.done.min(of));
            }
            Some(0) | None => self.bar.set_position(stage.done),
        }
    }

    /// Does work that blocks this thread, and shows how far it is.
    pub(crate) fn during<T>(&self, work: impl FnOnce(&Progress) -> T + Send) -> T
    where
        T: Send,
    {
        let progress = Progress::default();
        std::thread::scope(|threads| {
            let (ended, wait) = mpsc::channel();
            let worked = threads.spawn({
                let progress = &progress;
                move || {
                    let done = work(progress);
                    let _watched = ended.send(());
                    done
                }
            });
            while let Err(RecvTimeoutError::Timeout) = wait.recv_timeout(POLL) {
                self.at(&progress.stage().into());
            }
            worked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
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
        AdminRequest::Prices(PriceRequest::Refresh { .. }) => "loading the price book",
        AdminRequest::Jobs(JobRequest::Run { .. }) => "running the job",
        AdminRequest::Alarms(AlarmRequest::Test) => "telling the webhook and the mail server",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// A terminal that remembers what was written last.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn contents(&self) -> String {
            self.0.lock().unwrap().clone()
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(line)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().clear();
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_program_is_shown_nothing_and_a_short_command_has_nothing_to_show() {
        assert!(!Shown::new("working", Reader::Program).is_drawn());
        assert_eq!(Reader::of(true), Reader::Program);
        assert_eq!(what(&AdminRequest::LedgerHolds), None);
        assert!(what(&AdminRequest::LedgerVerify).is_some());
    }

    #[test]
    fn a_line_shows_a_share_where_the_whole_is_known_and_a_count_otherwise() {
        let term = Screen::default();
        let shown = Shown::on(ProgressDrawTarget::term_like(Box::new(term.clone())), "working");
        let check = |done, of, in_bytes, expect: &[&str]| {
            shown.at(&StageView { stage: "copying".to_owned(), done, of, in_bytes });
            shown.bar.tick();
            let line = term.contents();
            assert!(expect.iter().all(|part| line.contains(part)), "{line}");
        };
        check(0, None, false, &["copying (0s)"]);
        check(1_234, None, false, &["copying: 1,234, "]);
        check(25, Some(100), false, &["copying ", " 25% 25/100, "]);
        check(120, Some(100), false, &["100% 100/100"]);
        check(512 << 10, Some(1 << 20), true, &[" 50% 512.00 KiB/1.00 MiB, ", "/s ("]);
        check(5, Some(0), true, &["copying: 5, "]);
    }

    #[test]
    fn work_that_blocks_is_watched_and_its_result_handed_on() {
        let term = Screen::default();
        let shown = Shown::on(ProgressDrawTarget::term_like(Box::new(term)), "working");
        let bar = shown.bar.clone();
        let seen = shown.during(|progress| {
            progress.begin("reading", opencredits_units::Measure::Count, Some(10));
            progress.advance(4);
            let is_seen = || bar.message() == "reading" && bar.position() == 4;
            (0..500).any(|_| {
                std::thread::sleep(Duration::from_millis(10));
                is_seen()
            })
        });
        assert!(seen);
    }
}
