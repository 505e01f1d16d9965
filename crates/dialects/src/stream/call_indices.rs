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
    calls: Vec<KnownCall>,
    /// Whether a call has another index than the provider's: then all have to be looked at.
    has_moved: bool,
}

/// A call that has begun.
struct KnownCall {
    /// The provider's index.
    upstream: Option<u64>,
    id: String,
    given: u64,
}

/// What a piece of a call says of which call it is.
struct Piece<'a> {
    index: Option<u64>,
    id: &'a str,
    has_name: bool,
}

impl CallIndices {
    /// The event with an index in each of its calls, and another one for each call; `None` where it has no calls, or all have
    /// theirs.
    pub(crate) fn mended(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        CALLS.find(raw)?;
        let data = Event::read(raw).data?;
        if !self.has_moved && self.are_numbered(&data) {
            return None;
        }
        let mut chunk: Value = serde_json::from_slice(&data).ok()?;
        let mut has_changed = false;
        let choices = chunk.get_mut("choices").and_then(Value::as_array_mut)?;
        let calls = choices.iter_mut().filter_map(|choice| choice.pointer_mut("/delta/tool_calls")?.as_array_mut());
        for call in calls.flatten().filter_map(Value::as_object_mut) {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
            let (id, index) = (text(call.get("id")), call.get(INDEX).and_then(Value::as_u64));
            let has_name = !text(call.get("function").and_then(|of| of.get("name"))).is_empty();
            let given = self.number(&Piece { index, id: &id, has_name });
            has_changed |= index != Some(given);
            self.has_moved |= index.is_some_and(|index| index != given);
            call.insert(INDEX.to_owned(), given.into());
        }
        if !has_changed {
            return None;
        }
        let mut out = Vec::with_capacity(raw.len().saturating_add(16));
        push_event(&mut out, b"", chunk.to_string().as_bytes());
        Some(out)
    }

    /// The index that a piece of a call is given.
    fn number(&mut self, piece: &Piece<'_>) -> u64 {
        if let Some(known) = self.known(piece) {
            return known;
        }
        let is_taken = |index: &u64| self.calls.iter().any(|call| call.given == *index);
        let given = piece.index.filter(|index| !is_taken(index)).unwrap_or(self.next);
        self.next = self.next.max(given.saturating_add(1));
        self.calls.push(KnownCall { upstream: piece.index, id: piece.id.to_owned(), given });
        given
    }

    /// The index of the call that a piece goes on with. Another id with a name begins another call.
    fn known(&self, piece: &Piece<'_>) -> Option<u64> {
        let mut same_index =
            self.calls.iter().rev().filter(|call| piece.index.is_none() || call.upstream == piece.index);
        let by_id = || same_index.clone().find(|call| !piece.id.is_empty() && call.id == piece.id);
        if let Some(known) = by_id() {
            return Some(known.given);
        }
        let latest = same_index.next()?;
        let begins = match piece.index {
            None => piece.has_name || !piece.id.is_empty(),
            Some(_) => piece.has_name && !piece.id.is_empty() && !latest.id.is_empty(),
        };
        (!begins).then_some(latest.given)
    }

    /// Whether every call of a chunk has an index of its own, as nearly all do.
    fn are_numbered(&mut self, chunk: &[u8]) -> bool {
        let mut all = true;
        json::items(json::member(chunk, "choices").unwrap_or_default(), |choice| {
            let delta = json::member(choice, "delta").unwrap_or_default();
            json::items(json::member(delta, "tool_calls").unwrap_or_default(), |call| {
                let index = json::member(call, INDEX).and_then(json::count);
                let id = json::member(call, "id").and_then(json::text).unwrap_or_default();
                let name = json::pointer(call, "function/name").and_then(json::text);
                let has_name = name.is_some_and(|name| !name.is_empty());
                // A piece without an id and without a name begins nothing.
                let begins = !id.is_empty() || has_name;
                let is_numbered = index.is_some()
                    && (!begins || {
                        let piece = Piece { index, id: &id, has_name };
                        let is_free = self.known(&piece).is_some_and(|given| Some(given) == index)
                            || self.calls.iter().all(|call| Some(call.given) != index);
                        is_free && Some(self.number(&piece)) == index
                    });
                all &= is_numbered;
            });
        });
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
        let repeated = r#"{"id":"a","function":{"arguments":"{}"}}"#;
        assert_eq!(mended(&[first, repeated, second, piece]), ["0", "0", "1", "1"]);
    }

    #[test]
    fn calls_with_one_index_get_one_each() {
        let of = |id: &str, name: &str| {
            format!(r#"{{"index":0,"id":"{id}","function":{{"name":"{name}","arguments":""}}}}"#)
        };
        let piece = r#"{"index":0,"function":{"arguments":"{}"}}"#;
        let [a, b] = [of("a", "f"), of("b", "g")];
        assert_eq!(mended(&[&a, piece, &b, piece, &a]), ["as it is", "as it is", "1", "1", "as it is"]);
        // Another id without a name goes on with the call.
        assert_eq!(mended(&[&a, &of("b", ""), piece]), ["as it is", "as it is", "as it is"]);
        assert_eq!(mended(&[&[a.as_str(), &b].join(",")]), ["0 1"]);
    }
}
