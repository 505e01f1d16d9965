//! Reading: one object, lists, the search, and expansion of ids into objects.

use super::books::{Books, Handled, Refusal, invalid, missing, text};
use super::form;
use serde_json::{Value, json};

/// Items of a page, where the request does not say.
const LIMIT: usize = 10;
const LIMIT_MAX: usize = 100;
/// Deepest path of an expansion.
const EXPAND_DEPTH_MAX: usize = 4;

pub(super) type Params = [(String, String)];

/// A collection that can be listed.
pub(super) struct Collection {
    pub(super) kind: &'static str,
    pub(super) path: &'static str,
    /// The parameters that select by a field of the same name.
    pub(super) filters: &'static [&'static str],
}

const COMMON: [&str; 9] = [
    "limit",
    "starting_after",
    "ending_before",
    "expand.*",
    "created",
    "created.gt",
    "created.gte",
    "created.lt",
    "created.lte",
];

impl Books {
    /// One object of a kind.
    pub(super) fn retrieve(&self, kind: &str, id: &str, params: &Params) -> Handled {
        refuse_unknown(params, &["expand.*"])?;
        self.one(kind, id)?;
        self.expanded(self.shown(id), params, "")
    }

    /// That there is such an object.
    pub(super) fn one(&self, kind: &str, id: &str) -> Result<&Value, Refusal> {
        self.find(id).filter(|object| object["object"] == kind).ok_or_else(|| missing(404, "id", id))
    }

    /// A page of a collection, newest first.
    pub(super) fn list(&self, collection: &Collection, params: &Params) -> Handled {
        let mut known = COMMON.to_vec();
        known.extend(collection.filters);
        if collection.kind == "event" {
            known.push("types.*");
        }
        refuse_unknown(params, &known)?;
        let chosen = |object: &&Value| is_chosen(object, collection, params);
        let all: Vec<&Value> = self.of_kind(collection.kind).rev().filter(chosen).collect();
        let (start, end, has_more) = window(&all, params)?;
        let data: Vec<Value> = all[start..end].iter().map(|object| self.shown(text(object, "id"))).collect();
        let list = json!({"object": "list", "data": data, "has_more": has_more, "url": collection.path});
        self.expanded(list, params, "data.")
    }

    /// The search of payments by metadata.
    pub(super) fn search(&self, params: &Params) -> Handled {
        refuse_unknown(params, &["query", "limit", "page", "expand.*"])?;
        let query = param(params, "query").ok_or_else(|| invalid("parameter_missing", "query", "Missing query."))?;
        let mut wanted = Vec::new();
        for clause in query.split(" AND ") {
            let parts = clause.strip_prefix("metadata['").and_then(|rest| rest.split_once("']:'"));
            let parts = parts.and_then(|(name, value)| Some((name, value.strip_suffix('\'')?)));
            wanted.push(parts.ok_or_else(|| invalid("", "query", "The query cannot be read."))?);
        }
        let is_found = |intent: &&Value| wanted.iter().all(|(name, value)| text(&intent["metadata"], name) == *value);
        let found = self.of_kind("payment_intent").rev().filter(is_found).take(LIMIT_MAX);
        let data: Vec<Value> = found.map(|intent| self.shown(text(intent, "id"))).collect();
        let result = json!({"object": "search_result", "data": data, "has_more": false, "next_page": null,
            "url": "/v1/payment_intents/search"});
        self.expanded(result, params, "data.")
    }

    /// Puts objects in place of the ids that the request names.
    pub(super) fn expanded(&self, mut value: Value, params: &Params, prefix: &str) -> Handled {
        for (_, path) in params.iter().filter(|(name, _)| name.starts_with("expand[")) {
            let refused = || invalid("", "expand", &format!("This property cannot be expanded ({path})."));
            let rest = path.strip_prefix(prefix).ok_or_else(refused)?;
            let parts: Vec<&str> = rest.split('.').collect();
            if parts.len() > EXPAND_DEPTH_MAX {
                return Err(refused());
            }
            match value.get_mut("data").filter(|_| !prefix.is_empty()).and_then(Value::as_array_mut) {
                Some(items) => items.iter_mut().try_for_each(|item| self.expand(item, &parts).ok_or_else(refused))?,
                None => self.expand(&mut value, &parts).ok_or_else(refused)?,
            }
        }
        Ok(value)
    }

    fn expand(&self, value: &mut Value, parts: &[&str]) -> Option<()> {
        let [first, rest @ ..] = parts else {
            return Some(());
        };
        // A nullable link is absent in our objects at times; nothing is there to expand.
        let Some(field) = value.get_mut(*first) else {
            return (*first == "failure_balance_transaction").then_some(());
        };
        if let Some(id) = field.as_str() {
            self.find(id)?;
            *field = self.shown(id);
        }
        if field.is_null() { Some(()) } else { self.expand(field, rest) }
    }
}

fn is_chosen(object: &Value, collection: &Collection, params: &Params) -> bool {
    let created = object["created"].as_u64().unwrap_or_default();
    let types: Vec<&str> =
        params.iter().filter(|(name, _)| name.starts_with("types[")).map(|(_, v)| v.as_str()).collect();
    let by_type = types.is_empty() || types.contains(&text(object, "type"));
    by_type
        && params.iter().all(|(name, value)| match name.as_str() {
            "created[gt]" => created > seconds(value),
            "created[gte]" => created >= seconds(value),
            "created[lt]" => created < seconds(value),
            "created[lte]" => created <= seconds(value),
            "created" => created == seconds(value),
            name if collection.filters.contains(&name) => text(object, name) == value,
            _ => true,
        })
}

fn seconds(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

/// The part of a list that a page has. A cursor stands before or after the page, in the order of the list.
fn window(all: &[&Value], params: &Params) -> Result<(usize, usize, bool), Refusal> {
    let limit = match param(params, "limit").map(str::parse) {
        None => LIMIT,
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
        Some(_) => return Err(invalid("parameter_invalid_integer", "limit", "The limit is 1 to 100.")),
    };
    let position = |name: &str, id: &str| {
        let found = all.iter().position(|object| text(object, "id") == id);
        found.ok_or_else(|| missing(400, name, id))
    };
    if let Some(id) = param(params, "ending_before") {
        let end = position("ending_before", id)?;
        let start = end.saturating_sub(limit);
        return Ok((start, end, start > 0));
    }
    let start = match param(params, "starting_after") {
        Some(id) => position("starting_after", id)? + 1,
        None => 0,
    };
    let end = all.len().min(start + limit);
    Ok((start, end, end < all.len()))
}

/// The value of a parameter.
pub(super) fn param<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Refuses what is not known, as Stripe does.
pub(super) fn refuse_unknown(params: &Params, known: &[&str]) -> Result<(), Refusal> {
    match form::unknown(params, known) {
        Some(name) => Err(invalid("parameter_unknown", name, &format!("Received unknown parameter: {name}"))),
        None => Ok(()),
    }
}
