//! Reads and writes `gemini-generate`.

mod request_reader;
mod request_writer;
mod response_reader;
mod response_writer;

pub(crate) use request_reader::read_request;
pub(crate) use request_writer::write_request;
pub(crate) use response_reader::Reader;
pub(crate) use response_writer::{Writer, write_body};
