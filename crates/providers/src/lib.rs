//! Wire dialects of AI providers: what a request asks, what an answer used, how bytes get there and back.
//!
//! A [`Dialect`] is a pure state machine over bytes. [`RequestFacts`] reads what a request asks for; [`upstream_body`]
//! joins its fields again for a vendor; [`StreamTap`] watches a stream pass and [`read_body`] reads a whole answer; both
//! end in an [`Outcome`] with the usage in disjoint buckets. A [`Vendor`] is data: a TOML file of some five lines.
//!
//! # What it refuses to do
//! The dialects do no I/O and read no clock. No type that holds content can be printed. No vendor's name stands in
//! the code.
//!
//! # Invariants
//! - Usage in a stream replaces, it never adds; absent is not zero; a count below zero is flagged, never clamped.
//! - A stream that was cut is never reported as final, wherever it was cut.
//! - What passes a tap passes unchanged, but for the closing events that carry usage.
//!
//! # Example
//! ```
//! use opencredits_providers::{Dialect, read_body};
//! use opencredits_units::{Bucket, Tokens};
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

mod anthropic_messages;
mod attachment;
mod base_url;
mod closing;
mod cohere_chat;
mod count;
mod counts;
mod dialect;
mod embeddings;
mod error;
mod facts;
mod frames;
mod gemini_generate;
#[cfg(feature = "http")]
pub mod http;
mod hub;
mod json;
mod mould;
mod openai_chat;
mod openai_responses;
mod opening;
mod outcome;
mod passage;
mod rewrite;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod sse;
mod tap;
mod transport;
mod upstream_error;
mod vendor;

pub use attachment::{Attached, Attachment, Fetch, FetchError};
pub use counts::{CountsForm, CountsTap, read_counts};
pub use dialect::Dialect;
pub use error::Error;
pub use facts::{InputSeen, RequestFacts};
pub use hub::{
    Origin, Relay, Target, Tongue, Translated, addresses, translate, translate_body, translate_with, unsealed,
};
pub use opening::{Begins, Opening};
pub use outcome::{End, Finish, Outcome, Produced, Trust};
pub use passage::Passage;
pub use rewrite::{Rewrite, upstream_body};
pub use tap::{StreamTap, UsageChunk, read_body, splice_usage};
pub use transport::{Transport, TransportError, UpstreamBody, UpstreamRequest, UpstreamResponse};
pub use upstream_error::{ErrorKind, UpstreamError};
pub use vendor::{Auth, Endpoint, OutputCap, StopBilling, Vendor, Vendors};
