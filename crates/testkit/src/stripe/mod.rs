//! A double of Stripe's API: a real HTTP server that keeps pages, payments, charges, refunds, disputes, movements of
//! money and events, and refuses what Stripe refuses.
//!
//! A test does at it what a buyer, a bank or an operator would do ([`StripeDouble::pay`], [`StripeDouble::dispute`]),
//! takes the events that this makes ([`StripeDouble::take_events`]) and delivers them itself: in any order, twice, or
//! never. Its requests and answers can be logged, and validated against Stripe's own OpenAPI document by
//! `testkit/python/validate_stripe.py`.
//!
//! # What it refuses to do
//! Parameters that it does not know are refused like a misspelt one. It has one currency an account, so that a balance
//! is a number, and no Connect. With [`StripeDouble::permit`] it refuses what a restricted key may not do.
//!
//! ```
//! use opencredits_testkit::stripe::StripeDouble;
//!
//! let stripe = StripeDouble::start().unwrap();
//! stripe.foreign_payment(1_000);
//! let events = stripe.take_events();
//! assert!(events.iter().any(|event| event.kind == "payment_intent.succeeded"));
//! ```

mod books;
mod create;
mod double;
mod events;
mod form;
mod lifecycle;
mod objects;
mod permissions;
mod query;
mod routes;
mod server;
mod shop;

pub use double::StripeDouble;
pub use events::{Produced, sign};
pub use permissions::Permissions;
pub use server::{Charging, StripeFault, StripeRequest};
