//! What partners have besides their record: commission that follows purchases back, and secret keys.

use crate::records::PartnerKeyRecord;
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_keys::{KeyDigest, PublishableKey};
use opencredits_units::{KeyId, NanoUsd, OrderId, PartnerId, UnixMs, UserId};

/// What a booking of an order changed of the commission that was earned on its person's spending. It is stored before it
/// is booked and never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommissionReturn {
    /// The order.
    pub order: OrderId,
    /// The number of its booking.
    pub booking: u32,
    /// The person of the order.
    pub user: UserId,
    /// Credits that had been spent and were taken back, which the person owes; below zero, such a debt that was settled.
    pub owed: NanoUsd,
    /// The commission that is taken from each partner; below zero where it is given back. In the order of partners.
    pub parts: Vec<(PartnerId, NanoUsd)>,
}

/// The commission that follows purchases back.
#[async_trait]
pub trait CommissionReturns: Send + Sync {
    /// Stores a return unless there is one of that booking; returns the one that is stored.
    async fn keep_commission_return(&self, new: &CommissionReturn) -> Result<CommissionReturn, StoreError>;
    /// The return of a booking.
    async fn commission_return(&self, order: OrderId, booking: u32) -> Result<Option<CommissionReturn>, StoreError>;
    /// All returns of an order, by booking.
    async fn commission_returned_of(&self, order: OrderId) -> Result<Vec<CommissionReturn>, StoreError>;
    /// The commission that was taken for a person in total, by partner.
    async fn commission_returned_for(&self, user: UserId) -> Result<Vec<(PartnerId, NanoUsd)>, StoreError>;
    /// What a person owes by all returns: the sum of their `owed`.
    async fn commission_owed_by(&self, user: UserId) -> Result<NanoUsd, StoreError>;
}

/// Secret keys of partners.
#[async_trait]
pub trait PartnerKeys: Send + Sync {
    /// Adds a key; no other has its id or digest, and its partner exists.
    async fn add_partner_key(&self, key: &PartnerKeyRecord) -> Result<(), StoreError>;
    /// The key with this digest, revoked or not.
    async fn partner_key(&self, digest: &KeyDigest) -> Result<Option<PartnerKeyRecord>, StoreError>;
    /// A partner's keys, revoked ones too, by id.
    async fn partner_keys_of(&self, partner: PartnerId) -> Result<Vec<PartnerKeyRecord>, StoreError>;
    /// Revokes a key, once; returns the key, or nothing where there is none.
    async fn revoke_partner_key(&self, id: KeyId, now: UnixMs) -> Result<Option<PartnerKeyRecord>, StoreError>;
}

/// A key that names a partner in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishableKeyRecord {
    /// The id. That of a partner's first key has the partner's bits.
    pub id: KeyId,
    /// The partner.
    pub partner: PartnerId,
    /// The text.
    pub key: String,
    /// A name for it.
    pub name: String,
    /// The origins whose pages may use it; all where none is listed.
    pub origins: Vec<String>,
    /// Where people may be sent back to.
    pub redirect_urls: Vec<String>,
    /// The time of creation.
    pub created_at: UnixMs,
    /// The time of revocation.
    pub revoked_at: Option<UnixMs>,
}

/// Keys that name partners in browsers. The first of a partner is added with it.
#[async_trait]
pub trait PublishableKeys: Send + Sync {
    /// Adds a key; no other has its id or text, and its partner exists.
    async fn add_publishable_key(&self, key: &PublishableKeyRecord) -> Result<(), StoreError>;
    /// The key with this text, revoked or not.
    async fn publishable_key(&self, text: &str) -> Result<Option<PublishableKeyRecord>, StoreError>;
    /// The key with this id, revoked or not.
    async fn publishable_key_by_id(&self, id: KeyId) -> Result<Option<PublishableKeyRecord>, StoreError>;
    /// A partner's keys, revoked ones too, by id.
    async fn publishable_keys_of(&self, partner: PartnerId) -> Result<Vec<PublishableKeyRecord>, StoreError>;
    /// The origins that keys in force list, each once, in the order of the alphabet, at most `max`. The keys of suspended
    /// partners are not in force.
    async fn publishable_origins(&self, max: usize) -> Result<Vec<String>, StoreError>;
    /// Writes name, origins, redirect URLs and revocation of a key; returns whether it is there.
    async fn update_publishable_key(&self, key: &PublishableKeyRecord) -> Result<bool, StoreError>;
}

/// Whether a text may be a publishable key. Any other is not looked for: a database may log the values of its statements, and whoever
/// sends something else in the place of a key does not expect it there.
pub(crate) fn is_publishable(text: &str) -> bool {
    text.starts_with(PublishableKey::PREFIX)
}
