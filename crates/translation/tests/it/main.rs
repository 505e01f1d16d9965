//! PartContent the dialects promise, on recorded traffic and on made-up bytes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says aloud that it is skipped"
)]

mod custom;
mod fixtures;
mod limits;
mod response_content;
mod round_trips;
mod seals;
mod translate;
