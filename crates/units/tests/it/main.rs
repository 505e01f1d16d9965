//! What the quantities promise.

mod cost_classes;
mod decimals;
mod ids;
mod money;
