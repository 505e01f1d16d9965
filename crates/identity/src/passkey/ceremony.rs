//! The two ceremonies of a relying party: registration (WebAuthn, section 7.1) and assertion (section 7.2).

use super::authenticator_data::{AuthenticatorData, CREDENTIAL_ID_BYTES_MAX, of_attestation_object};
use super::client_data::{self, Frames, Said};
use super::public_key::PublicKey;
use super::site::Site;
use crate::error::{IdentityError, PasskeyProblem, passkey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use opencredits_units::UnixMs;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// How long a challenge can be answered.
pub(super) const CEREMONY_LIFETIME_MS: u64 = 300_000;
/// The longest part of an answer, in characters of base 64.
const PART_CHARS_MAX: usize = 24_000;
const PUBLIC_KEY: &str = "public-key";

/// Whether an authenticator must verify who touches it, by a finger, a face or a PIN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserVerification {
    /// It does where it can.
    #[default]
    Preferred,
    /// It must.
    Required,
}

/// A challenge of one ceremony. Keep it with the session that asked for a registration, and with nobody for an assertion.
/// Delete it with the first answer, whether that holds or not: it is single use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyChallenge {
    /// Random bytes (section 13.4.3).
    pub value: [u8; 32],
    /// From then on it is refused, and may be deleted.
    pub expires_at: UnixMs,
}

impl PasskeyChallenge {
    /// A challenge of random bytes, which can be answered for five minutes.
    #[must_use]
    pub const fn new(random: [u8; 32], now: UnixMs) -> Self {
        Self { value: random, expires_at: now.saturating_add_ms(CEREMONY_LIFETIME_MS) }
    }

    /// The bytes of a challenge as options and answers write it, in base 64.
    #[must_use]
    pub fn read(text: &str) -> Option<[u8; 32]> {
        (text.len() <= PART_CHARS_MAX).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?.try_into().ok()
    }

    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.value)
    }
}

/// What an answer is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Ceremony<'a> {
    /// The site.
    pub site: &'a Site,
    /// The challenge that was given out.
    pub challenge: &'a PasskeyChallenge,
    /// What was asked of the authenticator.
    pub verification: UserVerification,
    /// Whether the answer may come from a frame.
    pub frames: Frames<'a>,
}

/// A registered passkey, as a store keeps it: nothing that tells the model of the authenticator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its id. It is unique in a store: refuse to register one that is there (section 7.1, step 26).
    pub credential_id: Vec<u8>,
    /// Its public key.
    pub public_key: PublicKey,
    /// Its signature counter; zero where the authenticator has none.
    pub sign_count: u32,
    /// Whether it can be synchronised to other devices. It never changes.
    pub is_backup_eligible: bool,
    /// Whether it is.
    pub is_backed_up: bool,
}

/// What the signature counter says (section 6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// The authenticator has none. Most passkeys have none.
    Unused,
    /// It went on.
    Advanced,
    /// It did not: a sign that the key was copied, or that two answers crossed. The signature holds; tell the person.
    WentBack {
        /// What was stored.
        stored: u32,
        /// What came.
        came: u32,
    },
}

/// An assertion that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asserted {
    /// What the counter says.
    pub counter: Counter,
    /// The counter to store.
    pub sign_count: u32,
    /// Whether the passkey is synchronised now, to store.
    pub is_backed_up: bool,
    /// Whether the authenticator verified the person.
    pub is_user_verified: bool,
}

/// What `PublicKeyCredential.toJSON()` gives after a registration. What else it has is not read.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationAnswer {
    /// The credential's id, in base 64.
    pub id: String,
    /// The same again.
    pub raw_id: String,
    /// `public-key`.
    pub r#type: String,
    /// What came of it.
    pub response: AttestationResponse,
}

/// The part of a registration that the authenticator made.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttestationResponse {
    /// In base 64.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: String,
    /// In base 64.
    pub attestation_object: String,
}

/// What `PublicKeyCredential.toJSON()` gives after an assertion.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssertionAnswer {
    /// The credential's id, in base 64.
    pub id: String,
    /// The same again.
    pub raw_id: String,
    /// `public-key`.
    pub r#type: String,
    /// What came of it.
    pub response: AuthenticatorResponse,
}

/// The part of an assertion that the authenticator made.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorResponse {
    /// In base 64.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: String,
    /// In base 64.
    pub authenticator_data: String,
    /// In base 64.
    pub signature: String,
    /// The person's handle, in base 64, where the authenticator keeps it.
    #[serde(default)]
    pub user_handle: Option<String>,
}

