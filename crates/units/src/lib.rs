//! Exact quantities, identifiers and time: the vocabulary of all crates of OpenCredits.
//!
//! Money is an integer, always: a balance is a [`NanoUsd`], a price is a [`Rate`] in pico-dollars per token
//! or use, and the sum of a bill is a [`PicoUsd`] that is rounded once, up. Token counts are a [`Usage`] of
//! disjoint [`Bucket`]s in which *absent* is not *zero*.
//!
//! # What it refuses to do
//! No floats, no I/O, no clock, no randomness, no panics: arithmetic that may overflow returns an [`Option`].
//!
//! # Example
//! ```
//! use opencredits_units::{NanoUsd, Rate, Tokens};
//!
//! let rate = Rate::from_usd_per_million("1.75").unwrap();
//! let cost = rate.times(Tokens::new(2_500)).unwrap();
//! assert_eq!(cost.ceil_to_nano(), Some(NanoUsd::new(4_375_000)));
//! assert_eq!(NanoUsd::new(4_375_000).to_string(), "0.004375");
//! ```
#![warn(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions)]

mod cost_class;
mod credits;
mod decimal;
mod id;
mod money;
mod progress;
mod time;
mod usage;

pub use cost_class::{CostClass, UnknownCostClass};
pub use credits::CreditPrice;
pub use decimal::{Decimal, DecimalError};
pub use id::{
    Account, AccountId, Entry, EntryId, Generation, GenerationId, Id, IdError, IdKind, Key, KeyId, Order, OrderId,
    Partner, PartnerId, Request, RequestId, User, UserId,
};
pub use money::{BasisPoints, NanoUsd, PicoUsd, Rate, Tokens};
pub use progress::{Measure, Progress, Stage};
pub use time::UnixMs;
pub use usage::{Bucket, ToolUse, Usage};
