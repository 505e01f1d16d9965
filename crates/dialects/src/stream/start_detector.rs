//! Detects how a stream starts: some providers answer 200 before they find out that they cannot serve.

use crate::dialect::Dialect;
use crate::error_shape::{begins_answer, has_failed_choice, is_error_event};
use crate::outcome::End;
use crate::stream::tap::{DONE, StreamTap};
use crate::upstream_error::{STATUS_IN_STREAM, UpstreamError};
use crate::usage_chunk::UsageChunk;
use bytes::Bytes;
use opencredits_wire::json;
use opencredits_wire::sse::{Event, Framer};

/// A stream without an event in so many bytes counts as started.
const FRONT_BYTES_MAX: usize = 64 << 10;

/// The start of a stream.
#[derive(Debug)]
pub enum StreamStart {
    /// Comments only, events that say nothing, or a part of an event.
    Pending,
    /// A response.
    Response,
    /// An error and nothing else.
    Error(UpstreamError),
    /// The end, after events that said nothing.
    Nothing,
}

/// Watches for the first event of a stream that belongs to an answer, wherever its chunks break. It holds content, so it
/// cannot be printed.
pub struct StartDetector {
    dialect: Dialect,
    framer: Framer,
    front: Vec<Bytes>,
    front_bytes: usize,
}

/// What an event says of the start of its stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    /// Nothing: a comment, a ping, an object that no dialect knows.
    Nothing,
    /// An answer has begun.
    Answer,
    /// An error, or the end: what came so far is all.
    End,
    /// No client can read it.
    Broken,
}

impl StartDetector {
    /// A detector for one stream.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, framer: Framer::new(), front: Vec::new(), front_bytes: 0 }
    }

    /// Reads the next chunk.
    pub fn feed(&mut self, chunk: Bytes) -> StreamStart {
        let (mut says, dialect) = (Says::Nothing, self.dialect);
        let fed = self.framer.feed(&chunk, |raw, _| {
            if let (Says::Nothing, Some(data)) = (says, Event::read(raw).data) {
                says = said(dialect, &data);
            }
        });
        self.front_bytes = self.front_bytes.saturating_add(chunk.len());
        self.front.push(chunk);
        match says {
            // An event that never ends, or many that say nothing, are not gathered for ever.
            Says::Nothing if fed.is_err() || self.front_bytes > FRONT_BYTES_MAX => StreamStart::Response,
            Says::Nothing => StreamStart::Pending,
            says => self.judged(says),
        }
    }

    /// Ends the stream. Its last event may lack the blank line, as with some servers.
    pub fn end(&mut self) -> StreamStart {
        let rest = self.framer.take_rest();
        let says = Event::read(&rest).data.map_or(Says::End, |data| said(self.dialect, &data));
        if !rest.is_empty() {
            self.front.push(Bytes::from_static(b"\n\n"));
        }
        self.judged(if says == Says::Nothing { Says::End } else { says })
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

    fn judged(&mut self, says: Says) -> StreamStart {
        match says {
            Says::Answer => StreamStart::Response,
            Says::Broken => StreamStart::Error(UpstreamError::broken(STATUS_IN_STREAM)),
            Says::End | Says::Nothing => {
                let front = self.joined();
                all(self.dialect, &front)
            }
        }
    }
}

/// What the data of an event says in its dialect.
fn said(dialect: Dialect, data: &[u8]) -> Says {
    if data.trim_ascii() == DONE {
        return Says::End;
    }
    if !json::is_valid(data) {
        return Says::Broken;
    }
    if is_error_event(dialect, data) || has_failed_choice(dialect, data) {
        return Says::End;
    }
    if begins_answer(dialect, data) { Says::Answer } else { Says::Nothing }
}

/// What a stream says that has ended, or begins with an error.
fn all(dialect: Dialect, front: &Bytes) -> StreamStart {
    let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
    let _too_large_or_not = tap.feed(front);
    let outcome = tap.outcome(End::Cut);
    if let Some(error) = outcome.error {
        return if outcome.produced.is_nothing() { StreamStart::Error(error) } else { StreamStart::Response };
    }
    if outcome.is_answer() { StreamStart::Response } else { StreamStart::Nothing }
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
                StreamStart::Nothing => "nothing".to_owned(),
            };
            assert_eq!(found, expected, "in pieces of {size}");
            assert!(front.starts_with(&stream.as_bytes()[..front.len().min(stream.len())]), "in pieces of {size}");
        }
    }

    #[test]
    fn an_answer_begins_with_its_first_event_wherever_that_is_split() {
        check("data: {\"choices\":[{}]}\n\n", "well");
        check(": wait\n\n: wait\r\n\r\nevent: x\ndata: {\"choices\":[{}]}\n\n", "well");
        check("data: {\"choices\":[]}\n\ndata: {\"choices\":[{}]}\n\n", "well");
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
    fn a_stream_that_ends_without_an_answer_says_nothing() {
        check("", "nothing");
        check(": data\n\n: wait\n\n", "nothing");
        check("data: [DONE]\n\n", "nothing");
        check("data: {\"hello\":1}\n\ndata: [DONE]\n\n", "nothing");
        let usage = "{\"choices\":[],\"usage\":{\"prompt_tokens\":4}}";
        check(&format!("data: {{\"choices\":[]}}\n\ndata: {usage}\n\ndata: [DONE]\n\n"), "nothing");
    }

    #[test]
    fn an_error_in_the_shape_of_any_api_is_told() {
        for shape in [
            r#"{"detail":"busy"}"#,
            r#"{"detail":[{"loc":["body"],"msg":"busy"}]}"#,
            r#"{"object":"error","message":"busy","type":"X"}"#,
            r#"{"error":"busy"}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            r#"{"errors":[{"message":"busy"}]}"#,
            r#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#,
            r#"{"message":"busy"}"#,
            r#"{"choices":[{"delta":{"content":""},"finish_reason":"error","error":{"message":"busy"}}]}"#,
        ] {
            check(&format!("data: {shape}\n\ndata: [DONE]\n\n"), "busy");
            check(&format!(": wait\n\nevent: error\ndata: {shape}\n\n"), "busy");
        }
    }

    #[test]
    fn a_first_event_without_an_end_is_not_gathered_for_ever() {
        let mut opening = StartDetector::new(Dialect::OpenaiChat);
        let piece = Bytes::from(vec![b'x'; 1 << 10]);
        let fed = (0..1_000).take_while(|_| matches!(opening.feed(piece.clone()), StreamStart::Pending)).count();
        assert_eq!(fed, FRONT_BYTES_MAX >> 10);
    }
}
