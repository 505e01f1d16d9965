//! Bodies, parsed at their top level only.

use crate::error::SanitizeError;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The largest number of top-level fields.
const FIELDS_MAX: usize = 128;

/// The part of a body that may pass. It holds content, so it cannot be printed.
pub struct Scrubbed<'a> {
    fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    dropped: Vec<String>,
    ours: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Scrubbed<'a> {
    pub(crate) fn with_capacity(fields: usize) -> Self {
        Self { fields: Vec::with_capacity(fields.saturating_add(1)), dropped: Vec::new(), ours: Vec::new() }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(other, _)| other == name)
            || self.dropped.iter().any(|other| other == name)
            || self.ours.iter().any(|(other, _)| other == name)
    }

    pub(crate) fn keep(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        self.fields.push((name, value));
    }

    pub(crate) fn keep_ours(&mut self, name: Cow<'a, str>, value: &'a str) {
        self.ours.push((name, value));
    }

    pub(crate) fn drop_field(&mut self, name: Cow<'a, str>) {
        self.dropped.push(name.into_owned());
    }

    /// The fields that pass, in the client's order: name and raw JSON.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The raw JSON of one field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The raw JSON of a field that the gateway reads itself and does not pass on.
    #[must_use]
    pub fn ours(&self, name: &str) -> Option<&'a str> {
        self.ours.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }

    /// The names of the dropped fields, in the client's order.
    #[must_use]
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }
}

/// The names and raw values of an object.
pub(crate) struct TopLevel<'a> {
    pub(crate) fields: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> TopLevel<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, SanitizeError> {
        let mistake = |line, column| SanitizeError::NotAnObject { line, column };
        let text = std::str::from_utf8(body).map_err(|error| mistake(1, error.valid_up_to()))?;
        let top: Self = serde_json::from_str(text).map_err(|error| mistake(error.line(), error.column()))?;
        if top.fields.len() > FIELDS_MAX {
            return Err(SanitizeError::TooManyFields { max: FIELDS_MAX });
        }
        Ok(top)
    }
}

impl<'de> Deserialize<'de> for TopLevel<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopLevelVisitor)
    }
}

struct TopLevelVisitor;

impl<'de> Visitor<'de> for TopLevelVisitor {
    type Value = TopLevel<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<TopLevel<'de>, M::Error> {
        let mut fields = Vec::with_capacity(16);
        while let Some(Name(name)) = map.next_key()? {
            let value: &'de RawValue = map.next_value()?;
            // One more than allowed is enough to refuse the body.
            if fields.len() <= FIELDS_MAX {
                fields.push((name, value.get()));
            }
        }
        Ok(TopLevel { fields })
    }
}

/// A name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}
