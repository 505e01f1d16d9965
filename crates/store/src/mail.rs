//! The outbox of mails, people's addresses, and the marks of notices: records and ports.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{AccountId, Id, IdKind, KeyId, NanoUsd, UnixMs, UserId};

/// A mail in the outbox.
pub enum Mail {}

impl IdKind for Mail {
    const PREFIX: &'static str = "mail";
}

/// Identifies a mail in the outbox.
pub type MailId = Id<Mail>;

/// A mail to put into the outbox. It has no address: the person's is looked up when the mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// The id, from which the header `Message-ID` is made.
    pub id: MailId,
    /// The kind of mail.
    pub kind: String,
    /// What it is about, such as a payment: a kind and a cause mail once, for ever.
    pub cause: String,
    /// The recipient.
    pub user: UserId,
    /// Its figures, as JSON.
    pub parameters: String,
    /// The time of its making, from which on it is due.
    pub created_at: UnixMs,
}

/// A mail that one worker has until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedMail {
    /// The id.
    pub id: MailId,
    /// The recipient.
    pub user: UserId,
    /// Its figures, as JSON.
    pub parameters: String,
    /// The time of its making.
    pub created_at: UnixMs,
    /// The number of leases, this one included.
    pub attempts: u32,
    /// The end of the lease, which also tells it from others.
    pub leased_until: UnixMs,
}

/// Why a mail will never be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailFailure {
    /// The person has no address.
    NoAddress,
    /// The person's address takes no mail.
    Bounced,
    /// The mail server refuses the recipient.
    RecipientRefused,
    /// The mail server refuses the mail.
    MessageRefused,
    /// The row cannot be read or written as a mail.
    Unreadable,
    /// It could not be sent for so long that it is of no use any more.
    Expired,
    /// The person has switched mails like it off.
    Unwanted,
}

impl MailFailure {
    /// The code that is stored and logged.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoAddress => "no_address",
            Self::Bounced => "bounced",
            Self::RecipientRefused => "recipient_refused",
            Self::MessageRefused => "message_refused",
            Self::Unreadable => "unreadable",
            Self::Expired => "expired",
            Self::Unwanted => "unwanted",
        }
    }
}

/// The number of mails in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailCounts {
    /// Not sent yet, nobody has it.
    pub waiting: u64,
    /// A worker has it.
    pub leased: u64,
    /// Sent.
    pub sent: u64,
    /// Given up.
    pub failed: u64,
}

/// Mails that are to be sent: each at least once, and under one kind and cause one only.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Puts a mail in, unless one of this kind and cause was ever there; returns whether it was put in.
    async fn enqueue(&self, mail: &NewMail) -> Result<bool, StoreError>;
    /// Hands out at most `max` mails that are due, the longest due first, to nobody else until `until`.
    async fn lease(&self, max: u32, now: UnixMs, until: UnixMs) -> Result<Vec<LeasedMail>, StoreError>;
    /// Marks a mail as sent, whoever has it by now: it was sent.
    async fn mark_sent(&self, id: MailId, now: UnixMs) -> Result<(), StoreError>;
    /// Makes a mail due again at `at`; nothing where the lease is another's by now.
    async fn retry(&self, mail: &LeasedMail, at: UnixMs) -> Result<(), StoreError>;
    /// Gives a mail up; nothing where the lease is another's by now.
    async fn give_up(&self, mail: &LeasedMail, failure: MailFailure, now: UnixMs) -> Result<(), StoreError>;
    /// The number of mails in each state.
    async fn counts(&self, now: UnixMs) -> Result<MailCounts, StoreError>;
    /// Deletes recipient and figures of mails that were sent or given up before `before`, some at a time; returns how
    /// many. Kind and cause stay.
    async fn forget(&self, before: UnixMs) -> Result<u64, StoreError>;
}

/// A person's address.
#[derive(Clone, PartialEq, Eq)]
pub struct UserEmail {
    /// The address.
    pub address: String,
    /// Since when it takes no mail.
    pub bounced_at: Option<UnixMs>,
}

