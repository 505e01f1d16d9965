//! Signing in: challenges, links, attempts, sessions, passkeys, accepted terms, roles: records and ports.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{Id, IdKind, UnixMs, UserId};

/// The kind of a [`SessionId`].
pub enum SessionKind {}

impl IdKind for SessionKind {
    const PREFIX: &'static str = "ses";
}

/// Names a session to the person whose it is. It is no secret: the token is.
pub type SessionId = Id<SessionKind>;

/// The kind of a [`PasskeyId`].
pub enum PasskeyKind {}

impl IdKind for PasskeyKind {
    const PREFIX: &'static str = "psk";
}

/// Names a passkey to the person whose it is.
pub type PasskeyId = Id<PasskeyKind>;

/// A mailed code, by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge {
    /// The bits of its id.
    pub id: u128,
    /// What the code permits.
    pub purpose: String,
    /// The keyed hash of the code.
    pub digest: KeyDigest,
    /// The address that the code was mailed to, sealed.
    pub sealed_address: Vec<u8>,
    /// The signed-in person who asked for it; none for signing in.
    pub user: Option<UserId>,
    /// The time of its making.
    pub created_at: UnixMs,
    /// From then on it is refused.
    pub expires_at: UnixMs,
    /// The wrong codes that it still takes.
    pub attempts_left: u8,
    /// Whether it was answered.
    pub is_used: bool,
}

/// Codes that were mailed. A code is tried in two steps, each atomic: an attempt is taken before the code is looked at,
/// and the challenge is spent before anything is done on it.
#[async_trait]
pub trait CodeChallenges: Send + Sync {
    /// Adds a challenge; no other has its id, and its person exists.
    async fn add_challenge(&self, challenge: &CodeChallenge) -> Result<(), StoreError>;
    /// A challenge.
    async fn challenge(&self, id: u128) -> Result<Option<CodeChallenge>, StoreError>;
    /// Takes one of the attempts that are left, where the challenge is not used nor over; returns it as it was before.
    async fn take_attempt(&self, id: u128, now: UnixMs) -> Result<Option<CodeChallenge>, StoreError>;
    /// Gives an attempt back whose code was right and was not used.
    async fn return_attempt(&self, id: u128) -> Result<(), StoreError>;
    /// Marks a challenge as used, once; returns whether this call did it.
    async fn spend_challenge(&self, id: u128) -> Result<bool, StoreError>;
}

/// Links that were mailed.
#[async_trait]
pub trait MailedLinks: Send + Sync {
    /// Keeps the sealed address that a link was mailed to.
    async fn add_mailed_link(&self, id: u128, sealed: &[u8], expires_at: UnixMs) -> Result<(), StoreError>;
    /// The sealed address of a link.
    async fn mailed_link(&self, id: u128) -> Result<Option<Vec<u8>>, StoreError>;
    /// Whether a link with this nonce was spent.
    async fn is_link_spent(&self, nonce: &[u8; 16]) -> Result<bool, StoreError>;
    /// Spends the link with this nonce, once; returns whether this call did it.
    async fn spend_link(&self, nonce: &[u8; 16], expires_at: UnixMs) -> Result<bool, StoreError>;
}

/// A change of an attempt bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketChange {
    /// The keyed hash that names it.
    pub key: [u8; 16],
    /// The record as it was read; none for one that is absent.
    pub from: Option<[u8; 16]>,
    /// The record to store.
    pub to: [u8; 16],
    /// When it is full again, and may be deleted.
    pub is_full_at: UnixMs,
}

/// Attempts that were made.
#[async_trait]
pub trait AttemptBuckets: Send + Sync {
    /// The records of these buckets, in their order; none for one that is absent.
    async fn buckets(&self, keys: &[[u8; 16]]) -> Result<Vec<Option<[u8; 16]>>, StoreError>;
    /// Stores all changes, or none where one of the records is not as it was read; returns which.
    async fn put_buckets(&self, changes: &[BucketChange]) -> Result<bool, StoreError>;
}

/// A signed-in browser; the token is not a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// What its person knows it by.
    pub id: SessionId,
    /// The digest of its token.
    pub digest: KeyDigest,
    /// Whose it is.
    pub user: UserId,
    /// The browser and its system, in words.
    pub browser: String,
    /// When it began.
    pub created_at: UnixMs,
    /// When it was used last, as far as that was written.
    pub used_at: UnixMs,
    /// When it was ended, if it was.
    pub ended_at: Option<UnixMs>,
}

/// Which sessions are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionsOf {
    /// One of a person's.
    One(UserId, SessionId),
    /// All of a person's but one.
    Others(UserId, SessionId),
    /// All of a person's.
    All(UserId),
}

/// Sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Adds a session, and ends the one with the digest `replaces`. Of the person's sessions that have not ended the most
    /// recently used `max` stay, and the others are ended.
    async fn begin_session(
        &self,
        session: &SessionRecord,
        replaces: Option<&KeyDigest>,
        max: u32,
    ) -> Result<(), StoreError>;
    /// The session with this digest, ended or not.
    async fn session(&self, digest: &KeyDigest) -> Result<Option<SessionRecord>, StoreError>;
    /// A person's sessions that were not ended, the most recently used first.
    async fn sessions_of(&self, user: UserId) -> Result<Vec<SessionRecord>, StoreError>;
    /// Writes the last use of a session that was not ended, unless a later one is written.
    async fn touch_session(&self, id: SessionId, used_at: UnixMs) -> Result<(), StoreError>;
    /// Ends sessions that were not ended; returns how many.
    async fn end_sessions(&self, which: SessionsOf, now: UnixMs) -> Result<u64, StoreError>;
}

