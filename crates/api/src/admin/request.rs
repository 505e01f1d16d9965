//! What an operator can ask for.

use opencredits_units::{AccountId, BasisPoints, EntryId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

/// Rows that a list gives at once.
pub const LIST_MAX: u32 = 1_000;

/// What an operator can ask for. A user or partner is named by its id or by its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdminRequest {
    /// Adds a person.
    AddUser(AddUser),
    /// Lists people.
    ListUsers(ListUsers),
    /// Makes a key; its secret is in the reply, once.
    AddKey(AddKey),
    /// Lists a person's keys.
    ListKeys(OfUser),
    /// Revokes a key.
    RevokeKey(RevokeKey),
    /// Adds a partner.
    AddPartner(AddPartner),
    /// Lists partners.
    ListPartners(ListPartners),
    /// Gives credits that nobody paid for.
    GrantCredits(GrantCredits),
    /// What a person has.
    Balance(OfUser),
    /// Lists entries of the ledger.
    LedgerEntries(LedgerEntries),
    /// Lists open holds.
    LedgerHolds,
    /// Recomputes the books.
    LedgerVerify,
}

/// An amount as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// A decimal number of credits, at the gateway's price of one.
    Credits(String),
    /// Dollars.
    Usd(NanoUsd),
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfUser {
    /// Who.
    pub user: String,
}

/// A person to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddUser {
    /// The id, for who wants to repeat the request.
    pub id: Option<UserId>,
    /// What to call them.
    pub label: String,
}

/// Which people to list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListUsers {
    /// Those after this one.
    pub after: Option<UserId>,
    /// How many at most.
    pub max: u32,
}

/// A key to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddKey {
    /// Whose.
    pub user: String,
    /// Through whom.
    pub partner: Option<String>,
    /// What to call it.
    pub name: String,
    /// How much it may spend.
    pub limit: Option<Amount>,
    /// When it ends.
    pub expires_at_ms: Option<UnixMs>,
    /// Models that it may use; all where there is none.
    pub models: Option<Vec<String>>,
}

/// A key to revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// Which.
    pub id: KeyId,
}

/// A partner to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddPartner {
    /// Its name.
    pub name: String,
    /// Its share of the markup; the config's where there is none.
    pub share_bps: Option<BasisPoints>,
}

/// Which partners to list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPartners {
    /// Those after this one.
    pub after: Option<PartnerId>,
    /// How many at most.
    pub max: u32,
}

/// Credits to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantCredits {
    /// To whom.
    pub user: String,
    /// How much.
    pub amount: Amount,
    /// The entry, under which a repetition gives nothing more.
    pub id: Option<EntryId>,
    /// Why.
    pub reason: String,
}

/// Which entries to list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntries {
    /// Those of this account.
    pub of: EntriesOf,
    /// Those after this one.
    pub after: Option<EntryId>,
    /// How many at most.
    pub max: u32,
}

/// Whose entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntriesOf {
    /// All.
    All,
    /// Those of a person's wallet.
    User(String),
    /// Those of an account.
    Account(AccountId),
}
