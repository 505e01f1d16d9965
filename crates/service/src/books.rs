//! The accounts of the house. Their ids are fixed, so that every process of an installation uses the same ones.

use opencredits_ledger::{Floor, Ledger, LedgerError, OpenAccount};
use opencredits_units::{AccountId, UnixMs};

/// Payments from outside.
pub const CLEARING: AccountId = AccountId::from_bits(1);
/// Amounts owed to providers.
pub const PROVIDERS: AccountId = AccountId::from_bits(2);
/// The platform's revenue.
pub const REVENUE: AccountId = AccountId::from_bits(3);
/// Credits that were given away.
pub const PROMOTION: AccountId = AccountId::from_bits(4);
/// Charges that could not be collected.
pub const BAD_DEBT: AccountId = AccountId::from_bits(5);
/// The other side of limits: what they were given and what they have counted.
pub const LIMITS: AccountId = AccountId::from_bits(6);

/// Display names, by account.
pub const NAMES: [(AccountId, &str); 6] = [
    (CLEARING, "clearing"),
    (PROVIDERS, "providers"),
    (REVENUE, "revenue"),
    (PROMOTION, "promotion"),
    (BAD_DEBT, "bad debt"),
    (LIMITS, "limits"),
];

/// Opens the accounts of the house. Repeating it at every start changes nothing.
///
/// # Errors
/// When the ledger fails.
pub fn open(ledger: &Ledger, now: UnixMs) -> Result<(), LedgerError> {
    for (id, _) in NAMES {
        ledger.open_account(OpenAccount { id, floor: Floor::None, contra: None }, now)?.accepted();
    }
    ledger.flush()
}
