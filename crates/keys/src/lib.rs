//! Make, parse, hash and compare the secrets of OpenCredits.
//!
//! A [`UserKey`] spends a person's balance; a [`ManagementKey`] manages a person's keys and spends nothing; a
//! [`PublishableKey`] names a partner and grants nothing. Each has a counterpart in test mode, such as [`TestKey`], which is
//! another type with another prefix. All have a checksum, so that a typing mistake is refused without a look-up. The
//! store keeps the [`KeyDigest`] of a secret key. Its text is shown once, to its owner. [`DataKeys`] encrypt what is stored of
//! people.
//!
//! # What it refuses to do
//! It draws no randomness and reads no clock: random bytes are arguments. `Debug` shows no secret.
//!
//! # Example
//! ```
//! use opencredits_keys::UserKey;
//!
//! let key = UserKey::generate([7; 32]);
//! let typed = UserKey::parse(key.reveal()).unwrap();
//! assert_eq!(typed.digest(), key.digest());
//! assert!(UserKey::parse(&key.reveal().replacen('7', "8", 1)).is_err());
//! assert!(!format!("{key:?}").contains(key.reveal()));
//! ```

mod digest;
mod issue;
mod key;
mod keyed;
mod kind;
mod sealed;
mod secret;

pub use digest::KeyDigest;
pub use key::{
    IssuedKey, KeyError, ManagementKey, PartnerKey, PublishableKey, SecretKey, SessionToken, TestKey, UserKey,
};
pub use keyed::HashKey;
pub use kind::{AnyKind, InTest, KeyKind, LiveKind, Manages, Mode, Reports, SignsIn, Spends};
pub use sealed::{DATA_KEYS_MAX, DataKeyId, DataKeys, DataKeysError, NONCE_BYTES, OpenError, SealedPlace};
pub use secret::Secret;
