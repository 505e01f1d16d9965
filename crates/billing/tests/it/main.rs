//! The tests of the crate: its pure core by tables, the adapter against a double of Stripe's API.

mod adapter;
mod bugs;
mod faults;
mod hints;
mod position;
mod python;
mod signatures;
mod support;
