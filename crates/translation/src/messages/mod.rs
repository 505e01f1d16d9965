//! Reads and writes `anthropic-messages`.

mod request_reader;
mod request_writer;
mod response_reader;
mod response_writer;
mod stop;

pub(crate) use request_reader::read_request;
pub(crate) use request_writer::write_request;
pub(crate) use response_reader::{Reader, write_body};
pub(crate) use response_writer::Writer;
