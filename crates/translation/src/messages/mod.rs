//! `anthropic-messages` into and out of the hub.

mod answer;
mod ask;
mod stop;
mod stream;
mod write;

pub(crate) use answer::{Reader, write_body};
pub(crate) use ask::read_request;
pub(crate) use stream::Writer;
pub(crate) use write::write_request;
