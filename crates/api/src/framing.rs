//! The framing of a stream: server-sent events or, where a client of Gemini's API did not ask for those, the elements
//! of one JSON array (<https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent>).

use bytes::Bytes;

/// The framing of a stream's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// As server-sent events.
    Events,
    /// As an array.
    Array,
}

impl Framing {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream; charset=utf-8",
            Self::Array => "application/json; charset=utf-8",
        }
    }
}

/// Writes an array, element by element.
#[derive(Default)]
pub(crate) struct ArrayWriter {
    begun: bool,
}

impl ArrayWriter {
    /// The data of these complete events, as elements.
    pub(crate) fn elements(&mut self, events: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(events.len());
        let mut is_within = false;
        for line in events.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end) {
            let data = line.strip_prefix(b"data:");
            if data.is_some() && !is_within {
                out.extend_from_slice(if self.begun { b",\n" } else { b"[" });
                self.begun = true;
            }
            is_within = !line.is_empty() && (is_within || data.is_some());
            out.extend_from_slice(data.unwrap_or_default());
        }
        out.into()
    }

    /// A keep-alive, which is white space in an array.
    pub(crate) const fn keep_alive() -> Bytes {
        Bytes::from_static(b"\n")
    }

    /// The end of the array.
    pub(crate) fn end(&self) -> Bytes {
        Bytes::from_static(if self.begun { b"]\n" } else { b"[]\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&str], expect: &str) {
        let mut array = ArrayWriter::default();
        let mut out: Vec<u8> = chunks.iter().flat_map(|chunk| array.elements(chunk.as_bytes())).collect();
        out.extend(array.end());
        let found: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(found, serde_json::from_str::<serde_json::Value>(expect).unwrap(), "{chunks:?}");
    }

    #[test]
    fn each_event_is_one_element() {
        check(&[], "[]");
        check(&["data: {\"a\":1}\n\n"], r#"[{"a":1}]"#);
        check(
            &["data: {\"a\":1}\r\n\r\ndata:{\"a\":2}\r\n\r\n", "\n", ": so\n\ndata: {\ndata: }\n\n"],
            r#"[{"a":1},{"a":2},{}]"#,
        );
    }
}
