//! The admin tool as an operator runs it: on files, and through the socket of a gateway.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod applications;
mod backups;
mod docs;
mod fixture;
mod flows;
mod partners;
mod reads;
mod refusals;
