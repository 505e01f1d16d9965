//! The decoders: they read the usage and the progress of answers in each dialect.

pub(crate) mod anthropic_messages;
pub(crate) mod cohere_chat;
pub(crate) mod count;
pub(crate) mod embeddings;
pub(crate) mod gemini_generate;
pub(crate) mod openai_chat;
pub(crate) mod openai_responses;