/// A registered passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// What its person knows it by.
    pub id: PasskeyId,
    /// Its id at the authenticator.
    pub credential_id: Vec<u8>,
    /// Whose it is.
    pub user: UserId,
    /// The person's name for it.
    pub name: String,
    /// Its public key, in COSE's form.
    pub public_key: Vec<u8>,
    /// Its signature counter.
    pub sign_count: u32,
    /// Whether it can be synchronised.
    pub is_backup_eligible: bool,
    /// Whether it is.
    pub is_backed_up: bool,
    /// When it was registered.
    pub created_at: UnixMs,
    /// When it was used last.
    pub used_at: Option<UnixMs>,
}

/// A use of a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasskeyUse {
    /// The passkey.
    pub id: PasskeyId,
    /// The counter as it was read.
    pub from_count: u32,
    /// The counter to store.
    pub to_count: u32,
    /// Whether it is synchronised now.
    pub is_backed_up: bool,
    /// The time of the use.
    pub at: UnixMs,
}

/// Passkeys, and the challenges of their ceremonies.
#[async_trait]
pub trait Passkeys: Send + Sync {
    /// Keeps a challenge, for the person who registers one or for nobody.
    async fn add_passkey_challenge(
        &self,
        value: &[u8; 32],
        user: Option<UserId>,
        expires_at: UnixMs,
    ) -> Result<(), StoreError>;
    /// Takes a challenge of this person, or of nobody, away; returns its expiry, or nothing where there is none.
    async fn take_passkey_challenge(
        &self,
        value: &[u8; 32],
        user: Option<UserId>,
    ) -> Result<Option<UnixMs>, StoreError>;
    /// Adds a passkey; no other has its id or its credential's, and its person has fewer than `max`. Returns whether it was
    /// added.
    async fn add_passkey(&self, passkey: &PasskeyRecord, max: u32) -> Result<bool, StoreError>;
    /// The passkey with this id at its authenticator.
    async fn passkey(&self, credential_id: &[u8]) -> Result<Option<PasskeyRecord>, StoreError>;
    /// A person's passkeys, by their registration.
    async fn passkeys_of(&self, user: UserId) -> Result<Vec<PasskeyRecord>, StoreError>;
    /// Writes a use, where the counter is as it was read; returns whether it was.
    async fn use_passkey(&self, used: &PasskeyUse) -> Result<bool, StoreError>;
    /// Gives a person's passkey another name; returns whether it is there.
    async fn rename_passkey(&self, user: UserId, id: PasskeyId, name: &str) -> Result<bool, StoreError>;
    /// Removes a person's passkey; returns whether it was there.
    async fn remove_passkey(&self, user: UserId, id: PasskeyId) -> Result<bool, StoreError>;
}

/// A person's agreement to a version of the terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsAcceptance {
    /// The version.
    pub version: String,
    /// Whether the person said to be old enough.
    pub is_of_age: bool,
    /// When.
    pub accepted_at: UnixMs,
}

/// What a person may do besides using their account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    #[default]
    None,
    /// See and use the operator's pages.
    Operator,
}

impl Role {
    /// Its name in a store and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Operator => "operator",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::None, Self::Operator].into_iter().find(|role| role.name() == name)
    }
}

/// Accepted terms and roles.
#[async_trait]
pub trait Standings: Send + Sync {
    /// Keeps an acceptance; the first one of a version stays.
    async fn accept_terms(&self, user: UserId, acceptance: &TermsAcceptance) -> Result<(), StoreError>;
    /// Every acceptance of a person, by time.
    async fn accepted_terms(&self, user: UserId) -> Result<Vec<TermsAcceptance>, StoreError>;
    /// The role of a person.
    async fn role_of(&self, user: UserId) -> Result<Role, StoreError>;
    /// Sets the role of a person, who exists.
    async fn set_role(&self, user: UserId, role: Role) -> Result<(), StoreError>;
}

/// Moments before which records of signing in are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityEnds {
    /// Now: challenges and links that expired, and buckets that are full.
    pub now: UnixMs,
    /// Sessions that were not used since.
    pub used_before: UnixMs,
    /// Sessions that began before.
    pub begun_before: UnixMs,
    /// Sessions that were ended before.
    pub ended_before: UnixMs,
}

/// How many records were deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IdentityDeleted {
    /// Challenges of codes and of passkeys.
    pub challenges: u64,
    /// Links, and nonces of spent ones.
    pub links: u64,
    /// Buckets of attempts.
    pub buckets: u64,
    /// Sessions.
    pub sessions: u64,
}

impl IdentityDeleted {
    /// All together.
    #[must_use]
    pub const fn sum(self) -> u64 {
        self.challenges.saturating_add(self.links).saturating_add(self.buckets).saturating_add(self.sessions)
    }
}

/// Deletes what is over.
#[async_trait]
pub trait IdentityRetention: Send + Sync {
    /// Deletes some rows of each kind at most.
    async fn delete_identity(&self, ends: IdentityEnds) -> Result<IdentityDeleted, StoreError>;
}
