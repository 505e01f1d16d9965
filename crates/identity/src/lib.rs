//! Who somebody is, and what an app may do for them: sign-in codes, signed links, attempt limits, sessions, passkeys, and
//! OAuth 2.1.
//!
//! Each part is a state machine over plain values. A caller loads a record from its store, asks, and stores what changed:
//! - [`Challenge`] and [`OneTimeCode`]: six digits by mail, and [`Link`]: a signed URL by mail, each for one [`Purpose`];
//! - [`Bucket`], [`Limits`] and [`Attempt`]: how often somebody may try, by address, by network and in all;
//! - [`Session`]: a signed-in browser;
//! - [`passkey`]: WebAuthn registration and assertion;
//! - [`oauth`]: PKCE, authorization requests, codes, token families, the device flow, metadata.
//!
//! # What it refuses to do
//! It does no I/O, reads no clock, draws no randomness and has no database: time and random bytes are arguments. It keeps no
//! secret: codes and tokens are returned once, and records hold their digests. It does not tell a peer why something did
//! not hold.
//!
//! # Invariants
//! - A code, a link, an authorization code and a refresh token are used once. Where several processes share a store, the
//!   caller stores the record by a compare-and-swap before it acts on the answer.
//! - What was made for one purpose, client, site or person passes for no other.
//! - Secrets are compared in constant time, and an unknown record costs what a known one does.
//! - Whatever comes from outside has a length, beyond which it is refused unread.
//!
//! # Example
//! ```
//! use opencredits_identity::{Challenge, ChallengeId, CodeAnswer, OneTimeCode, Purpose, Verdict};
//! use opencredits_identity::keys::{HashKey, Secret};
//! use opencredits_identity::units::UnixMs;
//!
//! let (key, now) = (HashKey::new([1; 32]), UnixMs::new(1_000));
//! let code = OneTimeCode::draw([7; 32]).unwrap();
//! let id = ChallengeId::at(now, [2; 10]);
//! let mut challenge = Challenge::new(id, Purpose::SignIn, &code, &key, now);
//!
//! let digits = code.reveal();
//! let typed = format!("{} {}", &digits[..3], &digits[3..]);
//! let answer = CodeAnswer { id, purpose: Purpose::SignIn, typed: &Secret::new(&typed) };
//! assert_eq!(challenge.check(&answer, &key, now), Verdict::Accepted);
//! assert_eq!(challenge.check(&answer, &key, now), Verdict::Refused, "it is used");
//! ```
#![cfg_attr(
    not(test),
    warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::float_arithmetic, clippy::indexing_slicing)
)]

mod attempts;
mod code;
mod error;
mod link;
pub mod oauth;
pub mod passkey;
mod purpose;
mod session;

pub use attempts::{Attempt, Bucket, BucketKey, Limit, Limits, NetworkPrefix, Wait, take_all};
pub use code::{
    CODE_ATTEMPTS_MAX, CODE_LIFETIME_MS, Challenge, ChallengeId, ChallengeKind, CodeAnswer, OneTimeCode, Verdict,
    check_code,
};
pub use error::{IdentityError, LinkProblem, PasskeyProblem, SiteProblem};
pub use link::{LINK_KEYS_MAX, LINK_LIFETIME_MS, LINK_SUBJECT_BYTES_MAX, Link, LinkKeys, UNSUBSCRIBE_LIFETIME_MS};
/// Keys of hashes and secrets, as the crate takes them.
pub use opencredits_keys as keys;
/// Ids and time, as the crate takes them.
pub use opencredits_units as units;
pub use purpose::Purpose;
pub use session::{BrowserName, Session, SessionLifetimes, SignIn, Standing, browser_name};
