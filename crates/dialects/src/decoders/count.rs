//! Counts in the forms that hosts write.

use opencredits_wire::json;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The error for a count below zero.
const NEGATIVE: &str = "a count below zero";

/// The first number that no count holds.
const HUGE: f64 = 18_446_744_073_709_551_616.0;

/// A count: `12`, `12.0` or `"12"`. Any other value counts as absent, so that one odd field does not cost the others; a
/// number below zero is an error, and one that no integer holds is the largest integer.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count(pub(crate) Option<u64>);

/// The result of reading a usage object.
pub(crate) enum Read<T> {
    Counts(T),
    /// A count is below zero: the object cannot be billed.
    Negative,
    /// The value is no usage object.
    Nothing,
}

/// Reads a usage object.
pub(crate) fn read<'a, T: Deserialize<'a>>(raw: &'a [u8]) -> Read<T> {
    match serde_json::from_slice(raw) {
        Ok(counts) => Read::Counts(counts),
        Err(error) if error.is_data() && error.to_string().starts_with(NEGATIVE) => Read::Negative,
        Err(_) => Read::Nothing,
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Counting)
    }
}

struct Counting;

impl<'de> Visitor<'de> for Counting {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count")
    }

    #[inline]
    fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
        Ok(Count(Some(count)))
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<Count, E> {
        u64::try_from(count).map(|count| Count(Some(count))).map_err(|_| E::custom(NEGATIVE))
    }

    fn visit_f64<E: Error>(self, count: f64) -> Result<Count, E> {
        // A whole number is written without its fraction.
        self.visit_str(&count.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Count, E> {
        let below = text.strip_prefix('-').is_some_and(|rest| rest.parse::<f64>().is_ok_and(|rest| rest > 0.0));
        if below {
            return Err(E::custom(NEGATIVE));
        }
        let is_huge = || text.parse::<f64>().is_ok_and(|number| number.is_finite() && number >= HUGE);
        Ok(Count(json::count(text.as_bytes()).or_else(|| is_huge().then_some(u64::MAX))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Count, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }
}
