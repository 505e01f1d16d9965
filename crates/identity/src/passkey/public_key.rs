//! Credential public keys: COSE keys (RFC 9052, section 7) in the one form that CTAP2 gives each of them.

use crate::error::{IdentityError, PasskeyProblem, passkey};
use minicbor::{Decoder, Encoder};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

/// COSE labels (RFC 9053) and the values that they have here.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE_OR_MODULUS: i64 = -1;
const X_OR_EXPONENT: i64 = -2;
const Y: i64 = -3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P_256: i64 = 1;
const ED25519: i64 = 6;

/// Moduli of 2,048 to 4,096 bits.
const MODULUS_BYTES_MIN: usize = 256;
const MODULUS_BYTES_MAX: usize = 512;
/// 65,537: the one exponent that authenticators use.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// The algorithms that are offered, in this order (IANA COSE Algorithms).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: -7.
    Es256,
    /// Ed25519: -8.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256: -257. TPMs of Windows have no other.
    Rs256,
}

impl Algorithm {
    /// All of them, as they are offered.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }
}

/// The public key of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    parts: Parts,
    cose: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Parts {
    Es256 { x: [u8; 32], y: [u8; 32] },
    EdDsa { x: [u8; 32] },
    Rs256 { modulus: Vec<u8> },
}

impl PublicKey {
    /// The key in these bytes, which are that key and nothing more.
    ///
    /// # Errors
    /// [`IdentityError::Passkey`]: another algorithm, or a form that is not canonical.
    pub fn from_cose(bytes: &[u8]) -> Result<Self, IdentityError> {
        match Self::read(bytes)? {
            (key, []) => Ok(key),
            _ => Err(malformed()),
        }
    }

    /// The bytes, for a store.
    #[must_use]
    pub fn as_cose(&self) -> &[u8] {
        &self.cose
    }

    /// What it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.parts {
            Parts::Es256 { .. } => Algorithm::Es256,
            Parts::EdDsa { .. } => Algorithm::EdDsa,
            Parts::Rs256 { .. } => Algorithm::Rs256,
        }
    }

    /// The key at the beginning of `bytes`, and what comes after it.
    ///
    /// WebAuthn, section 6.5.1: no optional member stands in it, and its form is CTAP2's canonical one. So there is exactly
    /// one encoding of a key, and anything that does not encode to the same bytes again is refused.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), IdentityError> {
        let mut decoder = Decoder::new(bytes);
        let parts = parts(&mut decoder)?;
        let cose = encode(&parts).ok_or_else(malformed)?;
        let rest = bytes.strip_prefix(cose.as_slice()).ok_or_else(malformed)?;
        Ok((Self { parts, cose }, rest))
    }

    /// Whether the key has signed the message.
    pub(super) fn has_signed(&self, message: &[u8], signed: &[u8]) -> bool {
        let result = match &self.parts {
            Parts::Es256 { x, y } => {
                // SEC 1, section 2.3.3: an uncompressed point. Whether it lies on the curve is checked with the signature.
                let point = [&[4_u8], x.as_slice(), y.as_slice()].concat();
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point).verify(message, signed)
            }
            Parts::EdDsa { x } => UnparsedPublicKey::new(&signature::ED25519, x).verify(message, signed),
            Parts::Rs256 { modulus } => RsaPublicKeyComponents { n: modulus.as_slice(), e: EXPONENT.as_slice() }
                .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signed),
        };
        result.is_ok()
    }
}

fn malformed() -> IdentityError {
    passkey(PasskeyProblem::Malformed("public key"))
}

fn parts(decoder: &mut Decoder<'_>) -> Result<Parts, IdentityError> {
    let members = decoder.map().map_err(|_| malformed())?;
    let key_type = member(decoder, KEY_TYPE)?;
    let algorithm = member(decoder, ALGORITHM)?;
    let known = Algorithm::ALL.into_iter().find(|known| known.number() == algorithm);
    let parts = match (known.ok_or(passkey(PasskeyProblem::Algorithm))?, key_type, members) {
        (Algorithm::Es256, EC2, Some(5)) if member(decoder, CURVE_OR_MODULUS)? == P_256 => {
            Parts::Es256 { x: coordinate(decoder, X_OR_EXPONENT)?, y: coordinate(decoder, Y)? }
        }
        (Algorithm::EdDsa, OKP, Some(4)) if member(decoder, CURVE_OR_MODULUS)? == ED25519 => {
            Parts::EdDsa { x: coordinate(decoder, X_OR_EXPONENT)? }
        }
        (Algorithm::Rs256, RSA, Some(4)) => Parts::Rs256 { modulus: modulus(decoder)? },
        _ => return Err(malformed()),
    };
    Ok(parts)
}

fn member(decoder: &mut Decoder<'_>, label: i64) -> Result<i64, IdentityError> {
    match (decoder.i64(), decoder.i64()) {
        (Ok(found), Ok(value)) if found == label => Ok(value),
        _ => Err(malformed()),
    }
}

fn byte_string<'b>(decoder: &mut Decoder<'b>, label: i64) -> Result<&'b [u8], IdentityError> {
    match (decoder.i64(), decoder.bytes()) {
        (Ok(found), Ok(value)) if found == label => Ok(value),
        _ => Err(malformed()),
    }
}

fn coordinate(decoder: &mut Decoder<'_>, label: i64) -> Result<[u8; 32], IdentityError> {
    byte_string(decoder, label)?.try_into().map_err(|_| malformed())
}

fn modulus(decoder: &mut Decoder<'_>) -> Result<Vec<u8>, IdentityError> {
    let modulus = byte_string(decoder, CURVE_OR_MODULUS)?;
    let bounded = (MODULUS_BYTES_MIN..=MODULUS_BYTES_MAX).contains(&modulus.len());
    let is_shortest = modulus.first().is_some_and(|first| *first != 0);
    if !bounded || !is_shortest || byte_string(decoder, X_OR_EXPONENT)? != EXPONENT {
        return Err(malformed());
    }
    Ok(modulus.to_vec())
}

fn encode(parts: &Parts) -> Option<Vec<u8>> {
    let mut encoder = Encoder::new(Vec::new());
    let head = |encoder: &mut Encoder<Vec<u8>>, members: u64, key_type: i64, algorithm: Algorithm| {
        let pairs = encoder.map(members)?.i64(KEY_TYPE)?.i64(key_type)?;
        pairs.i64(ALGORITHM)?.i64(algorithm.number())?.ok()
    };
    let written = match parts {
        Parts::Es256 { x, y } => head(&mut encoder, 5, EC2, Algorithm::Es256).and_then(|()| {
            encoder.i64(CURVE_OR_MODULUS)?.i64(P_256)?.i64(X_OR_EXPONENT)?.bytes(x)?.i64(Y)?.bytes(y)?.ok()
        }),
        Parts::EdDsa { x } => head(&mut encoder, 4, OKP, Algorithm::EdDsa)
            .and_then(|()| encoder.i64(CURVE_OR_MODULUS)?.i64(ED25519)?.i64(X_OR_EXPONENT)?.bytes(x)?.ok()),
        Parts::Rs256 { modulus } => head(&mut encoder, 4, RSA, Algorithm::Rs256)
            .and_then(|()| encoder.i64(CURVE_OR_MODULUS)?.bytes(modulus)?.i64(X_OR_EXPONENT)?.bytes(&EXPONENT)?.ok()),
    };
    written.ok().map(|()| encoder.into_writer())
}