impl std::fmt::Debug for UserEmail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserEmail").field("bounced_at", &self.bounced_at).finish_non_exhaustive()
    }
}

/// A person whom mail reaches, and their wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reachable {
    /// The person.
    pub user: UserId,
    /// Their wallet in the ledger.
    pub wallet: AccountId,
}

/// A key with a limit, whose owner mail reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitedKey {
    /// The key.
    pub key: KeyId,
    /// The owner.
    pub user: UserId,
    /// The owner's name for it.
    pub name: String,
    /// The account of the limit in the ledger.
    pub account: AccountId,
    /// The amount of the limit.
    pub amount: NanoUsd,
}

/// People's addresses.
#[async_trait]
pub trait UserEmails: Send + Sync {
    /// Sets a person's address, which counts as one that takes mail.
    async fn set_email(&self, user: UserId, address: &str) -> Result<(), StoreError>;
    /// Removes a person's address.
    async fn remove_email(&self, user: UserId) -> Result<(), StoreError>;
    /// A person's address.
    async fn email_of(&self, user: UserId) -> Result<Option<UserEmail>, StoreError>;
    /// The person with this address, in whichever case it is written; of several the one who was added first.
    async fn user_by_email(&self, address: &str) -> Result<Option<UserId>, StoreError>;
    /// Flags an address as one that takes no mail, in whichever case it is written; returns how many people have it.
    async fn flag_bounced(&self, address: &str, now: UnixMs) -> Result<u64, StoreError>;
    /// At most `max` people whom mail reaches, by id, those above `after`.
    async fn reachable(&self, after: UserId, max: u32) -> Result<Vec<Reachable>, StoreError>;
    /// At most `max` keys in force with a limit, whose owners mail reaches, by id, those above `after`.
    async fn limited_keys(&self, after: KeyId, max: u32) -> Result<Vec<LimitedKey>, StoreError>;
}

/// The kind of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// The balance of a person is low.
    LowBalance,
    /// A key has spent most of its limit.
    LimitMost,
    /// A key has spent all of its limit.
    LimitAll,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LowBalance, Self::LimitMost, Self::LimitAll];

    /// The name that is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LowBalance => "low_balance",
            Self::LimitMost => "limit_most",
            Self::LimitAll => "limit_all",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a notice is about: a kind, and the bits of a person's or a key's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeSubject {
    /// The kind.
    pub kind: NoticeKind,
    /// The bits of the id.
    pub bits: u128,
}

/// The state of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeMark {
    /// The bits of the id that it is about.
    pub bits: u128,
    /// Whether it was sent since it was last armed.
    pub raised: bool,
}

/// Which notices were sent, so that each comes once.
#[async_trait]
pub trait Notices: Send + Sync {
    /// The marks of a kind whose subjects have bits from `first` to `last`, both included, by their bits.
    async fn marks(&self, kind: NoticeKind, first: u128, last: u128) -> Result<Vec<NoticeMark>, StoreError>;
    /// Arms a notice: it may be raised.
    async fn arm(&self, subject: NoticeSubject) -> Result<(), StoreError>;
    /// Raises a notice, and puts its mail into the outbox in the same step. Nothing where it is raised already. Returns
    /// whether it was raised.
    async fn raise(&self, subject: NoticeSubject, mail: Option<&NewMail>) -> Result<bool, StoreError>;
}

/// A kind of notices that a person has switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MutedNotice {
    /// The kind.
    pub kind: NoticeKind,
    /// Since when.
    pub since: UnixMs,
}

/// Which notices people have switched off.
#[async_trait]
pub trait MailChoices: Send + Sync {
    /// The kinds that a person has switched off, by name.
    async fn muted_of(&self, user: UserId) -> Result<Vec<MutedNotice>, StoreError>;
    /// Switches a kind off for a person, who exists; returns whether that changed anything.
    async fn mute(&self, user: UserId, muted: MutedNotice) -> Result<bool, StoreError>;
    /// Switches a kind on again; returns whether that changed anything.
    async fn unmute(&self, user: UserId, kind: NoticeKind) -> Result<bool, StoreError>;
}
