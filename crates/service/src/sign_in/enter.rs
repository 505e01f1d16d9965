//! A proof becomes a session, and an address that nobody has a person.

use super::codes::{RightCode, TypedCode};
use super::links::HoldingLink;
use super::policy::SignUp;
use super::{SignIn, SignInFault};
use crate::accounts::NewUser;
use crate::ports::fresh_id;
use opencredits_email::Address;
use opencredits_identity::passkey::AssertionAnswer;
use opencredits_identity::{Purpose, Session, browser_name};
use opencredits_keys::{KeyDigest, SessionToken};
use opencredits_store::{SessionRecord, TermsAcceptance};
use opencredits_units::UserId;
use std::net::IpAddr;

/// Sessions of one person at most; with one more, those that were not used for longest end.
const SESSIONS_MAX: u32 = 100;

/// What somebody proves with that an account is theirs.
pub enum Proof<'a> {
    /// A code that was mailed.
    Code {
        /// The challenge that it answers.
        challenge: &'a str,
        /// What was typed.
        typed: &'a str,
    },
    /// A link that was mailed.
    Link(&'a str),
    /// A passkey.
    Passkey {
        /// The challenge, in base 64.
        challenge: &'a str,
        /// What the authenticator says.
        answer: &'a AssertionAnswer,
        /// The origin of the page that may show the checkout in a frame, where the passkey was asked for in it.
        embedder: Option<&'a str>,
    },
}

/// That a person agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accept<'a> {
    /// The version of the terms.
    pub terms: &'a str,
    /// Whether the person says to be at least 16 years old.
    pub age_16: bool,
}

/// The browser that somebody signs in with.
#[derive(Debug, Clone, Copy)]
pub struct Browser<'a> {
    /// Its network address, where it is known. It is kept only as long as the limits of attempts need it, and only as a
    /// keyed hash.
    pub from: Option<IpAddr>,
    /// What its `User-Agent` says.
    pub user_agent: &'a str,
    /// The session that it has.
    pub old: Option<KeyDigest>,
}

/// A session that began.
#[derive(Debug)]
pub struct Begun {
    /// The token, which is shown once.
    pub token: SessionToken,
    /// The session.
    pub session: SessionRecord,
    /// The address that was proven, or that the person has.
    pub email: Option<String>,
    /// Whether the person was made just now.
    pub is_new: bool,
}

/// A proof that holds and is not spent yet.
enum Proven {
    Code(RightCode),
    Link(HoldingLink),
    Passkey(UserId),
}

impl Proven {
    const fn address(&self) -> Option<&Address> {
        match self {
            Self::Code(right) => Some(&right.address),
            Self::Link(holding) => Some(&holding.address),
            Self::Passkey(_) => None,
        }
    }
}

impl SignIn {
    /// Signs somebody in. A new person, or one who has accepted older terms only, must accept those in force; where they
    /// did not, a code or a link is not spent.
    ///
    /// # Errors
    /// When the proof does not hold, when terms must be accepted, when there is no account and people do not make one
    /// themselves, or when there were too many attempts.
    pub async fn sign_in(
        &self,
        proof: &Proof<'_>,
        accept: Option<&Accept<'_>>,
        browser: &Browser<'_>,
    ) -> Result<Begun, SignInFault> {
        let proven = self.examine(proof, browser.from).await?;
        let known = match &proven {
            Proven::Passkey(user) => Some(*user),
            Proven::Code(RightCode { address, .. }) | Proven::Link(HoldingLink { address, .. }) => {
                self.tables.emails.user_by_email(address.as_str()).await?
            }
        };
        let accepted = match self.agreement(known, accept).await {
            Ok(accepted) => accepted,
            Err(fault) => {
                if let Proven::Code(right) = &proven {
                    self.return_code(right).await?;
                }
                return Err(fault);
            }
        };
        match &proven {
            Proven::Code(right) => self.spend_code(right).await?,
            Proven::Link(holding) => self.spend_link(holding).await?,
            Proven::Passkey(_) => {}
        }
        let (user, is_new) = match (known, proven.address()) {
            (Some(user), address) => (self.reached(user, address).await?, false),
            (None, Some(address)) => self.person_with(address).await?,
            (None, None) => return Err(SignInFault::Refused { what: "passkey" }),
        };
        if let Some(acceptance) = accepted {
            self.tables.standings.accept_terms(user, &acceptance).await?;
        }
        self.begin(user, is_new, browser).await
    }

