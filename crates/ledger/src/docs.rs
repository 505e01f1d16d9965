//! Compiles and runs the examples of the page and of the README.
#![doc = include_str!("../../../docs/ledger.md")]
#![doc = include_str!("../README.md")]
