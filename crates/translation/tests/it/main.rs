//! What the dialects promise, on recorded traffic and on made-up bytes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says aloud that it is skipped"
)]

mod custom;
mod fixtures;
mod limits;
mod round_trips;
mod said;
mod seals;
mod translate;
