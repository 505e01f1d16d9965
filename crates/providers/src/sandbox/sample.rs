//! A value that matches a JSON schema.

use serde_json::{Map, Value, json};
use std::cell::Cell;

/// The depth from which optional parts of a recursive schema are left out.
const DEPTH_MAX: usize = 12;
/// The largest number of members of a sample.
const ITEMS_MAX: u64 = 8;
const TEXT_BYTES_MAX: usize = 256;
/// The largest number of schema parts that a sample visits.
const PARTS_MAX: usize = 2_000;

/// A value that matches the schema, as far as types, `enum`, `const`, references and bounds go; patterns are ignored.
/// The address makes two samples of one schema differ.
pub(super) fn value(schema: &Value, place: &str) -> Value {
    Sampler { root: schema, place, left: Cell::new(PARTS_MAX) }.of(schema, "", 0)
}

struct Sampler<'a> {
    root: &'a Value,
    place: &'a str,
    left: Cell<usize>,
}

impl Sampler<'_> {
    fn of(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if depth > DEPTH_MAX || left == 0 {
            return Value::Null;
        }
        if let Some(fixed) = fixed(schema) {
            return fixed;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target.strip_prefix('#').and_then(|path| self.root.pointer(path));
            return target.map_or(Value::Null, |target| self.of(target, name, depth + 1));
        }
        for several in ["anyOf", "oneOf"] {
            if let Some(first) = schema.get(several).and_then(|list| list.get(0)) {
                return self.of(first, name, depth + 1);
            }
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            return self.all(schema, all, depth);
        }
        match kind(schema) {
            "object" => Value::Object(self.members(schema, depth)),
            "array" => self.array(schema, name, depth),
            "string" => self.string(schema, name).into(),
            "integer" => number(schema).into(),
            "number" => (number(schema) as f64 + fraction(schema)).into(),
            "boolean" => true.into(),
            _ => Value::Null,
        }
    }

    /// The members of all parts together; for other values than objects the first part.
    fn all(&self, schema: &Value, parts: &[Value], depth: usize) -> Value {
        let mut members = self.members(schema, depth);
        let mut other = None;
        for part in parts {
            match self.of(part, "", depth + 1) {
                Value::Object(more) => members.extend(more),
                value => other = other.or(Some(value)),
            }
        }
        match other {
            Some(value) if members.is_empty() => value,
            _ => Value::Object(members),
        }
    }

    /// Required members, and optional ones that are not too deep.
    fn members(&self, schema: &Value, depth: usize) -> Map<String, Value> {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)));
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Map::new();
        };
        let wanted = properties.iter().filter(|(name, _)| is_required(name) || (required.is_none() && depth < 3));
        wanted.map(|(name, schema)| (name.clone(), self.of(schema, name, depth + 1))).collect()
    }

    fn array(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        let count = bound("minItems").unwrap_or(1).min(bound("maxItems").unwrap_or(ITEMS_MAX)).min(ITEMS_MAX);
        if let Some(prefix) = schema.get("prefixItems").and_then(Value::as_array) {
            let items = prefix.iter().map(|item| self.of(item, name, depth + 1));
            return items.collect();
        }
        match schema.get("items") {
            Some(item) if depth < DEPTH_MAX => (0..count).map(|_| self.of(item, name, depth + 1)).collect(),
            _ => json!([]),
        }
    }

    fn string(&self, schema: &Value, name: &str) -> String {
        let bound = |name: &str| {
            let bound = schema.get(name).and_then(Value::as_u64);
            bound.map(|bound| usize::try_from(bound).unwrap_or(usize::MAX))
        };
        let format = schema.get("format").and_then(Value::as_str);
        let mut text = match (format, name) {
            (Some("date-time"), _) => "2025-01-01T12:00:00Z",
            (Some("date"), _) => "2025-01-01",
            (Some("time"), _) => "12:00:00Z",
            (Some("email"), _) => "sam@example.com",
            (Some("uri"), _) => "https://example.com/",
            (Some("uuid"), _) => "00000000-0000-4000-8000-000000000000",
            (_, "city" | "location" | "place") => self.place,
            _ => "sample",
        }
        .to_owned();
        let least = bound("minLength").unwrap_or(0).min(TEXT_BYTES_MAX);
        while text.len() < least {
            text.push('.');
        }
        text.truncate(bound("maxLength").unwrap_or(TEXT_BYTES_MAX));
        text
    }
}

