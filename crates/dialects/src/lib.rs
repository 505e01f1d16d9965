//! The dialects of AI providers, as far as metering needs them: the facts of a request, the usage of a response, the
//! class of an error.
//!
//! A [`Dialect`] is a wire format. [`RequestFacts`] reads a request. [`StreamTap`] watches a streamed response pass and
//! [`read_body`] reads a whole one; both end in an [`Outcome`] with the usage in disjoint buckets. [`UsageLayoutTap`]
//! and [`read_usage`] meter interfaces that only a table describes. [`UpstreamError`] classifies the error of a
//! provider.
//!
//! # What it refuses to do
//! The crate does no I/O and reads no clock. Types that hold content cannot be printed. No vendor's name appears in the
//! code.
//!
//! # Invariants
//! - Usage in a stream replaces, it never adds. Absent is not zero. A count below zero is flagged, never clamped.
//! - A stream that was cut is never reported as final, wherever it was cut.
//! - Bytes pass a tap unchanged, except for the closing events that carry usage.
//!
//! # Example
//! ```
//! use opencredits_dialects::{Dialect, read_body};
//! use opencredits_dialects::units::{Bucket, Tokens};
//!
//! let body = br#"{"id": "a1", "model": "m", "choices": [{"finish_reason": "stop", "message": {"content": "Hi"}}],
//!     "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25,
//!               "prompt_tokens_details": {"cached_tokens": 15}}}"#;
//! let outcome = read_body(Dialect::OpenaiChat, body);
//! let usage = outcome.usage.unwrap();
//! assert_eq!(usage.get(Bucket::InputUncached), Some(Tokens::new(5)));
//! assert_eq!(usage.get(Bucket::CacheRead), Some(Tokens::new(15)));
//! assert_eq!(usage.get(Bucket::Reasoning), None);
//! ```

mod decoders;
mod dialect;
mod enum_names;
mod error;
mod error_shape;
mod facts;
mod outcome;
mod overflow;
mod stream;
mod upstream_error;
mod usage_chunk;
mod usage_layout;
mod whole;

pub use dialect::{Dialect, UnknownDialect};
pub use enum_names::{BLOCK_REASONS, FINISH_REASONS, enum_name};
pub use error::RequestError;
pub use facts::{ExactInput, InputAmount, RequestFacts};
/// Tokens, buckets and usage, as an outcome has them.
pub use opencredits_units as units;
pub use outcome::{End, Finish, Outcome, Produced, Trust};
pub use overflow::Overflow;
pub use stream::start_detector::{StartDetector, StreamStart};
pub use stream::tap::StreamTap;
pub use upstream_error::{ErrorKind, UpstreamError};
pub use usage_chunk::UsageChunk;
pub use usage_layout::{UsageLayout, UsageLayoutTap, read_usage};
pub use whole::{read_body, splice_usage, without_mark};