impl RegistrationAnswer {
    /// The passkey that was registered.
    ///
    /// # Errors
    /// [`IdentityError::Passkey`], whose text is the same for every reason.
    pub fn verify(&self, ceremony: &Ceremony<'_>, now: UnixMs) -> Result<Passkey, IdentityError> {
        let id = credential_id(&self.id, &self.raw_id, &self.r#type)?;
        let client_data = part("clientDataJSON", &self.response.client_data_json)?;
        ceremony.check_client_data("webauthn.create", &client_data, now)?;
        let object = part("attestation object", &self.response.attestation_object)?;
        let data = AuthenticatorData::read(of_attestation_object(&object)?)?;
        ceremony.check_authenticator(&data)?;
        let malformed = passkey(PasskeyProblem::Malformed("attested credential data"));
        let (sign_count, is_backed_up) = (data.sign_count, data.is_backed_up());
        let is_backup_eligible = data.is_backup_eligible();
        let credential = data.credential.ok_or(malformed)?;
        if credential.id != id {
            return Err(passkey(PasskeyProblem::Credential));
        }
        Ok(Passkey { credential_id: id, public_key: credential.key, sign_count, is_backup_eligible, is_backed_up })
    }
}

impl AssertionAnswer {
    /// The id of the passkey that answers, to find it by. Nothing was checked yet.
    ///
    /// # Errors
    /// [`IdentityError::Passkey`] where it is none.
    pub fn credential_id(&self) -> Result<Vec<u8>, IdentityError> {
        credential_id(&self.id, &self.raw_id, &self.r#type)
    }

    /// Checks an assertion of a person's passkey.
    ///
    /// # Errors
    /// [`IdentityError::Passkey`], whose text is the same for every reason.
    pub fn verify(
        &self,
        stored: &Passkey,
        handle: &[u8],
        ceremony: &Ceremony<'_>,
        now: UnixMs,
    ) -> Result<Asserted, IdentityError> {
        let is_theirs = self.credential_id()? == stored.credential_id;
        let said = self.response.user_handle.as_deref().map(|said| part("user handle", said)).transpose()?;
        if !is_theirs || said.is_some_and(|said| said != handle) {
            return Err(passkey(PasskeyProblem::Credential));
        }
        let client_data = part("clientDataJSON", &self.response.client_data_json)?;
        ceremony.check_client_data("webauthn.get", &client_data, now)?;
        let bytes = part("authenticator data", &self.response.authenticator_data)?;
        let data = AuthenticatorData::read(&bytes)?;
        ceremony.check_authenticator(&data)?;
        if data.credential.is_some() {
            return Err(passkey(PasskeyProblem::Malformed("authenticator data")));
        }
        // Section 7.2, step 19.
        if data.is_backup_eligible() != stored.is_backup_eligible {
            return Err(passkey(PasskeyProblem::Backup));
        }
        // Section 7.2, steps 20 and 21.
        let signed = [bytes.as_slice(), Sha256::digest(&client_data).as_slice()].concat();
        if !stored.public_key.has_signed(&signed, &part("signature", &self.response.signature)?) {
            return Err(passkey(PasskeyProblem::Signature));
        }
        let counter = counter(stored.sign_count, data.sign_count);
        Ok(Asserted {
            counter,
            sign_count: data.sign_count.max(stored.sign_count),
            is_backed_up: data.is_backed_up(),
            is_user_verified: data.is_verified(),
        })
    }
}

impl Ceremony<'_> {
    fn check_client_data(&self, ceremony: &'static str, json: &[u8], now: UnixMs) -> Result<(), IdentityError> {
        if now >= self.challenge.expires_at {
            return Err(passkey(PasskeyProblem::Challenge));
        }
        let said = Said { ceremony, challenge: &self.challenge.value, site: self.site, frames: self.frames };
        client_data::check(json, &said)
    }

    /// Section 7.1, steps 13 to 18, and section 7.2, steps 15 to 18.
    fn check_authenticator(&self, data: &AuthenticatorData<'_>) -> Result<(), IdentityError> {
        let hash: [u8; 32] = Sha256::digest(self.site.id().as_bytes()).into();
        let is_for_us: bool = data.rp_id_hash.ct_eq(&hash).into();
        let problem = if !is_for_us {
            PasskeyProblem::RelyingParty
        } else if !data.is_present() {
            PasskeyProblem::NotPresent
        } else if self.verification == UserVerification::Required && !data.is_verified() {
            PasskeyProblem::NotVerified
        } else if data.is_backed_up() && !data.is_backup_eligible() {
            PasskeyProblem::Backup
        } else {
            return Ok(());
        };
        Err(passkey(problem))
    }
}

/// Section 7.2, step 22.
const fn counter(stored: u32, came: u32) -> Counter {
    match (stored, came) {
        (0, 0) => Counter::Unused,
        (stored, came) if came > stored => Counter::Advanced,
        (stored, came) => Counter::WentBack { stored, came },
    }
}

fn part(name: &'static str, text: &str) -> Result<Vec<u8>, IdentityError> {
    let decoded = (text.len() <= PART_CHARS_MAX).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten();
    decoded.ok_or(passkey(PasskeyProblem::Malformed(name)))
}

fn credential_id(id: &str, raw_id: &str, kind: &str) -> Result<Vec<u8>, IdentityError> {
    let malformed = passkey(PasskeyProblem::Malformed("credential id"));
    if id != raw_id || kind != PUBLIC_KEY {
        return Err(malformed);
    }
    let id = part("credential id", id)?;
    if id.is_empty() || id.len() > CREDENTIAL_ID_BYTES_MAX { Err(malformed) } else { Ok(id) }
}
