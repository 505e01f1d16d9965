//! The admin tool as an operator runs it: on files, and through the socket of a gateway.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod applications;
mod backups;
mod config;
mod docs;
mod doctor;
mod fixture;
mod flows;
mod identity;
mod jobs;
mod live;
mod migrate;
mod partners;
mod prices;
mod privacy;
mod progress;
mod providers;
mod reads;
mod refusals;
mod users;
