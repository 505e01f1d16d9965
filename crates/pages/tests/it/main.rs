//! Tests of the pages: every template in every state, the words, the assets.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod assets;
mod samples;
mod words;
