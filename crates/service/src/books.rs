//! The accounts of the house: fixed ids, so that every process of an installation means the same.

use opencredits_ledger::{Floor, Ledger, LedgerError, OpenAccount};
use opencredits_units::{AccountId, UnixMs};

/// Where payments come in.
pub const CLEARING: AccountId = AccountId::from_bits(1);
/// What providers are owed.
pub const PROVIDERS: AccountId = AccountId::from_bits(2);
/// What the platform keeps.
pub const REVENUE: AccountId = AccountId::from_bits(3);
/// What was given away.
pub const PROMOTION: AccountId = AccountId::from_bits(4);
/// What was used and could not be collected.
pub const BAD_DEBT: AccountId = AccountId::from_bits(5);
/// The other side of limits: what they were given and what they have counted.
pub const LIMITS: AccountId = AccountId::from_bits(6);

/// Names for people, by account.
pub const NAMES: [(AccountId, &str); 6] = [
    (CLEARING, "clearing"),
    (PROVIDERS, "providers"),
    (REVENUE, "revenue"),
    (PROMOTION, "promotion"),
    (BAD_DEBT, "bad debt"),
    (LIMITS, "limits"),
];

/// Opens the accounts of the house; again at every start, which changes nothing.
///
/// # Errors
/// When the ledger refuses.
pub fn open(ledger: &Ledger, now: UnixMs) -> Result<(), LedgerError> {
    for (id, _) in NAMES {
        ledger.open_account(OpenAccount { id, floor: Floor::None, contra: None }, now)?.accepted();
    }
    ledger.flush()
}
