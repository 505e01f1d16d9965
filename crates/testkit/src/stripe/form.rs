//! Stripe's form encoding: nested names such as `line_items[0][price_data][currency]`.

use serde_json::{Map, Value};

/// The parameters of a query or body, in their order.
pub(super) fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// The parts of a name: `a[b][0]` has three.
fn parts(name: &str) -> Vec<&str> {
    let (first, rest) = name.split_once('[').unwrap_or((name, ""));
    let rest = rest.strip_suffix(']').unwrap_or(rest);
    let mut parts = vec![first];
    if name.contains('[') {
        parts.extend(rest.split("]["));
    }
    parts
}

/// The parameters as JSON. All leaves are texts, as the encoding has no types.
pub(super) fn to_json(pairs: &[(String, String)]) -> Value {
    let mut root = Value::Object(Map::new());
    for (name, value) in pairs {
        insert(&mut root, &parts(name), value);
    }
    lists(root)
}

fn insert(at: &mut Value, parts: &[&str], value: &str) {
    let [first, rest @ ..] = parts else {
        *at = Value::from(value);
        return;
    };
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    let map = at.as_object_mut().expect("an object was just made");
    // An empty part is the next item of a list.
    let name = if first.is_empty() { map.len().to_string() } else { (*first).to_owned() };
    insert(map.entry(name).or_insert(Value::Null), rest, value);
}

/// Objects whose names are 0, 1, 2 … are lists.
fn lists(value: Value) -> Value {
    let Value::Object(map) = value else {
        return value;
    };
    let is_list = !map.is_empty() && (0..map.len()).all(|index| map.contains_key(&index.to_string()));
    let mut map: Map<String, Value> = map.into_iter().map(|(name, value)| (name, lists(value))).collect();
    if is_list {
        let items = (0..map.len()).filter_map(|index| map.remove(&index.to_string())).collect();
        return Value::Array(items);
    }
    Value::Object(map)
}

/// The first name that is none of these. In a pattern, `*` stands for any one part.
pub(super) fn unknown<'a>(pairs: &'a [(String, String)], known: &[&str]) -> Option<&'a str> {
    let is_known = |name: &str| {
        let parts = parts(name);
        known.iter().any(|pattern| {
            let pattern: Vec<&str> = pattern.split('.').collect();
            pattern.len() == parts.len() && pattern.iter().zip(&parts).all(|(want, part)| *want == "*" || want == part)
        })
    };
    pairs.iter().map(|(name, _)| name.as_str()).find(|name| !is_known(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_names_become_objects_and_lists() {
        let pairs = pairs(b"a=1&b[c]=x%20y&d[0][e]=2&d[1][e]=3&f[]=4&f[]=5");
        let expected = json!({"a": "1", "b": {"c": "x y"}, "d": [{"e": "2"}, {"e": "3"}], "f": ["4", "5"]});
        assert_eq!(to_json(&pairs), expected);
    }

    #[test]
    fn a_name_that_is_not_listed_is_found_at_any_depth() {
        let known = ["a", "d.*.e", "metadata.*"];
        for (encoded, expected) in [
            ("a=1&d[0][e]=2&metadata[x]=y", None),
            ("a=1&metadat[x]=y", Some("metadat[x]")),
            ("d[0][f]=2", Some("d[0][f]")),
            ("a[b]=2", Some("a[b]")),
        ] {
            assert_eq!(unknown(&pairs(encoded.as_bytes()), &known), expected, "{encoded}");
        }
    }
}
