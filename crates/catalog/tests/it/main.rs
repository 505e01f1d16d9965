//! What models and prices promise.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod book;
mod cards;
mod diffs;
mod docs;
mod names;
mod terms;
