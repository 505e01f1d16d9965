//! Translation between the dialects of AI providers: a request in one dialect becomes a request in the provider's
//! dialect, and the response is translated back.
//!
//! A reader turns each dialect into one internal conversation, and a writer turns the conversation into each dialect: N
//! readers and N writers, not N × M translators. A response, whole or streamed, is a sequence of steps in between.
//! [`translate`] translates a request, [`translate_body`] a whole response, [`StreamTranslator`] a stream.
//! [`StreamAdapter`] handles a stream whether it needs translation or not.
//!
//! # What it refuses to do
//! The crate does no I/O and reads no clock. It keeps no state about a conversation: data that only its provider can
//! read travels in the client's messages, tagged with the provider's name.
//!
//! # Invariants
//! - Content that the target dialect cannot express is dropped and named, or refused by name: nothing is lost silently.
//! - The same tap reads the usage of a stream, translated or not.
//!
//! # Example
//! ```
//! use opencredits_translation::{Dialect, Efforts, Target, translate};
//!
//! let to = Target {
//!     dialect: Dialect::AnthropicMessages,
//!     vendor: "v",
//!     output_max: 1_000,
//!     reasons: false,
//!     samples: true,
//!     wants_reasoning: false,
//!     efforts: Efforts::Three,
//!     call_id_length: None,
//! };
//! let fields = [("model", r#""m""#), ("messages", r#"[{"role": "user", "content": "Hi"}]"#), ("logit_bias", "{}")];
//! let translated = translate(Dialect::OpenaiChat, &to, fields.into_iter())?;
//! assert!(translated.fields.iter().any(|(name, _)| *name == "messages"));
//! # Ok::<(), opencredits_translation::RequestError>(())
//! ```

mod attach;
mod attachment;
mod call_assembler;
mod chat;
mod conversation;
mod conversation_dialect;
mod embedding_form;
mod field_readers;
mod fit;
mod gemini;
mod json_writer;
mod lenient;
mod messages;
mod origin;
mod responses;
mod schema;
mod seal;
mod step;
mod stream_adapter;
mod stream_translator;
mod target;
mod tool_names;
mod translate;
mod unseal;
mod usage;

pub use attachment::{Attached, Attachment};
pub use embedding_form::EmbeddingForm;
pub use fit::{fitted_ids, takes_names};
pub use opencredits_dialects::{Dialect, End, Outcome, RequestError, UsageChunk};
pub use origin::Origin;
pub use stream_adapter::StreamAdapter;
pub use stream_translator::{StreamTranslator, body_of_events, translate_body};
pub use target::{Efforts, Target, Translated};
pub use tool_names::ToolNames;
pub use translate::{addresses, translate, translate_with};
pub use unseal::unsealed;
pub use usage::usage_members;
