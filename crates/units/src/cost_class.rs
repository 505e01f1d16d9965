//! The classes by which vendors bill.

use crate::usage::{Bucket, ToolUse};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A class of a vendor's bill: a kind of tokens, uses of a tool, or something that is neither.
///
/// ```
/// use opencredits_units::{Bucket, CostClass};
/// assert_eq!("cache_read".parse(), Ok(CostClass::Tokens(Bucket::CacheRead)));
/// assert_eq!(CostClass::All.to_string(), "all");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CostClass {
    /// A kind of tokens.
    Tokens(Bucket),
    /// Uses of a tool.
    Uses(ToolUse),
    /// Fees that the price book does not know.
    Fees,
    /// A discount on the price book.
    Discount,
    /// Something that has no class here.
    Other,
    /// Everything together, where a bill is not divided by class.
    All,
}

/// The classes that are neither tokens nor uses.
const OTHERS: [CostClass; 4] = [CostClass::Fees, CostClass::Discount, CostClass::Other, CostClass::All];

/// A text names no class of a bill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no class of a bill; write one such as input, cache_read, output or all")]
pub struct UnknownCostClass {
    /// The text.
    pub text: String,
}

impl CostClass {
    /// The name in bills and data files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokens(bucket) => bucket.name(),
            Self::Uses(tool) => tool.name(),
            Self::Fees => "provider_fees",
            Self::Discount => "provider_discount",
            Self::Other => "other",
            Self::All => "all",
        }
    }
}

impl fmt::Display for CostClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CostClass {
    type Err = UnknownCostClass;

    fn from_str(text: &str) -> Result<Self, UnknownCostClass> {
        let tokens = Bucket::ALL.into_iter().map(Self::Tokens);
        let mut all = tokens.chain(ToolUse::ALL.into_iter().map(Self::Uses)).chain(OTHERS);
        all.find(|class| class.name() == text).ok_or_else(|| UnknownCostClass { text: text.to_owned() })
    }
}

impl Serialize for CostClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for CostClass {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
