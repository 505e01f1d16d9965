//! The book: README.md and the pages in `docs/`, with the snippets on them.

mod pages;
mod shell;

pub use pages::{Page, SHOWN_ONLY, Snippet, pages, snippets};
