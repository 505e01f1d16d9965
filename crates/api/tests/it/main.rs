//! The whole application, without a socket.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod app;
mod canary;
mod clients;
mod docs;
mod lookups;
mod money;
mod refusals;
mod streams;
