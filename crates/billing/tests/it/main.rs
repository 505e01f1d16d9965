//! The tests of the crate: its pure core by tables, the adapter against a double of Stripe's API.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says aloud that it is skipped"
)]

mod adapter;
mod bugs;
mod conformance;
mod faults;
mod hints;
mod position;
mod published;
mod schedules;
mod signatures;
mod support;
