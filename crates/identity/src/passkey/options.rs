//! What a browser is asked: the JSON for `PublicKeyCredential.parseCreationOptionsFromJSON()` and its sibling (WebAuthn,
//! sections 5.1.8 and 5.1.9).

use super::ceremony::{Passkey, PasskeyChallenge, UserVerification};
use super::public_key::Algorithm;
use super::site::Site;
use crate::error::IdentityError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// How long a browser waits for a person, in milliseconds: as long as the challenge lasts (section 15.1).
const TIMEOUT_MS: u64 = super::ceremony::CEREMONY_LIFETIME_MS;
/// Passkeys of one person at most.
pub(crate) const PASSKEYS_MAX: usize = 20;
/// The longest user handle, in bytes (section 5.4.3).
const USER_HANDLE_BYTES_MAX: usize = 64;
const PUBLIC_KEY: &str = "public-key";

/// For `navigator.credentials.create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    /// The site.
    pub rp: RelyingPartyEntity,
    /// The person.
    pub user: UserEntity,
    /// The challenge, in base 64.
    pub challenge: String,
    /// The algorithms that are accepted, the preferred one first.
    pub pub_key_cred_params: Vec<CredentialParameter>,
    /// How long the browser waits, in milliseconds.
    pub timeout: u64,
    /// The passkeys that the person has: an authenticator that has one of them makes no second.
    pub exclude_credentials: Vec<CredentialRef>,
    /// What the authenticator must do.
    pub authenticator_selection: Selection,
    /// `none`.
    pub attestation: &'static str,
}

/// For `navigator.credentials.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// The challenge, in base 64.
    pub challenge: String,
    /// How long the browser waits, in milliseconds.
    pub timeout: u64,
    /// The site's id.
    pub rp_id: String,
    /// The passkeys that would do; with none, the person chooses among those for the site, and no address is asked for.
    pub allow_credentials: Vec<CredentialRef>,
    /// Whether the authenticator must verify the person.
    pub user_verification: UserVerification,
}

/// A site, as a browser shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelyingPartyEntity {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A person, as an authenticator keeps and shows them.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserEntity {
    /// Their handle, in base 64: random bytes, and nothing that tells who they are (section 14.6.1).
    pub id: String,
    /// What tells their accounts apart, such as the address.
    pub name: String,
    /// The same, for display.
    pub display_name: String,
}

/// `Debug` shows no address.
impl std::fmt::Debug for UserEntity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserEntity(…)")
    }
}

/// An algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CredentialParameter {
    /// `public-key`.
    pub r#type: &'static str,
    /// Its number.
    pub alg: i64,
}

/// A passkey, by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialRef {
    /// `public-key`.
    pub r#type: &'static str,
    /// Its id, in base 64.
    pub id: String,
}

/// What an authenticator must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// `required`: the passkey is found without its id.
    pub resident_key: &'static str,
    /// The same for browsers of Level 1.
    pub require_resident_key: bool,
    /// Whether it must verify the person.
    pub user_verification: UserVerification,
}

impl CreationOptions {
    /// Options for a person with these passkeys already.
    ///
    /// # Errors
    /// [`IdentityError::Malformed`] for a handle of no or more than 64 bytes, and for a person with 20 passkeys.
    pub fn new(
        site: (&Site, &str),
        user: (&[u8], &str),
        challenge: &PasskeyChallenge,
        existing: &[Passkey],
        verification: UserVerification,
    ) -> Result<Self, IdentityError> {
        let (handle, name) = user;
        if handle.is_empty() || handle.len() > USER_HANDLE_BYTES_MAX {
            return Err(IdentityError::Malformed { field: "user handle", rule: "have 1 to 64 bytes" });
        }
        if existing.len() >= PASSKEYS_MAX {
            return Err(IdentityError::Malformed { field: "passkeys", rule: "be fewer than 20; remove one" });
        }
        let parameter = |algorithm: Algorithm| CredentialParameter { r#type: PUBLIC_KEY, alg: algorithm.number() };
        Ok(Self {
            rp: RelyingPartyEntity { id: site.0.id().to_owned(), name: site.1.to_owned() },
            user: UserEntity {
                id: URL_SAFE_NO_PAD.encode(handle),
                name: name.to_owned(),
                display_name: name.to_owned(),
            },
            challenge: challenge.text(),
            pub_key_cred_params: Algorithm::ALL.into_iter().map(parameter).collect(),
            timeout: TIMEOUT_MS,
            exclude_credentials: existing.iter().map(credential_ref).collect(),
            authenticator_selection: Selection {
                resident_key: "required",
                require_resident_key: true,
                user_verification: verification,
            },
            attestation: "none",
        })
    }
}

impl RequestOptions {
    /// Options for anybody with a passkey for the site, or for a person with these passkeys.
    #[must_use]
    pub fn new(site: &Site, challenge: &PasskeyChallenge, allowed: &[Passkey], verification: UserVerification) -> Self {
        Self {
            challenge: challenge.text(),
            timeout: TIMEOUT_MS,
            rp_id: site.id().to_owned(),
            allow_credentials: allowed.iter().take(PASSKEYS_MAX).map(credential_ref).collect(),
            user_verification: verification,
        }
    }
}

fn credential_ref(passkey: &Passkey) -> CredentialRef {
    CredentialRef { r#type: PUBLIC_KEY, id: URL_SAFE_NO_PAD.encode(&passkey.credential_id) }
}
