//! The stored records.

use opencredits_keys::KeyDigest;
use opencredits_units::{AccountId, BasisPoints, EntryId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use std::num::NonZeroU32;

/// Whether a person may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Good,
    /// Not until the operator lifts the suspension.
    Suspended,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// Their wallet in the ledger.
    pub wallet: AccountId,
    /// The operator's name for them.
    pub label: String,
    /// The time of creation.
    pub created_at: UnixMs,
    /// Whether they may spend.
    pub standing: Standing,
}

/// An app that sends requests on people's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// The id.
    pub id: PartnerId,
    /// The name.
    pub name: String,
    /// The key that names it in a browser.
    pub publishable_key: String,
    /// Its share of the markup; the operator's default where `None`.
    pub share: Option<BasisPoints>,
    /// Its earnings account in the ledger.
    pub earnings: AccountId,
    /// The time of creation.
    pub created_at: UnixMs,
    /// The person who runs it. Their own spending earns it nothing.
    pub owner: Option<UserId>,
    /// Whether it earns: a suspended partner does not.
    pub standing: Standing,
    /// The markup on requests through it; the operator's where `None`.
    pub markup: Option<BasisPoints>,
}

/// How often a limit begins anew, at 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitReset {
    /// Every day.
    Daily,
    /// Every Monday.
    Weekly,
    /// On the first of each month.
    Monthly,
}

impl LimitReset {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Daily, Self::Weekly, Self::Monthly];

    /// Its name, in the store and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reset| reset.name() == name)
    }
}

/// A spending limit: a ledger account of its own, whose contra account counts what was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpendingLimit {
    /// The account.
    pub account: AccountId,
    /// The amount of the limit.
    pub amount: NanoUsd,
    /// When it begins anew; never where `None`.
    pub reset: Option<LimitReset>,
    /// Since when it counts in these periods: the first reset is at the first boundary after it.
    pub since: UnixMs,
}

/// The owner of a limit besides a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitOwner {
    /// A person, over all of their keys.
    Person(UserId),
    /// An app at a person, over all keys that it issued to them.
    Grant(UserId, PartnerId),
}

/// The limit of a person, or of an app at a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedLimit {
    /// The person.
    pub user: UserId,
    /// The name of the app; `None` for the person's own limit.
    pub app: Option<String>,
    /// The limit.
    pub limit: SpendingLimit,
}

/// How fast a key may send. Without a figure there is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Rates {
    /// Requests in a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens in a minute, input and output together.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Requests at once.
    pub parallel_max: Option<NonZeroU32>,
}

/// The record of a secret key that is not spent from. The key itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretKeyRecord<Owner> {
    /// The id.
    pub id: KeyId,
    /// The owner.
    pub owner: Owner,
    /// The digest of its text.
    pub digest: KeyDigest,
    /// Its last characters.
    pub hint: String,
    /// The owner's name for it.
    pub name: String,
    /// The time of creation.
    pub created_at: UnixMs,
    /// The time of revocation.
    pub revoked_at: Option<UnixMs>,
}

/// The record of a management key, whose owner is the person whose account it manages.
pub type ManagementKeyRecord = SecretKeyRecord<UserId>;
/// The record of a partner's secret key.
pub type PartnerKeyRecord = SecretKeyRecord<PartnerId>;

/// A record of a change, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// The id, time-ordered.
    pub id: EntryId,
    /// The time of the change.
    pub at: UnixMs,
    /// Who made it: `operator`, or the id of a management key.
    pub actor: String,
    /// What was done, such as `user.suspend`.
    pub action: String,
    /// What it was done to: an id.
    pub subject: String,
    /// Further figures, or a reason.
    pub detail: String,
}

/// The record of a user key. The key itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The id.
    pub id: KeyId,
    /// The owner.
    pub user: UserId,
    /// The partner that issued it.
    pub partner: Option<PartnerId>,
    /// The digest of its text.
    pub digest: KeyDigest,
    /// Its last characters.
    pub hint: String,
    /// The owner's name for it.
    pub name: String,
    /// The time of creation.
    pub created_at: UnixMs,
    /// The time of revocation.
    pub revoked_at: Option<UnixMs>,
    /// The time of expiry.
    pub expires_at: Option<UnixMs>,
    /// What it may spend, besides the wallet's balance.
    pub limit: Option<SpendingLimit>,
    /// Models that it may use; all when `None`.
    pub allowed_models: Option<Vec<String>>,
    /// How fast it may send.
    pub rates: Rates,
    /// Whether its owner has switched it off.
    pub disabled: bool,
}
