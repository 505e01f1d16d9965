//! The testkit tested: a fixture that lies would make every other test lie.

#![expect(clippy::unwrap_used, reason = "in a test, a failure is to be seen at once")]

mod recordings;
mod replay;
