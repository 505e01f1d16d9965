//! Server-sent events: finds their ends and reads their fields.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::EventTooLarge;

/// The largest event, in bytes: an image in base64 fits, an endless line does not.
const EVENT_BYTES_MAX: usize = 16 << 20;
/// The largest buffer that is kept from event to event.
const PARTIAL_BYTES_KEPT: usize = 64 << 10;

/// What the lines of a stream of events begin with.
const LINES: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
/// A byte order mark, which a stream may begin with.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a body begins as a stream of events, whatever its content type says; `None` where too little of it has come.
#[must_use]
pub fn is_event_stream(begin: &[u8]) -> Option<bool> {
    let begin = begin.strip_prefix(MARK).unwrap_or(begin).trim_ascii_start();
    if LINES.iter().any(|line| begin.starts_with(line)) {
        return Some(true);
    }
    let may_become = begin.is_empty() || LINES.iter().any(|line| line.starts_with(begin));
    (!may_become).then_some(false)
}

/// Where the bytes of an event are.
pub enum Place {
    /// In the chunk that was fed.
    Chunk(Range<usize>),
    /// In a buffer, since the event began in an earlier chunk.
    Joined,
    /// In the chunk that was fed: the rest of the line break that ended the previous event.
    Rest(Range<usize>),
}

impl Place {
    /// The same place without its first `less` bytes.
    pub fn without_front(self, less: usize) -> Self {
        match self {
            Self::Chunk(range) => Self::Chunk(range.start + less..range.end),
            Self::Joined | Self::Rest(_) => self,
        }
    }

    /// The same place in a chunk with `more` bytes in front.
    pub fn after(self, more: usize) -> Self {
        match self {
            Self::Chunk(range) => Self::Chunk(range.start + more..range.end + more),
            Self::Joined => Self::Joined,
            Self::Rest(range) => Self::Rest(range.start + more..range.end + more),
        }
    }
}

/// Cuts a byte stream into events, wherever its chunks break.
#[derive(Default)]
pub struct Framer {
    partial: Vec<u8>,
    line_has_bytes: bool,
    after_cr: bool,
}

impl Framer {
    /// A framer at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `event` with the raw bytes of each event that `chunk` completes, blank line included.
    ///
    /// # Errors
    /// When an event exceeds the size limit.
    pub fn feed(&mut self, chunk: &[u8], mut event: impl FnMut(&[u8], Place)) -> Result<(), EventTooLarge> {
        let mut start = 0;
        // The rest of the previous event's line break is given out alone, so that it follows that event at once.
        if self.after_cr && self.partial.is_empty() && chunk.first() == Some(&b'\n') {
            self.after_cr = false;
            start = 1;
            event(b"\n", Place::Rest(0..1));
        }
        while start < chunk.len() {
            let end = self.event_end(chunk, start);
            let piece = chunk.get(start..end.unwrap_or(chunk.len())).unwrap_or_default();
            if self.partial.len() + piece.len() > EVENT_BYTES_MAX {
                return Err(EventTooLarge { limit_bytes: EVENT_BYTES_MAX });
            }
            match end {
                None => {
                    self.partial.extend_from_slice(piece);
                    return Ok(());
                }
                Some(end) if self.partial.is_empty() => {
                    event(piece, Place::Chunk(start..end));
                    start = end;
                }
                Some(end) => {
                    self.partial.extend_from_slice(piece);
                    event(&self.partial, Place::Joined);
                    // The memory of a large event is not kept for the small ones that follow.
                    if self.partial.capacity() > PARTIAL_BYTES_KEPT {
                        self.partial = Vec::new();
                    }
                    self.partial.clear();
                    start = end;
                }
            }
        }
        Ok(())
    }

    /// The bytes of the event that has begun.
    pub const fn partial_bytes(&self) -> usize {
        self.partial.len()
    }

    /// Whether the next byte begins an event.
    pub fn is_between_events(&self) -> bool {
        self.partial.is_empty() && !self.line_has_bytes && !self.after_cr
    }

