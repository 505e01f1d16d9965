//! `openai-chat` into and out of the hub.

mod answer;
mod ask;
mod write;

pub(crate) use answer::{Closing, Reader, Writer, write_body};
pub(crate) use ask::{Mark, read_request};
pub(crate) use write::write_request;
