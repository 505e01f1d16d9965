//! The requests of an operator.

use super::alarm_views::AlarmRequest;
use super::identity_views::IdentityRequest;
use super::job_views::JobRequest;
use super::order_views::OrderRequest;
use super::partner_views::PartnerRequest;
use super::price_views::PriceRequest;
use super::privacy_views::PrivacyRequest;
use super::provider_views::ProviderRequest;
use super::reads::{CheckBills, OfGeneration, ReportBalances, ShowUsage};
use super::reload_view::ReloadRequest;
use super::values::{Amount, Change};
use opencredits_units::{AccountId, BasisPoints, EntryId, GenerationId, KeyId, PartnerId, UnixMs, UserId};
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
    /// Everything about a person.
    ShowUser(ShowUser),
    /// Gives a person another label.
    RenameUser(RenameUser),
    /// Gives a key a new secret, which is in the reply, once.
    RotateKey(RotateKey),
    /// Recurring jobs.
    Jobs(JobRequest),
    /// Alarms.
    Alarms(AlarmRequest),
    /// Shows, sets or removes a person's address.
    UserEmail(EmailOfUser),
    /// Roles and sessions of people.
    Identity(IdentityRequest),
    /// Makes a key; its secret is in the reply, once.
    AddKey(AddKey),
    /// Suspends a person, at once.
    SuspendUser(SetStanding),
    /// Lifts a suspension.
    ResumeUser(SetStanding),
    /// Sets or removes the cap of a person, or of an app at a person.
    SetLimit(SetLimit),
    /// Makes a management key; its secret is in the reply, once.
    AddManagementKey(AddManagementKey),
    /// Changes a key.
    EditKey(Box<EditKey>),
    /// Lists the record of changes.
    ListChanges(ListChanges),
    /// Lists a person's keys.
    ListKeys(OfUser),
    /// Revokes a key.
    RevokeKey(RevokeKey),
    /// Adds a partner.
    AddPartner(AddPartner),
    /// Lists partners.
    ListPartners(ListPartners),
    /// A partner's record, money or secret keys.
    Partners(PartnerRequest),
    /// Price books.
    Prices(PriceRequest),
    /// Reads the config again.
    Reload(ReloadRequest),
    /// Gives credits, without a payment.
    GrantCredits(GrantCredits),
    /// Takes credits, gives a charge back, or corrects a mistake.
    CorrectCredits(CorrectCredits),
    /// Orders.
    Orders(OrderRequest),
    /// Bills of providers.
    Providers(ProviderRequest),
    /// People's data.
    Privacy(PrivacyRequest),
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
    /// How far a request is that was sent under this number.
    Progress {
        /// The number.
        id: u64,
    },
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
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// What to do about a person's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailChange {
    /// Nothing: it is shown.
    Show,
    /// It becomes this one.
    Set(String),
    /// It is removed.
    Remove,
}

/// A person's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailOfUser {
    /// The person.
    pub user: String,
    /// What to do about it.
    pub change: EmailChange,
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
    /// When its limit begins anew; never where there is none.
    #[serde(default)]
    pub limit_reset: Option<Reset>,
    /// How fast it may send.
    #[serde(default)]
    pub rates: RateChange,
    /// The expiry.
    pub expires_at_ms: Option<UnixMs>,
    /// Models that it may use; all where none is given.
    pub models: Option<Vec<String>>,
}

/// A period after which a limit begins anew, at 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// Every day.
    Daily,
    /// Every Monday.
    Weekly,
    /// On the first of each month.
    Monthly,
}

/// How fast a key may send. What is absent stays, and 0 removes the bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateChange {
    /// Requests in a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens in a minute.
    pub tokens_per_minute: Option<u32>,
    /// Requests at once.
    pub parallel_max: Option<u32>,
}

/// A person to suspend, or whose suspension to lift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetStanding {
    /// The person.
    pub user: String,
    /// The reason, for the record.
    pub reason: String,
}

/// A cap to set or to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetLimit {
    /// The person.
    pub user: String,
    /// The app, where it is the app's cap at this person.
    pub partner: Option<String>,
    /// The amount; none where the cap is removed.
    pub amount: Option<Amount>,
    /// When it begins anew; never where there is none.
    pub reset: Option<Reset>,
}

/// A management key to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddManagementKey {
    /// The person whose account it manages.
    pub user: String,
    /// The name.
    pub name: String,
}

/// A key to change. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditKey {
    /// The key.
    pub id: KeyId,
    /// The name.
    pub name: Option<String>,
    /// Whether it is switched off.
    pub disabled: Option<bool>,
    /// The amount that it may spend.
    pub limit: Option<Change<Amount>>,
    /// When its limit begins anew.
    pub limit_reset: Option<Change<Reset>>,
    /// The expiry.
    pub expires_at_ms: Option<Change<UnixMs>>,
    /// Models that it may use.
    pub models: Option<Change<Vec<String>>>,
    /// How fast it may send.
    #[serde(default)]
    pub rates: RateChange,
}

/// A page of the record of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListChanges {
    /// The cursor.
    pub after: Option<EntryId>,
    /// The largest number of rows.
    pub max: u32,
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

/// The way of a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionWay {
    /// Credits that were given are taken back.
    Take,
    /// The charge of a request is given back, at the cost of our revenue.
    Refund,
    /// A mistake is corrected in the person's favour.
    Add,
    /// A mistake is corrected against the person.
    Deduct,
}

/// A correction of a balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrectCredits {
    /// The person.
    pub user: String,
    /// Its way.
    pub way: CorrectionWay,
    /// The amount.
    pub amount: Amount,
    /// The request whose charge is given back; a refund needs one, and nothing else has one.
    #[serde(default)]
    pub generation: Option<GenerationId>,
    /// The entry: a repetition under the same id corrects nothing more.
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

/// A person to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowUser {
    /// The person.
    pub user: String,
    /// Whether the address is shown, too.
    pub address: bool,
}

/// A person to rename.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameUser {
    /// The person.
    pub user: String,
    /// The new label.
    pub label: String,
}

/// A key that gets a new secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// The key.
    pub id: KeyId,
    /// How long the secret of before is valid, in ms; at 0 it ends at once.
    pub overlap_ms: u64,
}
