//! Compiles and runs the examples of the page.
#![doc = include_str!("../../../docs/ledger.md")]
