//! Reads and writes `openai-chat`.

mod request_reader;
mod request_writer;
mod response_reader;
mod response_writer;

pub(crate) use request_reader::{Mark, read_request};
pub(crate) use request_writer::{effort_of, text_of, url_of, write_request};
pub(crate) use response_reader::Reader;
pub(crate) use response_writer::{Writer, write_body};