fn fixed(schema: &Value) -> Option<Value> {
    let from = |name: &str| schema.get(name).cloned();
    let first = schema.get("enum").and_then(|list| list.get(0)).cloned();
    from("const").or(first).or_else(|| from("default"))
}

/// The type, the first one besides `null` of several; an object where only properties are given.
fn kind(schema: &Value) -> &str {
    let named = match schema.get("type") {
        Some(Value::String(kind)) => Some(kind.as_str()),
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null")
        }
        _ => None,
    };
    let has = |name: &str| schema.get(name).is_some();
    match named {
        Some(kind) => kind,
        None if has("properties") => "object",
        None if has("items") => "array",
        None if schema.as_object().is_some_and(Map::is_empty) => "string",
        None => "null",
    }
}

/// Three, or the nearest number within the bounds.
fn number(schema: &Value) -> i64 {
    let bound = |name: &str| {
        let bound = schema.get(name)?;
        bound.as_i64().or_else(|| {
            let bound = bound.as_f64().filter(|bound| bound.abs() < 1e15)?;
            Some(bound as i64)
        })
    };
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|bound| bound.saturating_add(1)));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|bound| bound.saturating_sub(1)));
    let number = 3.max(least.unwrap_or(i64::MIN));
    let number = number.min(most.unwrap_or(i64::MAX));
    match bound("multipleOf").filter(|step| *step > 0) {
        Some(step) if number % step == 0 => number,
        Some(step) => number.saturating_sub(number.rem_euclid(step)).saturating_add(step),
        None => number,
    }
}

/// Half a unit more, where nothing bounds the number.
fn fraction(schema: &Value) -> f64 {
    let bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
    if bounds.iter().any(|name| schema.get(name).is_some()) { 0.0 } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::value;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(schema: Value, expected: Value) {
        assert_eq!(value(&schema, "Paris"), expected, "{schema}");
    }

    #[test]
    fn each_type_has_its_sample() {
        check(json!({"type": "string"}), json!("sample"));
        check(json!({"type": "string", "minLength": 8}), json!("sample.."));
        check(json!({"type": "string", "maxLength": 3}), json!("sam"));
        check(json!({"type": "string", "format": "date"}), json!("2025-01-01"));
        check(json!({"type": "integer"}), json!(3));
        check(json!({"type": "integer", "minimum": 18}), json!(18));
        check(json!({"type": "integer", "exclusiveMaximum": 2}), json!(1));
        check(json!({"type": "integer", "multipleOf": 5}), json!(5));
        check(json!({"type": "number"}), json!(3.5));
        check(json!({"type": "number", "maximum": 1}), json!(1.0));
        check(json!({"type": "boolean"}), json!(true));
        check(json!({"type": "null"}), json!(null));
        check(json!({"type": ["null", "integer"]}), json!(3));
        check(json!({"type": "array", "items": {"type": "integer"}, "minItems": 2}), json!([3, 3]));
        check(json!({"type": "array"}), json!([]));
    }

    #[test]
    fn fixed_values_win() {
        check(json!({"enum": ["celsius", "kelvin"]}), json!("celsius"));
        check(json!({"const": 7}), json!(7));
        check(json!({"type": "string", "default": "x"}), json!("x"));
    }

    #[test]
    fn an_object_has_what_is_required() {
        let properties = json!({"city": {"type": "string"}, "days": {"type": "integer"}});
        check(json!({"type": "object", "properties": properties, "required": ["city"]}), json!({"city": "Paris"}));
        check(json!({"properties": properties}), json!({"city": "Paris", "days": 3}));
        check(json!({"type": "object"}), json!({}));
    }

    #[test]
    fn references_unions_and_intersections_are_followed() {
        check(json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}), json!(3));
        check(json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]}), json!(true));
        check(
            json!({"allOf": [
                {"properties": {"a": {"type": "integer"}}},
                {"properties": {"b": {"type": "boolean"}}},
            ]}),
            json!({"a": 3, "b": true}),
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let list = json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]});
        assert!(value(&list, "Paris").to_string().len() < 1_000);
    }
}
