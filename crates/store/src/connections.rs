//! What apps got of people: codes, token families, device requests, and the keys that came of them.

use crate::identity::SessionId;
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::KeyDigest;
use opencredits_units::{Id, IdKind, KeyId, NanoUsd, PartnerId, UnixMs, UserId};

/// The kind of a [`GrantId`].
pub enum GrantKind {}

impl IdKind for GrantKind {
    const PREFIX: &'static str = "fam";
}

/// Names what one consent has issued: its token family.
pub type GrantId = Id<GrantKind>;

/// What a person agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    /// Whose client it is: a publishable key, or the callback of nobody who is registered.
    pub client_id: String,
    /// Who agreed.
    pub user: UserId,
    /// To what.
    pub scopes: Vec<String>,
    /// At which resources.
    pub resources: Vec<String>,
}

/// What a code is exchanged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeGives {
    /// An access token and a refresh token.
    Tokens,
    /// A key that lasts.
    Key,
}

/// An authorization code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRecord {
    /// Its digest.
    pub digest: KeyDigest,
    /// What was agreed to.
    pub consent: ConsentRecord,
    /// Where it was sent.
    pub redirect_url: String,
    /// The PKCE challenge.
    pub challenge: [u8; 32],
    /// What is issued for it.
    pub family: GrantId,
    /// What it is exchanged for.
    pub gives: CodeGives,
    /// What the key of an unregistered app may spend.
    pub cap: Option<NanoUsd>,
    /// From then on it is refused.
    pub expires_at: UnixMs,
    /// When it was presented.
    pub used_at: Option<UnixMs>,
}

/// A token family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyRecord {
    /// Its id.
    pub id: GrantId,
    /// What was agreed to.
    pub consent: ConsentRecord,
    /// The refresh tokens that may be used.
    pub current: Vec<KeyDigest>,
    /// The token that those have replaced, and when it was used first.
    pub replaced: Option<(KeyDigest, UnixMs)>,
    /// When the person agreed.
    pub created_at: UnixMs,
    /// When it was refreshed last.
    pub refreshed_at: UnixMs,
    /// When it ends if it is not refreshed any more.
    pub ends_at: UnixMs,
    /// When it was revoked.
    pub revoked_at: Option<UnixMs>,
    /// How often it has changed.
    pub version: u64,
}

/// Where a device's request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceStanding {
    /// Nobody has decided.
    Pending,
    /// A person agreed.
    Approved {
        /// Who.
        user: UserId,
        /// What is issued.
        family: GrantId,
    },
    /// A person refused.
    Denied,
    /// The tokens were handed out.
    Redeemed {
        /// What was issued.
        family: GrantId,
    },
}

/// A device's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The digest of the device code.
    pub digest: KeyDigest,
    /// The keyed hash of the user code.
    pub user_code: KeyDigest,
    /// Whose terminal it is.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// For which resources.
    pub resources: Vec<String>,
    /// From then on it is refused.
    pub expires_at: UnixMs,
    /// How long the terminal waits between two questions, in milliseconds.
    pub interval_ms: u64,
    /// When it asked last.
    pub polled_at: Option<UnixMs>,
    /// Where it stands.
    pub standing: DeviceStanding,
    /// How often it has changed.
    pub version: u64,
}

/// How an app got a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedKey {
    /// The key.
    pub key: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// Whose client got it.
    pub client_id: String,
    /// The token family that it is the access token of, or the consent that its code came of.
    pub family: Option<GrantId>,
    /// The session that asked, where the key was made on a page of ours.
    pub session: Option<SessionId>,
    /// At which resources it may be used; none for all of ours.
    pub resources: Vec<String>,
}

