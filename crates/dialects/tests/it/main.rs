//! What the dialects promise, on recorded traffic and on made-up bytes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says aloud that it is skipped"
)]

mod closings;
mod errors;
mod exact;
mod failures;
mod recordings;
mod requests;
mod taps;
mod usage;
mod usage_layouts;
