//! Puts an index into the tool calls of `openai-chat` chunks that lack one: strict clients refuse the stream otherwise.

use memchr::memmem::Finder;
use opencredits_wire::json;
use opencredits_wire::sse::{Event, push_event};
use serde_json::Value;
use std::sync::LazyLock;

/// The member that every call of a chunk must have.
const INDEX: &str = "index";
/// What an event with calls has somewhere.
static CALLS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"tool_calls\""));

/// Numbers the calls of a stream.
#[derive(Default)]
pub(crate) struct CallIndices {
    next: u64,
}

impl CallIndices {
    /// The event with an index in each of its calls; `None` where it has no calls, or all have theirs.
    pub(crate) fn mended(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        CALLS.find(raw)?;
        let data = Event::read(raw).data?;
        if self.are_numbered(&data) {
            return None;
        }
        let mut chunk: Value = serde_json::from_slice(&data).ok()?;
        let mut has_changed = false;
        let choices = chunk.get_mut("choices").and_then(Value::as_array_mut)?;
        let calls = choices.iter_mut().filter_map(|choice| choice.pointer_mut("/delta/tool_calls")?.as_array_mut());
        for call in calls.flatten().filter_map(Value::as_object_mut) {
            match call.get(INDEX).and_then(Value::as_u64) {
                Some(index) => self.next = self.next.max(index.saturating_add(1)),
                None => {
                    has_changed = true;
                    let is_set =
                        |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| !text.is_empty());
                    let begins = is_set(call.get("id")) || is_set(call.get("function").and_then(|of| of.get("name")));
                    if begins {
                        self.next = self.next.saturating_add(1);
                    }
                    call.insert(INDEX.to_owned(), self.next.saturating_sub(1).into());
                }
            }
        }
        if !has_changed {
            return None;
        }
        let mut out = Vec::with_capacity(raw.len().saturating_add(16));
        push_event(&mut out, b"", chunk.to_string().as_bytes());
        Some(out)
    }

    /// Whether every call of a chunk has an index, as nearly all do.
    fn are_numbered(&mut self, chunk: &[u8]) -> bool {
        let (mut all, mut next) = (true, self.next);
        json::items(json::member(chunk, "choices").unwrap_or_default(), |choice| {
            let delta = json::member(choice, "delta").unwrap_or_default();
            json::items(json::member(delta, "tool_calls").unwrap_or_default(), |call| {
                match json::member(call, INDEX).and_then(json::count) {
                    Some(index) => next = next.max(index.saturating_add(1)),
                    None => all = false,
                }
            });
        });
        if all {
            self.next = next;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(calls: &[&str]) -> Vec<String> {
        let mut indices = CallIndices::default();
        let index = |call: &&str| {
            let raw = format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{call}]}}}}]}}\n\n");
            let mended = indices.mended(raw.as_bytes());
            let Some(mended) = mended else { return "as it is".to_owned() };
            let chunk: Value = serde_json::from_slice(&Event::read(&mended).data.unwrap()).unwrap();
            let calls = chunk["choices"][0]["delta"]["tool_calls"].as_array().unwrap();
            calls.iter().map(|call| call["index"].to_string()).collect::<Vec<_>>().join(" ")
        };
        calls.iter().map(index).collect()
    }

    #[test]
    fn calls_without_an_index_are_numbered_and_their_pieces_follow_them() {
        let (first, second) =
            (r#"{"id":"a","function":{"name":"f","arguments":""}}"#, r#"{"id":"b","function":{"name":"g"}}"#);
        let piece = r#"{"function":{"arguments":"{}"}}"#;
        assert_eq!(mended(&[first, piece, second, piece]), ["0", "0", "1", "1"]);
        assert_eq!(mended(&[&[first, second].join(",")]), ["0 1"]);
        let numbered = r#"{"index":4,"id":"c","function":{"name":"h"}}"#;
        assert_eq!(mended(&[numbered, second]), ["as it is", "5"]);
    }
}
