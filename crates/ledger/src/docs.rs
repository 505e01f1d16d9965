//! Compiles and runs the examples of the page and of the README.
#![doc = include_str!("../../../docs/ledger.md")]
#![cfg_attr(feature = "postgres", doc = include_str!("../../../docs/ledger-on-postgresql.md"))]
#![doc = include_str!("../README.md")]
