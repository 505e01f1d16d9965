//! The whole application, mostly without a socket.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod apis;
mod app;
mod applications;
mod attachments;
mod balances;
mod bounds;
mod canary;
mod cases;
mod charges;
mod clients;
mod cors;
mod cuts;
mod docs;
mod errors;
mod estimates;
mod history;
mod large;
mod limits;
mod lives;
mod lookups;
mod management;
mod money;
mod partners;
mod payments;
mod rates;
mod refusals;
mod routing;
mod shown;
mod sockets;
mod streams;
mod test_mode;
mod translation;
mod translation_table;
mod vendor_answers;
mod webhooks;
