//! What is printed.

use crate::error::AdminError;
use std::io::{ErrorKind, Write};

pub(crate) fn print(text: &str) -> Result<(), AdminError> {
    let unusable = |source| AdminError::File { path: "standard output".into(), source };
    write(&mut std::io::stdout().lock(), text).map_err(unusable)
}

/// A reader that closes the pipe, such as `head`, is no failure.
fn write(out: &mut impl Write, text: &str) -> std::io::Result<()> {
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Whether somebody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Goes,
    Ended,
}

/// Prints a line of many.
pub(crate) fn print_line(text: &str) -> Result<Reading, AdminError> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(Reading::Goes),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reading::Ended),
        Err(source) => Err(AdminError::File { path: "standard output".into(), source }),
    }
}

/// Tells something that is no output.
#[expect(clippy::print_stderr, reason = "what a command line is for")]
pub(crate) fn report_note(note: &str) {
    eprintln!("opencredits-admin: {note}");
}

#[expect(clippy::print_stderr, reason = "what a command line is for")]
pub(crate) fn report(error: &AdminError) {
    eprintln!("opencredits-admin: {error}");
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed(ErrorKind);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure_and_a_full_disk_is_one() {
        assert!(write(&mut Closed(ErrorKind::BrokenPipe), "a").is_ok());
        assert!(write(&mut Closed(ErrorKind::StorageFull), "a").is_err());
        let mut out = Vec::new();
        assert!(write(&mut out, "a\n\n").is_ok());
        assert_eq!(out, b"a\n");
    }
}
