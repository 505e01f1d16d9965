//! Detects how a stream starts: some providers answer 200 before they find out that they cannot serve.

use crate::dialect::Dialect;
use crate::outcome::End;
use crate::stream::tap::{STATUS_IN_STREAM, StreamTap, is_broken_event};
use crate::upstream_error::UpstreamError;
use crate::usage_chunk::UsageChunk;
use bytes::Bytes;
use opencredits_wire::sse::{Event, Framer};

/// A stream without an event in so many bytes counts as started.
const FRONT_BYTES_MAX: usize = 64 << 10;

/// The start of a stream.
#[derive(Debug)]
pub enum StreamStart {
    /// Comments only, or a part of the first event.
    Pending,
    /// A response.
    Response,
    /// An error and nothing else.
    Error(UpstreamError),
}

/// Watches for the first event of a stream, wherever its chunks break. It holds content, so it cannot be printed.
pub struct StartDetector {
    dialect: Dialect,
    framer: Framer,
    front: Vec<Bytes>,
    front_bytes: usize,
}

impl StartDetector {
    /// A detector for one stream.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, framer: Framer::new(), front: Vec::new(), front_bytes: 0 }
    }

    /// Reads the next chunk.
    pub fn feed(&mut self, chunk: Bytes) -> StreamStart {
        let (mut has_data, mut is_broken) = (false, false);
        let fed = self.framer.feed(&chunk, |raw, _| {
            if let (false, Some(data)) = (has_data, Event::read(raw).data) {
                (has_data, is_broken) = (true, is_broken_event(&data));
            }
        });
        self.front_bytes = self.front_bytes.saturating_add(chunk.len());
        self.front.push(chunk);
        if fed.is_ok() && !has_data && self.front_bytes <= FRONT_BYTES_MAX {
            return StreamStart::Pending;
        }
        if is_broken { StreamStart::Error(UpstreamError::broken(STATUS_IN_STREAM)) } else { self.judged() }
    }

    /// Ends the stream. Its last event may lack the blank line, as with some servers.
    pub fn end(&mut self) -> StreamStart {
        match Event::read(&self.framer.take_rest()).data {
            None => return StreamStart::Pending,
            Some(data) if is_broken_event(&data) => {
                return StreamStart::Error(UpstreamError::broken(STATUS_IN_STREAM));
            }
            Some(_) => {}
        }
        self.front.push(Bytes::from_static(b"\n\n"));
        self.judged()
    }

    /// All bytes read so far.
    #[must_use]
    pub fn into_front(mut self) -> Bytes {
        self.joined()
    }

    fn joined(&mut self) -> Bytes {
        if self.front.len() > 1 {
            self.front = vec![self.front.concat().into()];
        }
        self.front.first().cloned().unwrap_or_default()
    }

    fn judged(&mut self) -> StreamStart {
        let front = self.joined();
        error(self.dialect, &front).map_or(StreamStart::Response, StreamStart::Error)
    }
}

fn error(dialect: Dialect, front: &Bytes) -> Option<UpstreamError> {
    memchr::memmem::find(front, b"error")?;
    let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
    let passed = tap.feed(front).ok()?;
    let outcome = tap.outcome(End::Cut);
    let only_comments = passed.split(|byte| *byte == b'\n').all(|line| line.is_empty() || line.starts_with(b":"));
    outcome.error.filter(|_| only_comments && outcome.produced.is_nothing())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a stream in pieces of `size` bytes, and the number of pieces until then.
    fn begins(stream: &[u8], size: usize) -> (StreamStart, Bytes) {
        let mut opening = StartDetector::new(Dialect::OpenaiChat);
        for piece in stream.chunks(size) {
            match opening.feed(Bytes::copy_from_slice(piece)) {
                StreamStart::Pending => {}
                start => return (start, opening.into_front()),
            }
        }
        (opening.end(), opening.into_front())
    }

    fn check(stream: &str, expected: &str) {
        for size in 1..=stream.len().max(1) {
            let (begins, front) = begins(stream.as_bytes(), size);
            let found = match begins {
                StreamStart::Pending => "not yet".to_owned(),
                StreamStart::Response => "well".to_owned(),
                StreamStart::Error(error) => error.message,
            };
            assert_eq!(found, expected, "in pieces of {size}");
            assert!(front.starts_with(&stream.as_bytes()[..front.len().min(stream.len())]), "in pieces of {size}");
        }
    }

    #[test]
    fn an_answer_begins_with_its_first_event_wherever_that_is_split() {
        check("data: {\"choices\":[]}\n\n", "well");
        check(": wait\n\n: wait\r\n\r\nevent: x\ndata: {\"choices\":[]}\n\n", "well");
    }

    #[test]
    fn an_error_that_comes_first_is_told_wherever_it_is_split() {
        check(": wait\n\ndata: {\"error\":{\"message\":\"busy\"}}\n\n", "busy");
        check("data: {\"error\":{\"message\":\"busy\"}}", "busy");
    }

    #[test]
    fn a_first_event_that_is_no_json_is_an_error() {
        check("data: {\"choices\":\n\n", "");
        check("data: <html>\n\n", "");
        check("data: {\"choices\":[", "");
    }

    #[test]
    fn comments_and_nothing_are_no_beginning() {
        check("", "not yet");
        check(": data\n\n: wait\n\n", "not yet");
    }

    #[test]
    fn a_first_event_without_an_end_is_not_gathered_for_ever() {
        let mut opening = StartDetector::new(Dialect::OpenaiChat);
        let piece = Bytes::from(vec![b'x'; 1 << 10]);
        let fed = (0..1_000).take_while(|_| matches!(opening.feed(piece.clone()), StreamStart::Pending)).count();
        assert_eq!(fed, FRONT_BYTES_MAX >> 10);
    }
}
