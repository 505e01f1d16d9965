//! Lines of JSON (`application/x-ndjson`): where the last complete line ends, and the values of the lines before.

use crate::json::Cursor;

/// The length of the complete lines at the beginning of `bytes`. The first `searched` bytes are known to hold no line break.
#[must_use]
pub fn complete_len(bytes: &[u8], searched: usize) -> usize {
    let end = memchr::memrchr(b'\n', bytes.get(searched..).unwrap_or_default());
    end.map_or(0, |end| searched.saturating_add(end).saturating_add(1))
}

/// Calls `visit` with the raw bytes of each JSON value.
pub fn each_value<'a>(bytes: &'a [u8], mut visit: impl FnMut(&'a [u8])) {
    let mut cursor = Cursor::new(bytes);
    while cursor.peek().is_some() {
        visit(cursor.value());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &str, searched: usize, lines: usize, values: &[&str]) {
        let len = complete_len(bytes.as_bytes(), searched);
        assert_eq!(len, lines, "{bytes:?}");
        let mut found = Vec::new();
        each_value(&bytes.as_bytes()[..len], |value| found.push(String::from_utf8(value.to_vec()).unwrap()));
        assert_eq!(found, values, "{bytes:?}");
    }

    #[test]
    fn values_of_complete_lines_are_read_and_the_rest_waits() {
        check("", 0, 0, &[]);
        check("{\"a\":1}", 0, 0, &[]);
        check("{\"a\":1}\n{\"b\"", 4, 8, &["{\"a\":1}"]);
        check("{\"a\":1}\r\n\n[2]\n", 0, 14, &["{\"a\":1}", "[2]"]);
    }
}
