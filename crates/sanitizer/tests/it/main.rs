//! What the sanitizer promises.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod clients;
mod docs;
mod headers;
