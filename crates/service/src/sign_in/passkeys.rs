//! Passkeys: a second way in, registered after the first sign-in.

use super::limits::Action;
use super::{SignIn, SignInFault};
use crate::ports::fresh_id;
use opencredits_identity::passkey::{
    AssertionAnswer, Ceremony, Counter, CreationOptions, Frames, Passkey, PasskeyChallenge, PublicKey,
    RegistrationAnswer, RequestOptions, Site, UserVerification,
};
use opencredits_identity::{IdentityError, Purpose};
use opencredits_store::{PasskeyId, PasskeyRecord, PasskeyUse, SessionRecord, StoreError};
use opencredits_units::UserId;
use std::net::IpAddr;

/// Passkeys of one person at most.
const PASSKEYS_MAX: u32 = 20;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 100;
/// How long after a sign-in a passkey is added without a code, in ms.
const FRESH_MS: u64 = 600_000;
/// Sets handles apart from other hashes under the same key.
const HANDLE_LABEL: &[u8] = b"opencredits passkey handle v1";
/// The refusal of a passkey, whatever is wrong with it.
const REFUSED: SignInFault = SignInFault::Refused { what: "passkey" };

/// What shows that the person is there, and not only their session.
#[derive(Debug, Clone, Copy)]
pub enum Fresh<'a> {
    /// That they signed in just now.
    Session(&'a SessionRecord),
    /// A code: its challenge, and what was typed.
    Code(&'a str, &'a str),
}

impl SignIn {
    /// Options for a browser to make a passkey for a person.
    ///
    /// # Errors
    /// When passkeys cannot be used at the public URL, when the person has too many, or the store fails.
    pub async fn passkey_creation(&self, user: UserId) -> Result<CreationOptions, SignInFault> {
        let site = self.settings.site()?;
        let challenge = PasskeyChallenge::new(self.random(), self.now());
        let existing: Vec<Passkey> = self.passkeys_of(user).await?.iter().filter_map(passkey_of).collect();
        let name = self.tables.emails.email_of(user).await?.map(|email| email.address).unwrap_or_default();
        let (handle, site_name) = (self.handle(user), self.settings.site_name.as_str());
        let options = CreationOptions::new(
            (&site, site_name),
            (&handle, &name),
            &challenge,
            &existing,
            UserVerification::Required,
        )?;
        self.tables.passkeys.add_passkey_challenge(&challenge.value, Some(user), challenge.expires_at).await?;
        Ok(options)
    }

