//! Codes by mail.

use super::limits::Action;
use super::{SignIn, SignInFault, seal};
use crate::accounts::check_address;
use crate::ports::fresh_id;
use opencredits_email::{Address, CodePurpose, SecretLetter};
use opencredits_identity::{
    CODE_LIFETIME_MS, Challenge, ChallengeId, CodeAnswer, OneTimeCode, Purpose, Verdict, check_code,
};
use opencredits_keys::Secret;
use opencredits_store::CodeChallenge;
use opencredits_units::UserId;
use std::net::IpAddr;

/// Draws of a code: one fails once in 10^29.
const DRAWS_MAX: usize = 4;
/// The refusal of a code, whatever is wrong with it.
const REFUSED: SignInFault = SignInFault::Refused { what: "code" };

/// A code that was mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentCode {
    /// The challenge that the code answers.
    pub challenge: ChallengeId,
    /// How long it can be answered, in ms.
    pub lifetime_ms: u64,
}

/// A code as a person sends it.
#[derive(Clone, Copy)]
pub(super) struct TypedCode<'a> {
    pub(super) challenge: &'a str,
    pub(super) typed: &'a str,
    /// The person who is signed in; nobody where it is to sign in.
    pub(super) user: Option<UserId>,
    pub(super) purpose: Purpose,
    pub(super) from: Option<IpAddr>,
}

/// A code that was right. Its attempt is taken, and it is not spent yet.
pub(super) struct RightCode {
    pub(super) id: u128,
    pub(super) address: Address,
}

impl SignIn {
    /// Mails a code to sign in to an address, whether there is an account or not.
    ///
    /// # Errors
    /// When the address is invalid, when there were too many attempts, or no mail can be sent.
    pub async fn send_code(&self, address: &str, from: Option<IpAddr>) -> Result<SentCode, SignInFault> {
        let address = read_address(address)?;
        self.admit(Action::SendCode, Some(address.as_str()), from).await?;
        self.mail_code(address, (Purpose::SignIn, None)).await
    }

    /// Mails a code for a purpose to the own address of a person who is signed in.
    ///
    /// # Errors
    /// When the person has no address, when there were too many attempts, or no mail can be sent.
    pub async fn send_code_to(&self, user: UserId, purpose: Purpose) -> Result<SentCode, SignInFault> {
        let email = self.tables.emails.email_of(user).await?.ok_or(SignInFault::NoAddress)?;
        let address = read_address(&email.address)?;
        self.admit(Action::SendCode, Some(address.as_str()), None).await?;
        self.mail_code(address, (purpose, Some(user))).await
    }

    /// Checks the code of a person who is signed in, and spends it.
    ///
    /// # Errors
    /// When it is not the code for this person and purpose, when it is too old or used, or there were too many attempts.
    pub async fn confirm(
        &self,
        user: UserId,
        purpose: Purpose,
        challenge: &str,
        typed: &str,
    ) -> Result<(), SignInFault> {
        let code = TypedCode { challenge, typed, user: Some(user), purpose, from: None };
        let right = self.examine_code(&code).await?;
        self.spend_code(&right).await
    }

    pub(super) async fn mail_code(
        &self,
        address: Address,
        (purpose, user): (Purpose, Option<UserId>),
    ) -> Result<SentCode, SignInFault> {
        let place = self.mails.place()?;
        let now = self.now();
        let id: ChallengeId = fresh_id(now, &*self.entropy);
        let code = (0..DRAWS_MAX).find_map(|_| OneTimeCode::draw(self.random())).ok_or(SignInFault::NoMail)?;
        let Challenge { digest, created_at, expires_at, attempts_left, is_used, .. } =
            Challenge::new(id, purpose, &code, &self.keys.hash, now);
        let record = CodeChallenge {
            id: id.bits(),
            purpose: purpose.name().to_owned(),
            digest,
            sealed_address: seal::seal(&self.keys.hash, id.bits(), &address),
            user,
            created_at,
            expires_at,
            attempts_left,
            is_used,
        };
        self.tables.challenges.add_challenge(&record).await?;
        place.send(address, SecretLetter::Code { code: code.reveal(), purpose: words(purpose) }, expires_at);
        Ok(SentCode { challenge: id, lifetime_ms: CODE_LIFETIME_MS })
    }

    /// Takes an attempt, and compares. What is wrong with a code is not told.
    pub(super) async fn examine_code(&self, code: &TypedCode<'_>) -> Result<RightCode, SignInFault> {
        // An id that cannot be read names no challenge; the same is done for it.
        let id: ChallengeId = code.challenge.parse().unwrap_or_default();
        let known = self.tables.challenges.challenge(id.bits()).await?;
        let address = known.and_then(|known| seal::open(&self.keys.hash, known.id, &known.sealed_address));
        self.admit(Action::Answer, address.as_ref().map(Address::as_str), code.from).await?;
        let now = self.now();
        let secret = Secret::new(code.typed);
        let answer = CodeAnswer { id, purpose: code.purpose, typed: &secret };
        // What cannot be a code costs no attempt.
        let taken = match OneTimeCode::read(code.typed) {
            Some(_) => self.tables.challenges.take_attempt(id.bits(), now).await?,
            None => None,
        };
        let is_theirs = taken.as_ref().is_some_and(|taken| taken.user == code.user);
        let mut challenge = taken.and_then(|taken| challenge_of(id, &taken));
        let verdict = check_code(challenge.as_mut(), &answer, &self.keys.hash, now);
        match address {
            Some(address) if verdict == Verdict::Accepted && is_theirs => Ok(RightCode { id: id.bits(), address }),
            _ => Err(REFUSED),
        }
    }

    /// Spends a code that was right; of several requests with one code this succeeds for one.
    pub(super) async fn spend_code(&self, right: &RightCode) -> Result<(), SignInFault> {
        if self.tables.challenges.spend_challenge(right.id).await? { Ok(()) } else { Err(REFUSED) }
    }

    /// Gives the attempt of a right code back, which can be used again.
    pub(super) async fn return_code(&self, right: &RightCode) -> Result<(), SignInFault> {
        Ok(self.tables.challenges.return_attempt(right.id).await?)
    }
}

/// Reads an address as somebody typed it. In small letters: mail servers heed no case, and two spellings are no two people.
pub(super) fn read_address(typed: &str) -> Result<Address, SignInFault> {
    Ok(check_address(&typed.trim().to_ascii_lowercase())?)
}

fn challenge_of(id: ChallengeId, record: &CodeChallenge) -> Option<Challenge> {
    Some(Challenge {
        id,
        purpose: Purpose::from_name(&record.purpose)?,
        digest: record.digest,
        created_at: record.created_at,
        expires_at: record.expires_at,
        attempts_left: record.attempts_left,
        is_used: record.is_used,
    })
}

/// What a mail says that its code is for.
const fn words(purpose: Purpose) -> CodePurpose {
    match purpose {
        Purpose::AddressOld => CodePurpose::AddressOld,
        Purpose::AddressNew => CodePurpose::AddressNew,
        Purpose::Export => CodePurpose::Export,
        Purpose::Correction => CodePurpose::Correction,
        Purpose::Deletion => CodePurpose::Deletion,
        Purpose::DeletionCancel => CodePurpose::DeletionCancel,
        Purpose::Restriction => CodePurpose::Restriction,
        Purpose::PasskeyAdd => CodePurpose::PasskeyAdd,
        Purpose::PasskeyRemove => CodePurpose::PasskeyRemove,
        _ => CodePurpose::SignIn,
    }
}
