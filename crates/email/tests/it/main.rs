//! What the mails say, and how they are sent to real servers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod fixtures;
mod letters;
mod mail_server;
mod resend;
mod smtp;
mod webhooks;