    /// Registers a passkey that a browser has made.
    ///
    /// # Errors
    /// When the person signed in long ago and sends no right code, when the answer does not hold, or the store fails.
    pub async fn register_passkey(
        &self,
        user: UserId,
        (challenge, answer): (&str, &RegistrationAnswer),
        (name, fresh): (&str, Fresh<'_>),
    ) -> Result<PasskeyRecord, SignInFault> {
        let site = self.settings.site()?;
        let name = read_name(name)?;
        self.check_fresh(user, fresh, Purpose::PasskeyAdd).await?;
        let challenge = self.take_challenge(challenge, Some(user)).await?;
        let now = self.now();
        let passkey = answer.verify(&ceremony(&site, &challenge), now).map_err(refused)?;
        let record = PasskeyRecord {
            id: fresh_id(now, &*self.entropy),
            credential_id: passkey.credential_id,
            user,
            name,
            public_key: passkey.public_key.as_cose().to_vec(),
            sign_count: passkey.sign_count,
            is_backup_eligible: passkey.is_backup_eligible,
            is_backed_up: passkey.is_backed_up,
            created_at: now,
            used_at: None,
        };
        match self.tables.passkeys.add_passkey(&record, PASSKEYS_MAX).await {
            Ok(true) => Ok(record),
            Ok(false) => {
                Err(IdentityError::Malformed { field: "passkeys", rule: "be fewer than 20; remove one" }.into())
            }
            // Section 7.1, step 26: no two registrations of one credential.
            Err(StoreError::Exists) => Err(REFUSED),
            Err(error) => Err(error.into()),
        }
    }

    /// Options for a browser to sign in with any passkey for the site.
    ///
    /// # Errors
    /// When passkeys cannot be used at the public URL, when there were too many attempts, or the store fails.
    pub async fn passkey_request(&self, from: Option<IpAddr>) -> Result<RequestOptions, SignInFault> {
        let site = self.settings.site()?;
        self.admit(Action::AskPasskey, None, from).await?;
        let challenge = PasskeyChallenge::new(self.random(), self.now());
        self.tables.passkeys.add_passkey_challenge(&challenge.value, None, challenge.expires_at).await?;
        Ok(RequestOptions::new(&site, &challenge, &[], UserVerification::Required))
    }

    /// The person whose passkey this answer is of. Its challenge is used up, whether the answer holds or not.
    pub(super) async fn examine_passkey(
        &self,
        (challenge, answer): (&str, &AssertionAnswer),
        embedder: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<UserId, SignInFault> {
        let site = self.settings.site()?;
        self.admit(Action::Answer, None, from).await?;
        let challenge = self.take_challenge(challenge, None).await?;
        let credential = answer.credential_id().map_err(refused)?;
        let record = self.tables.passkeys.passkey(&credential).await?.ok_or(REFUSED)?;
        let stored = passkey_of(&record).ok_or(StoreError::Damaged { table: "passkeys" })?;
        let now = self.now();
        let pages = embedder.map(|origin| [origin]);
        let frames = pages.as_ref().map_or(Frames::Refused, |pages| Frames::Within(pages));
        let ceremony = Ceremony { frames, ..ceremony(&site, &challenge) };
        let asserted = answer.verify(&stored, &self.handle(record.user), &ceremony, now).map_err(refused)?;
        if let Counter::WentBack { stored, came } = asserted.counter {
            tracing::warn!(passkey = %record.id, stored, came, "a passkey's counter went back: it may have been copied");
        }
        let used = PasskeyUse {
            id: record.id,
            from_count: record.sign_count,
            to_count: asserted.sign_count,
            is_backed_up: asserted.is_backed_up,
            at: now,
        };
        // Another answer of the same passkey was quicker: this one is not told apart from a copy.
        if self.tables.passkeys.use_passkey(&used).await? { Ok(record.user) } else { Err(REFUSED) }
    }

    /// A person's passkeys, by their registration.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn passkeys_of(&self, user: UserId) -> Result<Vec<PasskeyRecord>, SignInFault> {
        Ok(self.tables.passkeys.passkeys_of(user).await?)
    }

    /// Gives a person's passkey another name.
    ///
    /// # Errors
    /// When the name is empty or too long, when there is no such passkey, or the store fails.
    pub async fn rename_passkey(&self, user: UserId, id: PasskeyId, name: &str) -> Result<(), SignInFault> {
        let name = read_name(name)?;
        let is_there = self.tables.passkeys.rename_passkey(user, id, &name).await?;
        if is_there { Ok(()) } else { Err(SignInFault::NoSuch { what: "passkey" }) }
    }

    /// Removes a person's passkey, for which a code is needed.
    ///
    /// # Errors
    /// When the code is not right, when there is no such passkey, or the store fails.
    pub async fn remove_passkey(
        &self,
        user: UserId,
        id: PasskeyId,
        (challenge, typed): (&str, &str),
    ) -> Result<(), SignInFault> {
        self.confirm(user, Purpose::PasskeyRemove, challenge, typed).await?;
        let is_there = self.tables.passkeys.remove_passkey(user, id).await?;
        if is_there { Ok(()) } else { Err(SignInFault::NoSuch { what: "passkey" }) }
    }

    /// A session alone, which may be stolen, adds nothing that outlives it.
    async fn check_fresh(&self, user: UserId, fresh: Fresh<'_>, purpose: Purpose) -> Result<(), SignInFault> {
        match fresh {
            Fresh::Session(session) if self.now().ms_since(session.created_at) < FRESH_MS => Ok(()),
            Fresh::Session(_) => Err(SignInFault::Refused { what: "code" }),
            Fresh::Code(challenge, typed) => self.confirm(user, purpose, challenge, typed).await,
        }
    }

    async fn take_challenge(&self, text: &str, user: Option<UserId>) -> Result<PasskeyChallenge, SignInFault> {
        let value = PasskeyChallenge::read(text).ok_or(REFUSED)?;
        let expires_at = self.tables.passkeys.take_passkey_challenge(&value, user).await?.ok_or(REFUSED)?;
        Ok(PasskeyChallenge { value, expires_at })
    }

    /// What authenticators know a person by: it tells nothing, and the same person always has the same.
    fn handle(&self, user: UserId) -> [u8; 32] {
        self.keys.hash.hash(&[HANDLE_LABEL, &user.bits().to_be_bytes()])
    }
}

/// Within no frame of another site.
const fn ceremony<'a>(site: &'a Site, challenge: &'a PasskeyChallenge) -> Ceremony<'a> {
    Ceremony { site, challenge, verification: UserVerification::Required, frames: Frames::Refused }
}

/// The reason is for the log of somebody who looks for it; the person is told one sentence.
fn refused(error: IdentityError) -> SignInFault {
    tracing::debug!(?error, "a passkey is refused");
    REFUSED
}

fn passkey_of(record: &PasskeyRecord) -> Option<Passkey> {
    Some(Passkey {
        credential_id: record.credential_id.clone(),
        public_key: PublicKey::from_cose(&record.public_key).ok()?,
        sign_count: record.sign_count,
        is_backup_eligible: record.is_backup_eligible,
        is_backed_up: record.is_backed_up,
    })
}

fn read_name(name: &str) -> Result<String, SignInFault> {
    let name = name.trim();
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        let rule = "have 1 to 100 bytes and no control characters";
        return Err(IdentityError::Malformed { field: "the name of a passkey", rule }.into());
    }
    Ok(name.to_owned())
}
