//! Backups of a data folder in use, and their restoration.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;
mod migrate;
mod moments;
mod refusals;
mod restored;
mod world;
