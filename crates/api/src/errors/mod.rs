//! Errors in HTTP: one vocabulary, one table, a surface for each API.

mod problem;
mod table;

pub use problem::{ApiSurface, Problem};
pub use table::{ErrorType, Retryable, Row};
