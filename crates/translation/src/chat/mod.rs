//! Reads and writes `openai-chat`.

mod request_reader;
mod request_writer;
mod response;

pub(crate) use request_reader::{Mark, read_request};
pub(crate) use request_writer::{effort_of, text_of, url_of, write_request};
pub(crate) use response::{Reader, Writer, write_body};
