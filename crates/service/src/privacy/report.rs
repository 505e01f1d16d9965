//! What is held.

use super::error::PrivacyError;
use super::state::Privacy;
use opencredits_keys::DataKeyId;
use opencredits_store::Holding;

/// A key of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressKeyReport {
    /// The key.
    pub key: DataKeyId,
    /// The addresses that it has encrypted.
    pub addresses: u64,
    /// Whether it is set.
    pub is_set: bool,
    /// Whether it encrypts.
    pub is_newest: bool,
}

/// What is held, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacyReport {
    /// The kinds.
    pub holdings: Vec<Holding>,
    /// The keys of addresses: those that are set, then others that have encrypted addresses.
    pub keys: Vec<AddressKeyReport>,
}

impl Privacy {
    /// What is held, how old it is, and how long it is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn report(&self) -> Result<PrivacyReport, PrivacyError> {
        let holdings = self.tables.states.holdings().await?;
        let used = self.tables.addresses.address_key_use().await?.keys;
        let count = |key| used.iter().find(|one| one.key == key).map_or(0, |one| one.addresses);
        let set = self.address_keys.iter().enumerate().map(|(at, key)| AddressKeyReport {
            key: *key,
            addresses: count(*key),
            is_set: true,
            is_newest: at == 0,
        });
        let others = used.iter().filter(|one| !self.address_keys.contains(&one.key)).map(|one| AddressKeyReport {
            key: one.key,
            addresses: one.addresses,
            is_set: false,
            is_newest: false,
        });
        Ok(PrivacyReport { holdings, keys: set.chain(others).collect() })
    }
}
