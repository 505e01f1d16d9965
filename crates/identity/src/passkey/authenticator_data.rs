//! What the authenticator says: authenticator data (WebAuthn, section 6.1) and the attestation object around it (6.5.4).

use super::public_key::PublicKey;
use crate::error::{IdentityError, PasskeyProblem, passkey};
use minicbor::Decoder;

/// The longest attestation object, in bytes. Those of TPMs, with their certificates, have some six thousand.
const ATTESTATION_BYTES_MAX: usize = 16_384;
/// The longest authenticator data, in bytes.
const AUTHENTICATOR_DATA_BYTES_MAX: usize = 4_096;
/// The longest credential id, in bytes (section 4, "Credential ID").
pub(super) const CREDENTIAL_ID_BYTES_MAX: usize = 1_023;
const AAGUID_BYTES: usize = 16;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;
const EXTENSIONS: u8 = 0x80;

/// Authenticator data, read but not believed. Bits that are reserved are ignored, as the specification asks.
pub(super) struct AuthenticatorData<'a> {
    pub(super) rp_id_hash: &'a [u8; 32],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) credential: Option<AttestedCredential<'a>>,
}

/// The credential that was registered. The AAGUID, which tells the model of the authenticator, is not kept.
pub(super) struct AttestedCredential<'a> {
    pub(super) id: &'a [u8],
    pub(super) key: PublicKey,
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, IdentityError> {
        let malformed = passkey(PasskeyProblem::Malformed("authenticator data"));
        if bytes.len() > AUTHENTICATOR_DATA_BYTES_MAX {
            return Err(malformed);
        }
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(malformed)?;
        let (flags, rest) = rest.split_first().ok_or(malformed)?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>().ok_or(malformed)?;
        let mut credential = None;
        if flags & ATTESTED != 0 {
            let (found, after) = attested(rest)?;
            credential = Some(found);
            rest = after;
        }
        if flags & EXTENSIONS != 0 {
            rest = after_extensions(rest).ok_or(malformed)?;
        }
        if !rest.is_empty() {
            return Err(malformed);
        }
        Ok(Self { rp_id_hash, flags: *flags, sign_count: u32::from_be_bytes(*sign_count), credential })
    }

    pub(super) const fn is_present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }

    pub(super) const fn is_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    pub(super) const fn is_backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    pub(super) const fn is_backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}

/// Section 6.5.2.
fn attested(bytes: &[u8]) -> Result<(AttestedCredential<'_>, &[u8]), IdentityError> {
    let malformed = passkey(PasskeyProblem::Malformed("attested credential data"));
    let (_, rest) = bytes.split_first_chunk::<AAGUID_BYTES>().ok_or(malformed)?;
    let (len, rest) = rest.split_first_chunk::<2>().ok_or(malformed)?;
    let len = usize::from(u16::from_be_bytes(*len));
    if len == 0 || len > CREDENTIAL_ID_BYTES_MAX {
        return Err(malformed);
    }
    let (id, rest) = rest.split_at_checked(len).ok_or(malformed)?;
    let (key, rest) = PublicKey::read(rest)?;
    Ok((AttestedCredential { id, key }, rest))
}

/// What comes after the extensions, which are a map and are not looked into: none was asked for.
fn after_extensions(bytes: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(bytes);
    decoder.probe().map().ok()??;
    // It goes over items in a loop, each of at least a byte, and so cannot be made to recurse.
    decoder.skip().ok()?;
    bytes.get(decoder.position()..)
}

/// The authenticator data in an attestation object: a map of exactly `fmt`, `attStmt` and `authData`.
///
/// No attestation is asked for, so none is believed: a statement of any format is passed over and not kept. With the format
/// `none` it must be empty (section 8.7).
pub(super) fn of_attestation_object(bytes: &[u8]) -> Result<&[u8], IdentityError> {
    let malformed = passkey(PasskeyProblem::Malformed("attestation object"));
    if bytes.len() > ATTESTATION_BYTES_MAX {
        return Err(malformed);
    }
    read_attestation_object(bytes).ok_or(malformed)
}

fn read_attestation_object(bytes: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(bytes);
    if decoder.map().ok()? != Some(3) {
        return None;
    }
    let (mut format, mut statement, mut data) = (None, None, None);
    for _ in 0..3 {
        let is_new = match decoder.str().ok()? {
            "fmt" => format.replace(decoder.str().ok()?).is_none(),
            "attStmt" => statement.replace(statement_len(&mut decoder)?).is_none(),
            "authData" => data.replace(decoder.bytes().ok()?).is_none(),
            _ => false,
        };
        if !is_new {
            return None;
        }
    }
    let is_consistent = format? != "none" || statement? == 0;
    (is_consistent && decoder.position() == bytes.len()).then_some(data?)
}

/// How many members an attestation statement has.
fn statement_len(decoder: &mut Decoder<'_>) -> Option<u64> {
    let members = decoder.probe().map().ok()??;
    decoder.skip().ok()?;
    Some(members)
}
