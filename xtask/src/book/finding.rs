//! What is wrong with the book.

use std::fmt;

/// A fault, where it is, and what to do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) page: String,
    /// From 1; 0 where it is about the page as a whole.
    pub(super) line: usize,
    pub(super) what: String,
    pub(super) remedy: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { page, line, what, remedy } = self;
        write!(f, "{page}:{line}: {what} — {remedy}")
    }
}
