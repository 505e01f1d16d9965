//! Embeddable double-entry ledger for prepaid accounts.