    async fn examine(&self, proof: &Proof<'_>, from: Option<IpAddr>) -> Result<Proven, SignInFault> {
        match proof {
            Proof::Code { challenge, typed } => {
                let code = TypedCode { challenge, typed, user: None, purpose: Purpose::SignIn, from };
                self.examine_code(&code).await.map(Proven::Code)
            }
            Proof::Link(token) => self.examine_link(token, from).await.map(Proven::Link),
            Proof::Passkey { challenge, answer, embedder } => {
                self.examine_passkey((challenge, answer), *embedder, from).await.map(Proven::Passkey)
            }
        }
    }

    /// The acceptance to keep, where there is one; refused where one is needed and missing.
    async fn agreement(
        &self,
        known: Option<UserId>,
        accept: Option<&Accept<'_>>,
    ) -> Result<Option<TermsAcceptance>, SignInFault> {
        let version = &self.settings.terms_version;
        let has_accepted = match known {
            Some(user) => self.tables.standings.accepted_terms(user).await?.iter().any(|old| old.version == *version),
            None if self.settings.sign_up == SignUp::Closed => return Err(SignInFault::SignUpClosed),
            None => false,
        };
        if has_accepted {
            return Ok(None);
        }
        match accept {
            Some(accept) if accept.terms == version && accept.age_16 => {
                Ok(Some(TermsAcceptance { version: version.clone(), is_of_age: true, accepted_at: self.now() }))
            }
            _ => Err(SignInFault::TermsRequired { version: version.clone() }),
        }
    }

    /// A person whose mail was read: an address that was flagged takes mail again.
    async fn reached(&self, user: UserId, address: Option<&Address>) -> Result<UserId, SignInFault> {
        if address.is_some()
            && let Some(email) = self.tables.emails.email_of(user).await?
            && email.bounced_at.is_some()
        {
            self.tables.emails.set_email(user, &email.address).await?;
        }
        Ok(user)
    }

    /// The person with this address, who is made where there is none; and whether that was done.
    async fn person_with(&self, address: &Address) -> Result<(UserId, bool), SignInFault> {
        let _one = self.addressing.lock().await;
        if let Some(user) = self.tables.emails.user_by_email(address.as_str()).await? {
            return Ok((user, false));
        }
        let label = format!("person {:024x}", u128::from_be_bytes(self.random()) >> 32_u32);
        let user = self.accounts.add_user(NewUser { id: None, label }).await?;
        self.tables.emails.set_email(user.id, address.as_str()).await?;
        Ok((user.id, true))
    }

    async fn begin(&self, user: UserId, is_new: bool, browser: &Browser<'_>) -> Result<Begun, SignInFault> {
        let now = self.now();
        let begun = Session::begin(user, browser_name(browser.user_agent), browser.old, self.random(), now);
        let session = SessionRecord {
            id: fresh_id(now, &*self.entropy),
            digest: begun.session.digest,
            user,
            browser: begun.session.browser.to_string(),
            created_at: now,
            used_at: now,
            ended_at: None,
        };
        self.tables.sessions.begin_session(&session, begun.replaces.as_ref(), SESSIONS_MAX).await?;
        tracing::info!(%user, session = %session.id, is_new, "signed in");
        let email = self.tables.emails.email_of(user).await?.map(|email| email.address);
        Ok(Begun { token: begun.token, session, email, is_new })
    }
}
