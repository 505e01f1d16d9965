//! Seals that travel through a client whose dialect has no field for their vendor.
//!
//! A seal is wrapped with its vendor's name, so that the next request tells its vendor without any state here. The mark
//! is a whole number of base64 groups: its encoding does not depend on the bytes that follow, and can be searched for.

use crate::conversation::{Seal, Text, Thought};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::borrow::Cow;

const MARK: &str = "oc-seal1:";
/// [`MARK`] as it appears in a client's request.
pub(crate) const ENCODED_MARK: &str = "b2Mtc2VhbDE6";

/// Wraps data that only `vendor` can read; `None` marks unsigned reasoning.
pub(crate) fn wrap(vendor: &str, seal: Option<&Seal<'_>>) -> String {
    let (kind, data) = match seal {
        None => ("n", ""),
        Some(Seal::Signature(data)) => ("s", &**data),
        Some(Seal::Redacted(data)) => ("r", &**data),
    };
    BASE64.encode([MARK, kind, vendor, ":", data].concat())
}

/// The vendor of a wrapped seal, and the seal; `None` where `text` has no wrapping of ours.
fn unwrap(text: &str) -> Option<(String, Option<Seal<'static>>)> {
    if !text.starts_with(ENCODED_MARK) {
        return None;
    }
    let plain = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
    let rest = plain.strip_prefix(MARK)?;
    let (kind, rest) = rest.split_at_checked(1)?;
    let (vendor, data) = rest.split_once(':')?;
    let data = || Cow::Owned(data.to_owned());
    let seal = match kind {
        "s" => Some(Seal::Signature(data())),
        "r" => Some(Seal::Redacted(data())),
        _ => None,
    };
    Some((vendor.to_owned(), seal))
}

/// A client's reasoning with this text and this seal. `native` interprets a seal without a wrapping: its vendor is
/// unknown, and it belongs to the provider of the client's dialect.
pub(crate) fn thought<'a>(
    text: Option<Text<'a>>,
    seal: Option<Text<'a>>,
    native: impl Fn(Cow<'a, str>) -> Seal<'a>,
) -> Thought<'a> {
    let seal = seal.filter(|seal| !seal.is_empty());
    match seal.as_deref().and_then(unwrap) {
        Some((vendor, seal)) => Thought { vendor: vendor.into(), text, seal },
        None => Thought { vendor: Cow::Borrowed(""), text, seal: seal.map(|seal| native(seal.0)) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_seal_says_whose_it_is_and_comes_back_byte_for_byte() {
        for data in ["", "abc", "a:b\u{e9}\"\n", "EqQBCkYIARgC=="] {
            for seal in [Seal::Signature(data.into()), Seal::Redacted(data.into())] {
                let wrapped = wrap("some.vendor", Some(&seal));
                assert!(wrapped.starts_with(ENCODED_MARK));
                let (vendor, back) = unwrap(&wrapped).unwrap();
                assert_eq!(vendor, "some.vendor");
                match (seal, back.unwrap()) {
                    (Seal::Signature(a), Seal::Signature(b)) | (Seal::Redacted(a), Seal::Redacted(b)) => {
                        assert_eq!(a, b);
                    }
                    _ => panic!("the kind has changed"),
                }
            }
        }
        assert!(unwrap(&wrap("v", None)).unwrap().1.is_none());
        assert!(unwrap("EqQBCkYIARgC").is_none());
    }
}
