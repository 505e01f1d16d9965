//! The form of embeddings: numbers, or base64 of little-endian 32-bit floats. Clients decode what they asked for; vendors
//! often know one form only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opencredits_wire::json;
use std::ops::Range;

/// The bytes of a number in base64.
const NUMBER_BYTES: usize = 4;

/// The form that a client asked for (`encoding_format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingForm {
    /// A list of numbers, the default.
    Floats,
    /// Base64.
    Base64,
}

impl EmbeddingForm {
    /// The form in a request's raw `encoding_format`.
    #[must_use]
    pub fn asked(raw: Option<&str>) -> Self {
        if raw == Some("\"base64\"") { Self::Base64 } else { Self::Floats }
    }

    /// An answer in this form; `None` where it has it, or none that is known.
    #[must_use]
    pub fn applied(self, body: &[u8]) -> Option<Vec<u8>> {
        let mut changes: Vec<(Range<usize>, String)> = Vec::new();
        json::items(json::member(body, "data")?, |item| {
            let Some(value) = json::member(item, "embedding") else { return };
            if let Some(changed) = self.of(value) {
                let at = value.as_ptr().addr().saturating_sub(body.as_ptr().addr());
                changes.push((at..at.saturating_add(value.len()), changed));
            }
        });
        if changes.is_empty() {
            return None;
        }
        let (mut out, mut from) = (Vec::with_capacity(body.len()), 0);
        for (place, changed) in changes {
            out.extend_from_slice(body.get(from..place.start)?);
            out.extend_from_slice(changed.as_bytes());
            from = place.end;
        }
        out.extend_from_slice(body.get(from..)?);
        Some(out)
    }

    /// One embedding in this form; `None` where it has it.
    fn of(self, value: &[u8]) -> Option<String> {
        match (self, value.first()?) {
            (Self::Base64, b'[') => {
                let numbers: Vec<f32> = serde_json::from_slice(value).ok()?;
                let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                Some(format!("\"{}\"", STANDARD.encode(bytes)))
            }
            (Self::Floats, b'"') => {
                let bytes = STANDARD.decode(json::text(value)?.as_bytes()).ok()?;
                let (numbers, rest) = bytes.as_chunks::<NUMBER_BYTES>();
                let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                // Numbers that JSON does not have would make the answer unreadable.
                let is_sound = rest.is_empty() && numbers.iter().all(|number| number.is_finite());
                is_sound.then(|| serde_json::to_string(&numbers).ok()).flatten()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_has_the_form_that_was_asked_for() {
        let answer = |embedding: &str| {
            format!(r#"{{"data":[{{"index":0,"embedding":{embedding}}}],"usage":{{"prompt_tokens":1}}}}"#)
        };
        let (floats, coded) = (answer("[0.5,-1.0,0.1]"), answer("\"AAAAPwAAgL/NzMw9\""));
        let check = |raw: Option<&str>, given: &str, expect: Option<&str>| {
            let found = EmbeddingForm::asked(raw).applied(given.as_bytes());
            assert_eq!(found.map(|found| String::from_utf8(found).unwrap()).as_deref(), expect);
        };
        check(Some("\"base64\""), &floats, Some(&coded));
        check(Some("\"base64\""), &coded, None);
        check(None, &coded, Some(&floats));
        check(Some("\"float\""), &floats, None);
        check(None, &answer("\"no base64!\""), None);
        check(None, &answer("\"AACAfw==\""), None);
        check(None, r#"{"error":{}}"#, None);
    }
}
