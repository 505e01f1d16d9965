//! The keys that addresses are encrypted with: where they are found, and whether they fit what is stored.

use crate::config::PrivacySettings;
use crate::ports::Entropy;
use opencredits_keys::{DataKeyId, DataKeys, DataKeysError};
use opencredits_store::{AddressKeeping, AddressRotation, Sealing, StoreError};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the systemd credential with the keys.
pub const CREDENTIAL: &str = "opencredits-address-keys";
/// The file of the data folder that has the key of `dev`. Nothing else looks for keys in the data folder.
pub const DEV_ADDRESS_KEYS_FILE: &str = "dev-address-keys";
/// The folder of credentials, which systemd sets for a service.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// How a key is made, for errors.
const REMEDY: &str =
    "make a key with `opencredits-admin key-file new PATH`, and set privacy.address_keys_file to its path";

/// There is no key for addresses, or it does not fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressKeysError {
    /// The file of keys cannot be read.
    #[error("cannot read the address keys in {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A text holds no keys.
    #[error("the address keys in {place} cannot be used: {source}")]
    Keys {
        /// The setting or file.
        place: String,
        /// The reason.
        source: DataKeysError,
    },
    /// Addresses are kept, and no key is set.
    #[error(
        "{addresses} addresses are kept, and neither privacy.address_keys_file nor privacy.address_keys is set; {REMEDY}"
    )]
    Missing {
        /// The number of addresses.
        addresses: u64,
    },
    /// People sign in, and nothing could keep their addresses.
    #[error(
        "people sign in by their addresses, which are kept encrypted, and neither privacy.address_keys_file nor privacy.address_keys is set; {REMEDY}"
    )]
    SignIn,
    /// Addresses are encrypted with a key that is not set.
    #[error(
        "{addresses} addresses are encrypted with the key {key}, which privacy.address_keys_file does not have; add it there"
    )]
    Unknown {
        /// The key.
        key: DataKeyId,
        /// The number of addresses.
        addresses: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The keys that the settings name; else those of the systemd credential; else none.
///
/// # Errors
/// When a file cannot be read, or holds no keys.
pub fn address_keys(
    settings: &PrivacySettings,
    variables: &[(String, String)],
) -> Result<Option<DataKeys>, AddressKeysError> {
    if let Some(keys) = &settings.address_keys {
        return read_keys(keys.reveal(), "privacy.address_keys").map(Some);
    }
    if let Some(path) = &settings.address_keys_file {
        return keys_of_file(Path::new(path)).map(Some);
    }
    let folder = variables.iter().find(|(name, _)| name == CREDENTIALS_VARIABLE).map(|(_, folder)| Path::new(folder));
    let credential = folder.map(|folder| folder.join(CREDENTIAL)).filter(|path| path.is_file());
    credential.map(|path| keys_of_file(&path)).transpose()
}

fn keys_of_file(path: &Path) -> Result<DataKeys, AddressKeysError> {
    let wrong = |source| AddressKeysError::File { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(wrong)?;
    read_keys(&text, &path.display().to_string())
}

fn read_keys(text: &str, place: &str) -> Result<DataKeys, AddressKeysError> {
    text.parse().map_err(|source| AddressKeysError::Keys { place: place.to_owned(), source })
}

/// A new key, as it stands in a file.
#[must_use]
pub fn fresh_address_key(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    let mut text = String::with_capacity(65);
    for byte in bytes {
        let _written = write!(text, "{byte:02x}");
    }
    text.push('\n');
    text
}

/// How a store keeps addresses with these keys; without any it refuses them.
#[must_use]
pub fn keeping(keys: Option<&DataKeys>, entropy: &Arc<dyn Entropy>) -> AddressKeeping {
    let Some(keys) = keys else { return AddressKeeping::Refused };
    let entropy = Arc::clone(entropy);
    AddressKeeping::Sealed(Sealing::new(keys.clone(), move |nonce| entropy.fill(nonce)))
}

/// Refuses to start where addresses are kept that these keys do not protect or cannot read.
///
/// # Errors
/// When a key is missing, or the store fails.
pub async fn check_address_keys(store: &dyn AddressRotation, keys: Option<&DataKeys>) -> Result<(), AddressKeysError> {
    let used = store.address_key_use().await?;
    let sealed = used.keys.iter().fold(0_u64, |sum, one| sum.saturating_add(one.addresses));
    let Some(keys) = keys else {
        return match used.plain.saturating_add(sealed) {
            0 => Ok(()),
            addresses => Err(AddressKeysError::Missing { addresses }),
        };
    };
    match used.keys.iter().find(|one| !keys.ids().any(|id| id == one.key)) {
        Some(unknown) => Err(AddressKeysError::Unknown { key: unknown.key, addresses: unknown.addresses }),
        None => Ok(()),
    }
}
