//! `gemini-generate` into and out of the hub.

mod answer;
mod ask;
mod stream;
mod write;

pub(crate) use answer::Reader;
pub(crate) use ask::read_request;
pub(crate) use stream::{Writer, write_body};
pub(crate) use write::write_request;
