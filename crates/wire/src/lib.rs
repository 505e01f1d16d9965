//! Raw JSON and stream framing over borrowed bytes.
//!
//! [`json`] is a pull scanner that finds and edits members of a JSON text by position, without building values. [`sse`]
//! cuts a byte stream into server-sent events, wherever its chunks break; [`event_stream`] does the same for the binary
//! framing of AWS (`application/vnd.amazon.eventstream`), and [`ndjson`] for lines of JSON.
//!
//! # What it refuses to do
//! It does no I/O, reads no clock and knows no provider. It does not validate JSON: text from an untrusted client must pass
//! a real parser first.
//!
//! # Invariants
//! - Nothing recurses: nesting depth costs no stack.
//! - Work is linear in the input.
//! - A framer holds at most one incomplete event, of at most 16 MiB.
//!
//! # Example
//! ```
//! use opencredits_wire::json::{self, Edit};
//! use opencredits_wire::sse::{Event, Framer};
//!
//! let mut models = Vec::new();
//! let mut framer = Framer::new();
//! for chunk in [&b"data: {\"mod"[..], b"el\":\"m\"}\n\ndata: [DONE]\n\n"] {
//!     framer.feed(chunk, |raw, _| {
//!         let data = Event::read(raw).data.unwrap_or_default();
//!         models.extend(json::member(&data, "model").and_then(json::owned));
//!     })?;
//! }
//! assert_eq!(models, ["m"]);
//! assert_eq!(json::edit(br#"{"a": 1}"#, &[Edit { name: "a", value: b"2" }]), br#"{"a": 2}"#);
//! # Ok::<(), opencredits_wire::EventTooLarge>(())
//! ```

mod error;
pub mod event_stream;
pub mod json;
pub mod ndjson;
pub mod sse;
pub mod surrogates;

pub use error::EventTooLarge;
