//! Everything OpenCredits keeps except the ledger.