    /// The last event of a stream that ended without its blank line, as some servers do.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }

    fn event_end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        if std::mem::take(&mut self.after_cr) && bytes.get(at) == Some(&b'\n') {
            at += 1;
        }
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(offset) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.line_has_bytes |= !rest.is_empty();
                return None;
            };
            let blank = offset == 0 && !self.line_has_bytes;
            at += offset + 1;
            if rest.get(offset) == Some(&b'\r') {
                match bytes.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            self.line_has_bytes = false;
            if blank {
                return Some(at);
            }
        }
    }
}

/// The fields of one event.
pub struct Event<'a> {
    /// The `event:` field; empty where there is none.
    pub name: &'a [u8],
    /// The `data:` lines, joined; `None` for a comment or a blank line.
    pub data: Option<Cow<'a, [u8]>>,
}

impl<'a> Event<'a> {
    /// Reads the raw bytes of one event.
    pub fn read(raw: &'a [u8]) -> Self {
        let mut event = Event { name: &[], data: None };
        let mut rest = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
        while !rest.is_empty() {
            let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default();
            rest = rest.get(end + 1..).unwrap_or_default();
            if let Some(value) = field(line, b"data") {
                event.push_data(value);
            } else if let Some(value) = field(line, b"event") {
                event.name = value;
            }
        }
        event
    }

    fn push_data(&mut self, value: &'a [u8]) {
        match &mut self.data {
            None => self.data = Some(Cow::Borrowed(value)),
            Some(data) => {
                let data = data.to_mut();
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
    }
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// Appends an event with `data` on one line; line breaks in JSON stand between tokens only, where a space does as well.
pub fn push_event(out: &mut Vec<u8>, name: &[u8], data: &[u8]) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name);
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend(data.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &[u8], chunks: &[Range<usize>]) -> Vec<(String, Option<String>)> {
        let mut framer = Framer::new();
        let mut events = Vec::new();
        for chunk in chunks {
            framer
                .feed(&stream[chunk.clone()], |raw, _| {
                    let event = Event::read(raw);
                    let data = event.data.map(|data| String::from_utf8(data.into_owned()).unwrap());
                    if data.is_some() {
                        events.push((String::from_utf8(event.name.to_vec()).unwrap(), data));
                    }
                })
                .unwrap();
        }
        events
    }

    fn check(stream: &str, expected: &[(&str, &str)]) {
        let stream = stream.as_bytes();
        let expected: Vec<_> = expected.iter().map(|(name, data)| (name.to_string(), Some(data.to_string()))).collect();
        for cut in 0..=stream.len() {
            assert_eq!(read(stream, &[0..cut, cut..stream.len()]), expected, "cut at {cut}");
        }
        let bytes: Vec<_> = (0..stream.len()).map(|at| at..at + 1).collect();
        assert_eq!(read(stream, &bytes), expected);
    }

    #[test]
    fn events_end_at_a_blank_line_of_any_kind() {
        check("data: a\n\ndata:b\n\n", &[("", "a"), ("", "b")]);
        check("event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", &[("x", "a"), ("", "b")]);
        check("data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]);
        check("\n\ndata: a\n\n\n\ndata: b\n\n", &[("", "a"), ("", "b")]);
    }

    #[test]
    fn several_data_lines_are_one_event() {
        check("data: {\ndata:  1}\n\n", &[("", "{\n 1}")]);
        check("data\n\n", &[("", "")]);
    }

    #[test]
    fn comments_and_other_fields_are_not_data() {
        check(": keep-alive\n\nid: 7\nretry: 5\ndata: é\n\n", &[("", "é")]);
        check("\u{feff}data: a\n\n", &[("", "a")]);
    }

    #[test]
    fn an_event_without_an_end_is_refused_at_the_limit() {
        let mut framer = Framer::new();
        let chunk = vec![b'x'; 1 << 20];
        let fed = (0..32).map(|_| framer.feed(&chunk, |_, _| {})).take_while(Result::is_ok).count();
        assert_eq!(fed, 16);
    }
}
