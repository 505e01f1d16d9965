//! `openai-chat` into and out of the hub.

mod answer;
mod ask;
mod write;

pub(crate) use answer::{Reader, Writer, write_body};
pub(crate) use ask::{Mark, read_request};
pub(crate) use write::{effort_of, text_of, url_of, write_request};
