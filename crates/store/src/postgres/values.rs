//! Values as parameters of statements.

use opencredits_keys::KeyDigest;
use opencredits_units::{BasisPoints, Id, NanoUsd, UnixMs};
use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// What a text cannot have in PostgreSQL, and what stands in its place.
const NUL: char = '\0';
const REPLACEMENT: &str = "\u{FFFD}";

/// A parameter. Its `Debug` shows nothing of it: the driver logs parameters.
#[derive(Clone)]
pub(super) enum Value {
    Null,
    Bytes(Vec<u8>),
    Text(String),
    Texts(Vec<String>),
    Number(i64),
    Flag(bool),
}

/// A parameter.
pub(super) fn v(value: impl Into<Value>) -> Value {
    value.into()
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Texts(texts) => texts.to_sql(kind, out),
            Self::Number(number) => number.to_sql(kind, out),
            Self::Flag(flag) => flag.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BYTEA, Type::TEXT, Type::TEXT_ARRAY, Type::INT8, Type::BOOL].contains(kind)
    }

    to_sql_checked!();
}

/// An id as big-endian bytes, so that bytes sort as ids do.
impl<K> From<Id<K>> for Value {
    fn from(id: Id<K>) -> Self {
        Self::Bytes(id.bits().to_be_bytes().to_vec())
    }
}

impl From<UnixMs> for Value {
    fn from(time: UnixMs) -> Self {
        time.get().into()
    }
}

impl From<NanoUsd> for Value {
    fn from(amount: NanoUsd) -> Self {
        Self::Number(amount.get())
    }
}

impl From<BasisPoints> for Value {
    fn from(share: BasisPoints) -> Self {
        share.get().into()
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

impl From<NonZeroU32> for Value {
    fn from(number: NonZeroU32) -> Self {
        number.get().into()
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(if text.contains(NUL) { text.replace(NUL, REPLACEMENT) } else { text.to_owned() })
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<KeyDigest> for Value {
    fn from(digest: KeyDigest) -> Self {
        digest.as_bytes().into()
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
