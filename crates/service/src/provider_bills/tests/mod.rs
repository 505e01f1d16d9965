//! Reconciliation against a double of both forms of billing reports, on a real ledger and a real store.

mod bills;
mod faults;
mod fixture;
mod laws;
