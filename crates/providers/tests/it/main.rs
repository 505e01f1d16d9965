//! The crate from outside, on recorded traffic and on made-up bytes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod docs;
mod fetch;
mod http;
mod requests;
mod sandbox;
mod vendors;
