//! The fields and headers that may pass the gateway, in each direction.
//!
//! A [`Policy`] is an allow-list for one API, kept as data. [`Policy::scrub`] reads a body once, at its top level only,
//! borrowing: large fields are neither parsed nor copied. A field that is not on the list is dropped and named, or
//! refused in strict mode. A field that would need state at the provider is refused with a remedy.
//!
//! # What it refuses to do
//! No I/O. It keeps no secret: the caller supplies the keyed hash. A scrubbed body has no `Debug`.
//!
//! # Invariants
//! - Kept fields stay byte for byte and in order. Dropped fields leave no byte behind.
//! - Strict mode refuses exactly where lax mode drops.
//! - A name that appears twice is refused: two readers could disagree on which one counts.
//!
//! # Example
//! ```
//! use opencredits_sanitizer::{Api, Policy, Scrub, Strictness};
//!
//! let policy = Policy::builtin(Api::OpenaiChat).unwrap();
//! let body = br#"{"model": "m", "messages": [], "user": "jane@example.com", "store": true}"#;
//! let hash = |value: &str| format!("hash-of-{}-bytes", value.len());
//! let scrubbed = policy.scrub(body, &Scrub { strictness: Strictness::Lax, hash: &hash }).unwrap();
//!
//! let fields: Vec<_> = scrubbed.fields().collect();
//! assert_eq!(fields, [("model", "\"m\""), ("messages", "[]"), ("store", "false")]);
//! assert_eq!(scrubbed.dropped(), ["user"]);
//! ```

mod error;
mod headers;
mod policy;
mod scrubbed;

pub use error::{PolicyError, SanitizeError};
pub use headers::Headers;
pub use policy::{Api, Policy, Scrub, Strictness};
pub use scrubbed::Scrubbed;
