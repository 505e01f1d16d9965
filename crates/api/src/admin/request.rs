//! The requests of an operator.

use super::reads::{CheckBills, OfGeneration, ReportBalances, ShowUsage};
use opencredits_units::{AccountId, BasisPoints, EntryId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The default length of a page.
pub const LIST_MAX: u32 = 1_000;

/// A request of an operator. It names a user or partner by id or by label.
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
    /// Gives credits, without a payment.
    GrantCredits(GrantCredits),
    /// A person's balance.
    Balance(OfUser),
    /// Lists entries of the ledger.
    LedgerEntries(LedgerEntries),
    /// Lists open holds.
    LedgerHolds,
    /// Recomputes all balances and the hash chain.
    LedgerVerify,
    /// The same, and checks that the ledger has every commit up to a head.
    LedgerVerifyHead(VerifyHead),
    /// The end of the ledger's hash chain.
    LedgerHead,
    /// Makes a backup of the data folder.
    Backup(BackUp),
    /// The usage of all people, in groups.
    Usage(ShowUsage),
    /// A request with its bill.
    Generation(OfGeneration),
    /// Recomputes the bill of a request.
    CheckBill(OfGeneration),
    /// Recomputes the bills of a time.
    CheckBills(CheckBills),
    /// The balance sheet.
    LedgerReport(ReportBalances),
}

/// An amount as operators write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// A decimal number of credits, at the gateway's credit price.
    Credits(String),
    /// Dollars.
    Usd(NanoUsd),
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfUser {
    /// The person.
    pub user: String,
}

/// A person to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddUser {
    /// The id, for a caller that may repeat the request.
    pub id: Option<UserId>,
    /// The label.
    pub label: String,
}

/// A page of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListUsers {
    /// The cursor.
    pub after: Option<UserId>,
    /// The largest number of rows.
    pub max: u32,
}

/// A key to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddKey {
    /// The owner.
    pub user: String,
    /// The partner that issues it.
    pub partner: Option<String>,
    /// The name.
    pub name: String,
    /// The amount that it may spend.
    pub limit: Option<Amount>,
    /// The expiry.
    pub expires_at_ms: Option<UnixMs>,
    /// Models that it may use; all where none is given.
    pub models: Option<Vec<String>>,
}

/// A key to revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// The key.
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

/// A page of partners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPartners {
    /// The cursor.
    pub after: Option<PartnerId>,
    /// The largest number of rows.
    pub max: u32,
}

/// Credits to give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantCredits {
    /// The person.
    pub user: String,
    /// The amount.
    pub amount: Amount,
    /// The entry: a repetition under the same id gives nothing more.
    pub id: Option<EntryId>,
    /// The reason.
    pub reason: String,
}

/// A page of entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntries {
    /// Entries of this account.
    pub of: EntriesOf,
    /// Entries with ids of this time or later.
    #[serde(default)]
    pub from_ms: Option<UnixMs>,
    /// Entries with ids from before this time.
    #[serde(default)]
    pub until_ms: Option<UnixMs>,
    /// The cursor: the `next` of the page before.
    pub after: Option<EntryId>,
    /// The largest number of rows.
    pub max: u32,
}

/// A head to check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyHead {
    /// The text of the head.
    pub head: String,
}

/// A backup to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackUp {
    /// The folder that gets it, as the gateway sees it: an absolute path.
    pub into: PathBuf,
    /// Now, for its name.
    pub at_ms: UnixMs,
}

/// A filter by account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntriesOf {
    /// All entries.
    All,
    /// Entries of a person's wallet.
    User(String),
    /// Entries of an account.
    Account(AccountId),
    /// Entries of the account of this name: an account of the house, a person, a partner, or a key's limit.
    Named(String),
}
