//! JSON Schemas, rewritten into the narrower forms that some providers accept.
//!
//! A schema is a small part of a request, and is walked once. The order of its members is kept, since models answer in
//! that order.

use opencredits_wire::json;
use std::borrow::Cow;

/// The depth of nested schemas that are rewritten; deeper ones stay unchanged.
const DEPTH_MAX: usize = 64;
/// Constraints that `anthropic-messages` refuses in an answer format, by the provider's guide on structured outputs.
const UNKNOWN: [&str; 9] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
];
/// The schema of a tool without input.
pub(crate) const NOTHING: &str = r#"{"type":"object","properties":{}}"#;

/// The members of a schema: raw names and raw values.
struct Members<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Members<'a> {
    fn read(raw: &'a str) -> Self {
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let mut all = Vec::new();
        json::members(raw.as_bytes(), |name, value| all.push((text(name), Cow::Borrowed(text(value)))));
        Self(all)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rfind(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    fn set(&mut self, name: &'a str, value: impl Into<Cow<'a, str>>) {
        match self.0.iter_mut().rfind(|(known, _)| *known == name) {
            Some((_, place)) => *place = value.into(),
            None => self.0.push((name, value.into())),
        }
    }

    /// Whether the schema is one of objects: by its type or its properties.
    fn is_object(&self) -> bool {
        self.get("properties").is_some() || self.get("type").is_some_and(|kind| kind.contains("\"object\""))
    }

    fn write(&self) -> String {
        let members: Vec<String> = self.0.iter().map(|(name, value)| ["\"", name, "\":", value].concat()).collect();
        ["{", &members.join(","), "}"].concat()
    }
}

/// The schema with `change` applied to every schema within it, inner ones first.
fn changed<'a>(raw: &'a str, depth: usize, change: &mut dyn FnMut(&mut Members<'_>)) -> Cow<'a, str> {
    if depth >= DEPTH_MAX || !raw.starts_with('{') {
        return Cow::Borrowed(raw);
    }
    let mut members = Members::read(raw);
    let deeper = depth.saturating_add(1);
    for (name, value) in &mut members.0 {
        let inner = match *name {
            "properties" | "patternProperties" | "$defs" | "definitions" if !value.starts_with('{') => continue,
            "anyOf" | "oneOf" | "allOf" | "prefixItems" if !value.starts_with('[') => continue,
            "properties" | "patternProperties" | "$defs" | "definitions" => {
                let mut named = Members::read(value);
                for (_, schema) in &mut named.0 {
                    *schema = Cow::Owned(changed(schema, deeper, change).into_owned());
                }
                named.write()
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                let mut all = Vec::new();
                json::items(value.as_bytes(), |item| {
                    let item = std::str::from_utf8(item).unwrap_or_default();
                    all.push(changed(item, deeper, change).into_owned());
                });
                ["[", &all.join(","), "]"].concat()
            }
            "items" | "additionalProperties" | "not" => changed(value, deeper, change).into_owned(),
            _ => continue,
        };
        *value = Cow::Owned(inner);
    }
    change(&mut members);
    Cow::Owned(members.write())
}

/// The schema as `anthropic-messages` accepts it in an answer format, and whether a constraint was lost.
pub(crate) fn closed(raw: &str) -> (String, bool) {
    let mut lost = false;
    let schema = changed(raw, 0, &mut |schema| {
        let stays = |(name, value): &(&str, Cow<'_, str>)| match *name {
            "minItems" => matches!(&**value, "0" | "1"),
            name => !UNKNOWN.contains(&name),
        };
        lost |= !schema.0.iter().all(stays);
        schema.0.retain(stays);
        if schema.is_object() {
            // A constraint on further members cannot be kept; that they may exist is the default of a schema.
            lost |= schema.get("additionalProperties").is_some_and(|more| more != "false");
            schema.set("additionalProperties", "false");
        }
    });
    (schema.into_owned(), lost)
}

/// Whether the schema can be strict: every object is closed, and all of its properties are required.
pub(crate) fn is_strict(raw: &str) -> bool {
    let mut strict = true;
    changed(raw, 0, &mut |schema| {
        if !schema.is_object() {
            return;
        }
        let mut required = Vec::new();
        json::items(schema.get("required").unwrap_or_default().as_bytes(), |name| required.extend(json::text(name)));
        json::members(schema.get("properties").unwrap_or_default().as_bytes(), |name, _| {
            strict &= required.iter().any(|known| known.as_bytes() == name);
        });
        strict &= schema.get("additionalProperties") == Some("false");
    });
    strict
}

/// A schema of OpenAPI as JSON Schema: types in lower case, and `null` as a type of its own.
pub(crate) fn from_open_api(raw: &str) -> Cow<'_, str> {
    changed(raw, 0, &mut |schema| {
        let nullable = schema.get("nullable") == Some("true");
        schema.0.retain(|(name, _)| *name != "nullable");
        if let Some(kind) = schema.get("type").map(str::to_ascii_lowercase) {
            let alone = nullable && kind.starts_with('"');
            schema.set("type", if alone { ["[", &kind, ",\"null\"]"].concat() } else { kind });
        }
        if let Some(choices) = schema.get("enum").filter(|_| nullable) {
            let mut all = Vec::new();
            json::items(choices.as_bytes(), |choice| all.push(std::str::from_utf8(choice).unwrap_or_default()));
            all.retain(|choice| *choice != "null");
            all.push("null");
            let all = ["[", &all.join(","), "]"].concat();
            schema.set("enum", all);
        }
    })
}

/// The schema of a tool's input, with members that some providers demand and clients omit.
pub(crate) fn of_tool(raw: Option<&str>) -> Cow<'_, str> {
    let Some(raw) = raw.filter(|raw| raw.starts_with('{')) else { return Cow::Borrowed(NOTHING) };
    let (mut has_type, mut has_properties) = (false, false);
    json::members(raw.as_bytes(), |name, _| match name {
        b"type" => has_type = true,
        // The input's properties may be given in another place.
        b"properties" | b"$ref" | b"anyOf" | b"oneOf" | b"allOf" => has_properties = true,
        _ => {}
    });
    let kind = (!has_type).then_some(json::Edit { name: "type", value: b"\"object\"" });
    let properties = (!has_properties).then_some(json::Edit { name: "properties", value: b"{}" });
    let edits: Vec<json::Edit<'_>> = kind.into_iter().chain(properties).collect();
    if edits.is_empty() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(String::from_utf8_lossy(&json::edit(raw.as_bytes(), &edits)).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_wherever_they_stand_and_what_is_refused_is_left_out() {
        let check =
            |raw: &str, expected: &str, lost: bool| assert_eq!(closed(raw), (expected.to_owned(), lost), "{raw}");
        let open = r#"{"type":"object"}"#;
        let shut = r#"{"type":"object","additionalProperties":false}"#;
        check(open, shut, false);
        check(shut, shut, false);
        check(r#"{"type":"object","additionalProperties":true}"#, shut, true);
        let around = |inner: &str| {
            format!(
                r##"{{"$defs":{{"d":{inner}}},"anyOf":[{inner},{{"$ref":"#/$defs/d"}},{{"type":"array","items":{inner}}}]}}"##
            )
        };
        check(&around(open), &around(shut), false);
        check(r#"{"type":"array","minItems":1,"items":true}"#, r#"{"type":"array","minItems":1,"items":true}"#, false);
        check(r#"{"type":"array","minItems":2,"maxItems":3}"#, r#"{"type":"array"}"#, true);
        check(r#"{"type":["number","null"],"minimum":0}"#, r#"{"type":["number","null"]}"#, true);
        // A property of that name is no keyword.
        let named = r#"{"properties":{"minimum":{"type":"string"},"type":{"type":"object","additionalProperties":false}},"additionalProperties":false}"#;
        check(named, named, false);
    }

    #[test]
    fn a_schema_is_strict_where_all_that_may_come_must_come() {
        let check = |raw: &str, expected: bool| assert_eq!(is_strict(raw), expected, "{raw}");
        check(r#"{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}"#, true);
        check(r#"{"type":"object","properties":{"a":{},"b":{}},"required":["a"],"additionalProperties":false}"#, false);
        check(r#"{"type":"object","properties":{"a":{}},"required":["a"]}"#, false);
        check(
            r#"{"type":"array","items":{"type":"object","properties":{"a":{}},"additionalProperties":false}}"#,
            false,
        );
        check(r#"{"type":"string"}"#, true);
    }

    #[test]
    fn a_schema_that_is_deeper_than_the_bound_is_no_danger() {
        let deep = format!("{}{{}}{}", r#"{"items":"#.repeat(100_000), "}".repeat(100_000));
        assert!(closed(&deep).0.len() >= deep.len());
    }

    #[test]
    fn open_api_becomes_json_schema() {
        let check = |raw: &str, expected: &str| assert_eq!(from_open_api(raw), expected);
        check(r#"{"type":"STRING","nullable":true}"#, r#"{"type":["string","null"]}"#);
        check(r#"{"type":"STRING","nullable":false}"#, r#"{"type":"string"}"#);
        check(
            r#"{"type":"STRING","enum":["A","TYPE"],"nullable":true}"#,
            r#"{"type":["string","null"],"enum":["A","TYPE",null]}"#,
        );
        check(r#"{"enum":[],"nullable":true}"#, r#"{"enum":[null]}"#);
        check(
            r#"{"properties":{"type":{"type":"INTEGER","description":"\"type\":\"STRING\""}}}"#,
            r#"{"properties":{"type":{"type":"integer","description":"\"type\":\"STRING\""}}}"#,
        );
    }

    #[test]
    fn a_tool_takes_an_object_whether_its_schema_says_so_or_not() {
        let check = |raw: Option<&str>, expected: &str| assert_eq!(of_tool(raw), expected);
        check(None, NOTHING);
        check(Some("{}"), NOTHING);
        check(Some(r#"{"type":"object"}"#), NOTHING);
        check(Some(NOTHING), NOTHING);
        check(Some(r##"{"type":"object","$ref":"#/a"}"##), r##"{"type":"object","$ref":"#/a"}"##);
    }
}
