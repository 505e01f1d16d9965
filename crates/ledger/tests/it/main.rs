//! What the ledger promises.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod books;
mod chain;
mod crash;
mod docs;
mod failover;
mod faults;
mod follow;
mod laws;
mod lessons;
mod limits;
mod months;
mod network;
mod outages;
mod processes;
mod shared;
mod table;
mod tables;
mod verifying;
mod wire;

/// A variable of the environment: how a test tells its own program, run again, what to be.
#[expect(clippy::disallowed_methods, reason = "the one place where these tests read the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
