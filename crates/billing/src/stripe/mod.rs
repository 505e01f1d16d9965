//! Stripe's REST API: the few calls that [`crate::Payments`] needs, with structs of our own.

mod adapter;
mod client;
mod convert;
mod create;
mod failure;
mod lists;
mod read;
mod settings;
mod wire;

pub use adapter::Stripe;
pub use settings::{StripeKey, StripeSettings};
