//! AI providers: vendors as data, an HTTP client, a sandbox vendor, and everything that an adapter needs of dialects
//! and translation.
//!
//! A [`Vendor`] is data: a TOML file of some five lines. [`RequestFacts`] reads a request, [`upstream_body`] writes its
//! fields for a vendor, and a [`Transport`] sends it. [`StreamTap`] watches a stream pass and [`read_body`] reads a
//! whole answer; both end in an [`Outcome`] with the usage in disjoint buckets.
//!
//! # What it refuses to do
//! Only the HTTP client does I/O. Types that hold content cannot be printed. No vendor's name appears in the code.
//!
//! # Invariants
//! - Usage in a stream replaces, it never adds. Absent is not zero. A count below zero is flagged, never clamped.
//! - A stream that was cut is never reported as final, wherever it was cut.
//! - Bytes pass a tap unchanged, except for the closing events that carry usage.
//!
//! # Example
//! ```
//! use opencredits_providers::{Dialect, read_body};
//! use opencredits_providers::units::{Bucket, Tokens};
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

mod attachment;
mod auth;
mod base_url;
mod billing_report;
mod coding;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod rewrite;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod stand_in;
mod transport;
mod vendor;

pub use attachment::{Fetch, FetchError};
pub use auth::Auth;
pub use billing_report::{BillingReport, BillingReportKind};
pub use coding::{Coding, SourceError, UnknownCoding};
pub use error::VendorError;
pub use opencredits_dialects::{
    Dialect, End, ErrorKind, ExactInput, Finish, InputAmount, Outcome, Overflow, Produced, RequestError, RequestFacts,
    StartDetector, StreamStart, StreamTap, Trust, UnknownDialect, UpstreamError, UsageChunk, UsageLayout,
    UsageLayoutTap, read_body, read_usage, splice_usage, without_mark,
};
pub use opencredits_translation::{
    Attached, Attachment, Efforts, EmbeddingForm, Origin, StreamAdapter, StreamTranslator, Target, ToolNames,
    Translated, addresses, body_of_events, fitted_ids, takes_names, translate, translate_body, translate_with,
    unsealed, usage_members,
};
/// Tokens, buckets and usage, as an outcome has them.
pub use opencredits_units as units;
pub use opencredits_wire::EventTooLarge;
pub use opencredits_wire::sse::is_event_stream;
pub use rewrite::{Rewrite, TOOL_CALLS_MAX, upstream_body};
pub use stand_in::StandIns;
pub use transport::{Get, Transport, TransportError, UpstreamBody, UpstreamRequest, UpstreamResponse};
pub use vendor::{Endpoint, OutputCap, ReportedCost, StopBilling, Vendor, Vendors};
