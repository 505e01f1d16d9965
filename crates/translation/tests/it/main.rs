//! The crate from outside, on recorded traffic and on made-up bytes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod custom;
mod dropped;
mod enums;
mod fixtures;
mod limits;
mod odd_calls;
mod response_content;
mod round_trips;
mod seals;
mod translate;
