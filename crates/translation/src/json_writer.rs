//! Writes JSON from left to right.

use opencredits_wire::json;

/// JSON that is being written.
#[derive(Default)]
pub(crate) struct JsonWriter {
    bytes: Vec<u8>,
    /// Whether the next value or member follows another.
    follows: bool,
}

impl JsonWriter {
    pub(crate) fn object(&mut self, inside: impl FnOnce(&mut Self)) {
        self.open(b'{');
        inside(self);
        self.close(b'}');
    }

    pub(crate) fn array(&mut self, inside: impl FnOnce(&mut Self)) {
        self.open(b'[');
        inside(self);
        self.close(b']');
    }

    /// The name of the next value.
    pub(crate) fn key(&mut self, name: &str) -> &mut Self {
        self.comma();
        json::push_text(&mut self.bytes, name);
        self.bytes.push(b':');
        self.follows = false;
        self
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.comma();
        json::push_text(&mut self.bytes, text);
        self.follows = true;
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, raw: &str) {
        self.comma();
        self.bytes.extend_from_slice(raw.as_bytes());
        self.follows = true;
    }

    pub(crate) fn member(&mut self, name: &str, text: &str) {
        self.key(name).text(text);
    }

    pub(crate) fn member_raw(&mut self, name: &str, raw: &str) {
        self.key(name).raw(raw);
    }

    pub(crate) fn count(&mut self, name: &str, count: u64) {
        self.key(name).raw(&count.to_string());
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn string(self) -> String {
        // Only text was written.
        String::from_utf8(self.bytes).unwrap_or_default()
    }

    fn comma(&mut self) {
        if std::mem::take(&mut self.follows) {
            self.bytes.push(b',');
        }
    }

    fn open(&mut self, bracket: u8) {
        self.comma();
        self.bytes.push(bracket);
        self.follows = false;
    }

    fn close(&mut self, bracket: u8) {
        self.bytes.push(bracket);
        self.follows = true;
    }
}

/// One value, written by `write`.
pub(crate) fn value(write: impl FnOnce(&mut JsonWriter)) -> String {
    let mut out = JsonWriter::default();
    write(&mut out);
    out.string()
}
