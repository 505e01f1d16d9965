//! Errors on the wire: one vocabulary, one table, a skin for each API.

mod problem;
mod table;

pub use problem::{Problem, Skin};
pub use table::{ErrorType, Retryable, Row};
