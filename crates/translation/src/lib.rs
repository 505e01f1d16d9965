//! Translation between the dialects of AI providers: a request of one dialect for a provider that speaks another, and its
//! response back.
//!
//! Every dialect is read into, and written from, one internal conversation; a response is a row of steps, whether it comes
//! at once or as a stream. So there are N readers and N writers, never N × M. [`translate`] translates a request,
//! [`translate_body`] a whole response, [`StreamTranslator`] a stream; [`StreamAdapter`] is a stream that may or may not need translation.
//!
//! # PartContent it refuses to do
//! It does no I/O and reads no clock. It keeps no state about a conversation: what only its provider can read travels in
//! the client's messages, tagged with the provider's name.
//!
//! # Invariants
//! - PartContent the other side cannot say is dropped and named, or refused by name: nothing is lost in silence.
//! - The usage of a translated stream is read by the same tap as where nothing is translated.
//!
//! # Example
//! ```
//! use opencredits_translation::{Dialect, Target, translate};
//!
//! let to = Target {
//!     dialect: Dialect::AnthropicMessages,
//!     vendor: "v",
//!     output_max: 1_000,
//!     reasons: false,
//!     samples: true,
//!     wants_reasoning: false,
//! };
//! let fields = [("model", r#""m""#), ("messages", r#"[{"role": "user", "content": "Hi"}]"#), ("logit_bias", "{}")];
//! let translated = translate(Dialect::OpenaiChat, &to, fields.into_iter())?;
//! assert!(translated.fields.iter().any(|(name, _)| *name == "messages"));
//! # Ok::<(), opencredits_translation::RequestError>(())
//! ```

mod attach;
mod attachment;
mod chat;
mod conversation;
mod conversation_dialect;
mod field_readers;
mod gemini;
mod json_writer;
mod messages;
mod origin;
mod responses;
mod schema;
mod seal;
mod step;
mod stream_adapter;
mod stream_translator;
mod target;
mod translate;
mod unseal;
mod usage;

pub use attachment::{Attached, Attachment};
pub use opencredits_dialects::{Dialect, End, Outcome, RequestError, UsageChunk};
pub use origin::Origin;
pub use stream_adapter::StreamAdapter;
pub use stream_translator::{StreamTranslator, translate_body};
pub use target::{Target, Translated};
pub use translate::{addresses, translate, translate_with};
pub use unseal::unsealed;
