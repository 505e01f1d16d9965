//! Make, parse, hash and compare the secrets of OpenCredits.
//!
//! A [`UserKey`] spends one person's balance; a [`PublishableKey`] names a partner and grants nothing. Both carry a
//! checksum, so that a typing mistake is refused without a look-up. What is stored of a user key is its
//! [`KeyDigest`]; the text is shown once and then only its owner has it.
//!
//! # What it refuses to do
//! It draws no randomness and reads no clock: random bytes are arguments. It shows no secret: `Debug` redacts.
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
mod key;
mod keyed;
mod secret;

pub use digest::KeyDigest;
pub use key::{KeyError, PublishableKey, UserKey};
pub use keyed::HashKey;
pub use secret::Secret;
