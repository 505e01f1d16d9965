//! What the quantities promise.

mod decimals;
mod ids;
mod money;