/// Codes and token families.
#[async_trait]
pub trait TokenGrants: Send + Sync {
    /// Adds a code; no other has its digest or family, and its person exists.
    async fn add_code(&self, code: &CodeRecord) -> Result<(), StoreError>;
    /// The code with this digest, used or not.
    async fn code(&self, digest: &KeyDigest) -> Result<Option<CodeRecord>, StoreError>;
    /// Marks a code as used, and begins a family in the same step where one is given. Returns whether it was unused; otherwise
    /// nothing changes.
    async fn use_code(&self, digest: &KeyDigest, now: UnixMs, begun: Option<&FamilyRecord>)
    -> Result<bool, StoreError>;
    /// A family, revoked or not.
    async fn family(&self, id: GrantId) -> Result<Option<FamilyRecord>, StoreError>;
    /// The family that ever had the refresh token with this digest.
    async fn family_of_token(&self, digest: &KeyDigest) -> Result<Option<FamilyRecord>, StoreError>;
    /// Writes a family whose version is still the one of `family`, which becomes one more. Returns whether it was.
    async fn update_family(&self, family: &FamilyRecord) -> Result<bool, StoreError>;
    /// Revokes a family, once, and returns the keys that it has issued.
    async fn revoke_family(&self, id: GrantId, now: UnixMs) -> Result<Vec<KeyId>, StoreError>;
    /// Ends everything that a person agreed to at a partner and that was not a key yet: codes, families, device requests.
    async fn end_grants(&self, user: UserId, partner: PartnerId, now: UnixMs) -> Result<(), StoreError>;
}

/// Device requests.
#[async_trait]
pub trait DeviceRequests: Send + Sync {
    /// Adds a request, unless its client has `open_max` that are not over at `now`. Returns whether it was added; no other has
    /// its digest or its user code.
    async fn add_device(&self, device: &DeviceRecord, now: UnixMs, open_max: u32) -> Result<bool, StoreError>;
    /// The request with this device code.
    async fn device(&self, digest: &KeyDigest) -> Result<Option<DeviceRecord>, StoreError>;
    /// The request with this user code.
    async fn device_by_user_code(&self, user_code: &KeyDigest) -> Result<Option<DeviceRecord>, StoreError>;
    /// Writes a request whose version is still the one of `device`, which becomes one more, and begins a family in the same
    /// step where one is given. Returns whether it was; otherwise nothing changes.
    async fn update_device(&self, device: &DeviceRecord, begun: Option<&FamilyRecord>) -> Result<bool, StoreError>;
}

/// The keys that apps got.
#[async_trait]
pub trait ConnectedKeys: Send + Sync {
    /// Adds the record of a key that exists, unless its family was revoked. Returns whether it was added.
    async fn connect_key(&self, connected: &ConnectedKey) -> Result<bool, StoreError>;
    /// How a key came to an app.
    async fn connected_key(&self, key: KeyId) -> Result<Option<ConnectedKey>, StoreError>;
    /// The keys of a person that apps got and that are not revoked, by key, each with the end of its family where that lasts at
    /// `now`.
    async fn connected_keys_of(
        &self,
        user: UserId,
        now: UnixMs,
    ) -> Result<Vec<(ConnectedKey, Option<UnixMs>)>, StoreError>;
    /// Sets at which resources a key may be used, where it is an app's.
    async fn set_resources(&self, key: KeyId, resources: &[String]) -> Result<(), StoreError>;
    /// The keys that a family has issued, by key.
    async fn keys_of_family(&self, family: GrantId) -> Result<Vec<KeyId>, StoreError>;
    /// The text of each publishable key in force that has this redirect URL, to the letter.
    async fn clients_with_redirect(&self, url: &str) -> Result<Vec<String>, StoreError>;
}

/// What a person has agreed to and not seen end, for them to read.
#[async_trait]
pub trait AgreedGrants: Send + Sync {
    /// At most `max` codes that came of a person's consents, by family, those above `after`.
    async fn codes_of(&self, user: UserId, after: GrantId, max: u32) -> Result<Vec<CodeRecord>, StoreError>;
    /// At most `max` token families of a person, by id, those above `after`.
    async fn families_of(&self, user: UserId, after: GrantId, max: u32) -> Result<Vec<FamilyRecord>, StoreError>;
    /// At most `max` requests of devices that a person has agreed to, by family, those above `after`.
    async fn devices_of(&self, user: UserId, after: GrantId, max: u32) -> Result<Vec<DeviceRecord>, StoreError>;
}
