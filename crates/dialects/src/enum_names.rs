//! Values of enums that an API gives by name, or by the number that its protocol buffers have for them.
//!
//! The numbers: <https://github.com/googleapis/googleapis/tree/master/google/ai/generativelanguage/v1beta>
//! (`generative_service.proto`).

use opencredits_wire::json;
use serde_json::Value;
use std::borrow::Cow;

/// Why a candidate of `gemini-generate` has ended.
pub const FINISH_REASONS: &[&str] = &[
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY",
];
/// Why a prompt of `gemini-generate` was blocked.
pub const BLOCK_REASONS: &[&str] =
    &["BLOCK_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"];
/// Kinds of content.
pub(crate) const MODALITIES: &[&str] = &["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT"];
/// Kinds of content that are asked for, which have numbers of their own.
pub(crate) const RESPONSE_MODALITIES: &[&str] = &["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO"];

/// The name of a raw value: a text as it is, a number by its place in `names`, or as it is where it has none. `None` for
/// anything else.
#[must_use]
pub fn enum_name<'a>(raw: &'a [u8], names: &[&'static str]) -> Option<Cow<'a, str>> {
    if raw.first() == Some(&b'"') {
        return json::text(raw);
    }
    let number = json::count(raw)?;
    let name = usize::try_from(number).ok().and_then(|at| names.get(at));
    Some(name.map_or_else(|| Cow::Owned(number.to_string()), |name| Cow::Borrowed(*name)))
}

/// Whether a parsed value is the one of this name.
pub(crate) fn is_named(value: &Value, name: &str, names: &[&str]) -> bool {
    let by_number = || names.get(usize::try_from(value.as_u64()?).ok()?).copied();
    value.as_str().or_else(by_number) == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_number_are_the_same() {
        let check = |raw: &str, expect: Option<&str>| {
            assert_eq!(enum_name(raw.as_bytes(), FINISH_REASONS).as_deref(), expect, "{raw}");
        };
        check("\"STOP\"", Some("STOP"));
        check("1", Some("STOP"));
        check("2.0", Some("MAX_TOKENS"));
        check("\"NEW\"", Some("NEW"));
        check("99", Some("99"));
        for raw in ["null", "-1", "{}", "true"] {
            check(raw, None);
        }
        assert!(is_named(&Value::from(4), "AUDIO", MODALITIES) && is_named(&Value::from("AUDIO"), "AUDIO", MODALITIES));
        assert!(!is_named(&Value::Null, "AUDIO", MODALITIES) && !is_named(&Value::from(99), "AUDIO", MODALITIES));
    }
}
