//! What people ask of their data, and what operators may know of it: records and ports.

use crate::mail::MailId;
use crate::records::AuditRecord;
use crate::sealing::{AddressKeyUse, Resealed};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{EntryId, UnixMs, UserId};

/// The encryption of addresses with the newest key.
#[async_trait]
pub trait AddressRotation: Send + Sync {
    /// Which keys have encrypted how many addresses.
    async fn address_key_use(&self) -> Result<AddressKeyUse, StoreError>;
    /// Encrypts at most `max` addresses with the newest key that are not, by person, those above `after`; returns the last
    /// person, and none at the end. Without a key it does nothing.
    async fn reseal(&self, after: UserId, max: u32) -> Result<(Resealed, Option<UserId>), StoreError>;
    /// Writes the files anew, without what was deleted. Everything else waits meanwhile.
    async fn compact(&self) -> Result<(), StoreError>;
}

/// What a person has asked for about their data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PrivacyState {
    /// Since when nothing is done with their data but to store it.
    pub restricted_at: Option<UnixMs>,
    /// Since when they get no notices other than required ones.
    pub objected_at: Option<UnixMs>,
    /// When they asked for the deletion of their account.
    pub deletion_asked_at: Option<UnixMs>,
    /// When the account is deleted.
    pub deletion_due_at: Option<UnixMs>,
    /// When the account was deleted.
    pub erased_at: Option<UnixMs>,
}

impl PrivacyState {
    /// Whether keys rest and nothing can be bought: the person is restricted, leaving, or has left.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.restricted_at.is_some() || self.deletion_due_at.is_some() || self.erased_at.is_some()
    }
}

/// What an erasure deletes, and what stays under the opaque id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Whether there is an address.
    pub has_address: bool,
    /// Keys that are not revoked.
    pub keys: u64,
    /// Management keys.
    pub management_keys: u64,
    /// Applications for a partner.
    pub applications: u64,
    /// Partners that the person runs.
    pub partners: u64,
    /// Orders, which stay.
    pub orders: u64,
    /// Orders that may still be paid.
    pub open_orders: u64,
}

/// A mail to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailTold {
    /// The id.
    pub id: MailId,
    /// The kind.
    pub kind: String,
    /// The time of its making.
    pub created_at: UnixMs,
    /// When it was sent.
    pub sent_at: Option<UnixMs>,
    /// When it was given up.
    pub failed_at: Option<UnixMs>,
}

/// What people have asked for about their data.
#[async_trait]
pub trait PrivacyStates: Send + Sync {
    /// The state of a person; the empty one where nothing was asked for.
    async fn privacy_of(&self, user: UserId) -> Result<PrivacyState, StoreError>;
    /// Stores the state of a person, who exists.
    async fn set_privacy(&self, user: UserId, state: &PrivacyState) -> Result<(), StoreError>;
    /// At most `max` people whose deletion is due at `now`, the longest due first.
    async fn due_deletions(&self, now: UnixMs, max: u32) -> Result<Vec<UserId>, StoreError>;
    /// What is held of a person.
    async fn footprint(&self, user: UserId) -> Result<Footprint, StoreError>;
    /// Deletes everything that tells who a person is, in one step. What stays belongs to the opaque id: the account's number,
    /// ids of keys, orders.
    async fn erase(&self, user: UserId, now: UnixMs) -> Result<(), StoreError>;
    /// At most `max` records of changes about a person or by them, by id, those above `after`.
    async fn audits_of(&self, user: UserId, after: EntryId, max: u32) -> Result<Vec<AuditRecord>, StoreError>;
    /// At most `max` mails to a person, by id, those above `after`.
    async fn mails_of(&self, user: UserId, after: MailId, max: u32) -> Result<Vec<MailTold>, StoreError>;
    /// What is held, by kind.
    async fn holdings(&self) -> Result<Vec<Holding>, StoreError>;
}

/// The rows of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The kind.
    pub kind: &'static str,
    /// The number of rows.
    pub rows: u64,
    /// The time of the oldest, where rows have times.
    pub oldest: Option<UnixMs>,
    /// The setting that bounds their age; nothing where something else does.
    pub setting: Option<&'static str>,
    /// How long they are kept where no setting says so.
    pub kept: &'static str,
}

/// A published version of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// The version.
    pub version: String,
    /// From when on it holds.
    pub effective_at: UnixMs,
    /// What changes, in a sentence or two.
    pub summary: String,
    /// When it was published.
    pub published_at: UnixMs,
    /// The last person who was told.
    pub told_until: UserId,
    /// How many were told.
    pub told: u64,
    /// When all were told.
    pub told_at: Option<UnixMs>,
}

/// Published versions of the policy, and whom was told of each.
#[async_trait]
pub trait Policies: Send + Sync {
    /// Adds a version; no other has its name.
    async fn add_policy(&self, policy: &PolicyVersion) -> Result<(), StoreError>;
    /// All versions, by the time of their publication.
    async fn policies(&self) -> Result<Vec<PolicyVersion>, StoreError>;
    /// Stores how far the telling of a version has come.
    async fn set_told(&self, policy: &PolicyVersion) -> Result<(), StoreError>;
    /// At most `max` people with an address, by id, those above `after`, who were there before `before`.
    async fn addressed(&self, after: UserId, before: UnixMs, max: u32) -> Result<Vec<UserId>, StoreError>;
}
