//! Records in the form that operators read. Money is a decimal string, in dollars and in credits; times are Unix ms.

use super::amount_view::AmountView;
use super::limit_views::{LimitView, RetiringSecretView};
use super::request::RateChange;
use opencredits_backup::Checked;
use opencredits_ledger::{Balance, Covered, EntryKind, EntryRow, HoldRow, Phase};
use opencredits_service::{GenerationRecord, LimitBalance, Line, UsageSource, books};
use opencredits_store::{Key, Partner, Standing, User};
use opencredits_units::{AccountId, BasisPoints, CreditPrice, EntryId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// The id.
    pub id: UserId,
    /// The label.
    pub label: String,
    /// Their wallet in the ledger.
    pub wallet: AccountId,
    /// The time of creation.
    pub created_at_ms: UnixMs,
    /// Whether they are suspended.
    pub suspended: bool,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            label: user.label,
            wallet: user.wallet,
            created_at_ms: user.created_at,
            suspended: user.standing == Standing::Suspended,
        }
    }
}

/// A partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerView {
    /// The id.
    pub id: PartnerId,
    /// Its name.
    pub name: String,
    /// The key that names it in a browser.
    pub publishable_key: String,
    /// Its share of the markup; the config's where there is none.
    pub share_bps: Option<BasisPoints>,
    /// Its earnings account in the ledger.
    pub earnings: AccountId,
    /// The time of creation.
    pub created_at_ms: UnixMs,
    /// The person who runs it.
    #[serde(default)]
    pub owner: Option<UserId>,
    /// Whether it is suspended.
    #[serde(default)]
    pub suspended: bool,
    /// The markup on requests through it; the model's or the config's where there is none.
    #[serde(default)]
    pub markup_bps: Option<BasisPoints>,
    /// That markup within the config's bounds, where it is beyond them: what is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markup_charged_bps: Option<BasisPoints>,
}

impl From<Partner> for PartnerView {
    fn from(partner: Partner) -> Self {
        Self {
            id: partner.id,
            name: partner.name,
            publishable_key: partner.publishable_key,
            share_bps: partner.share,
            earnings: partner.earnings,
            created_at_ms: partner.created_at,
            owner: partner.owner,
            suspended: partner.standing == Standing::Suspended,
            markup_bps: partner.markup,
            markup_charged_bps: None,
        }
    }
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// The id.
    pub id: KeyId,
    /// The owner.
    pub user: UserId,
    /// The partner that issued it.
    pub partner: Option<PartnerId>,
    /// The name.
    pub name: String,
    /// Its last characters.
    pub hint: String,
    /// The time of creation.
    pub created_at_ms: UnixMs,
    /// The time of revocation.
    pub revoked_at_ms: Option<UnixMs>,
    /// The time of expiry.
    pub expires_at_ms: Option<UnixMs>,
    /// Its limit; none where only the wallet limits it.
    pub limit: Option<LimitView>,
    /// Models that it may use; all where there is none.
    pub models: Option<Vec<String>>,
    /// How fast it may send.
    #[serde(default)]
    pub rates: RateChange,
    /// Whether it is switched off.
    #[serde(default)]
    pub disabled: bool,
    /// Secrets from before a rotation that are still valid.
    #[serde(default)]
    pub retiring: Vec<RetiringSecretView>,
}

impl KeyView {
    pub(super) fn new(key: Key, limit: Option<LimitBalance>, price: CreditPrice) -> Self {
        Self {
            id: key.id,
            user: key.user,
            partner: key.partner,
            name: key.name,
            hint: key.hint,
            created_at_ms: key.created_at,
            revoked_at_ms: key.revoked_at,
            expires_at_ms: key.expires_at,
            limit: limit.map(|limit| LimitView::new(limit, price)),
            models: key.allowed_models,
            rates: RateChange::of(key.rates),
            disabled: key.disabled,
            retiring: Vec::new(),
        }
    }
}

/// A person's balance: `posted = held + available`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceView {
    /// The person.
    pub user: UserId,
    /// The label.
    pub label: String,
    /// Their wallet.
    pub wallet: AccountId,
    /// The sum of the wallet's entries.
    pub posted: AmountView,
    /// The amount in holds of running requests.
    pub held: AmountView,
    /// The amount that can be spent.
    pub available: AmountView,
}

impl BalanceView {
    pub(super) fn new(user: User, balance: Balance, price: CreditPrice) -> Self {
        Self {
            user: user.id,
            label: user.label,
            wallet: user.wallet,
            posted: AmountView::new(balance.posted, price),
            held: AmountView::new(balance.held, price),
            available: AmountView::new(balance.available, price),
        }
    }
}

/// A part of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegView {
    /// The account.
    pub account: AccountId,
    /// Its name, where it is an account of the house.
    pub name: Option<String>,
    /// The amount; negative for the giving account.
    pub amount: AmountView,
}

/// A line of a bill: quantity × rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineView {
    /// The item.
    pub what: String,
    /// The quantity.
    pub quantity: u64,
    /// The price of one unit, in dollars.
    pub rate_usd: String,
    /// The product, in dollars, before the one rounding of the bill.
    pub amount_usd: String,
}

impl From<&Line> for LineView {
    fn from(line: &Line) -> Self {
        Self {
            what: line.name().to_owned(),
            quantity: line.quantity().get(),
            rate_usd: line.rate().usd_per_unit().to_string(),
            amount_usd: line.amount().to_string(),
        }
    }
}

/// The details of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageView {
    /// The key that paid.
    pub key: KeyId,
    /// The model.
    pub model: String,
    /// The vendor that served it.
    pub vendor: String,
    /// The version of the price book.
    pub price_book: String,
    /// The source of the usage.
    pub source: String,
    /// The bill, line by line.
    pub lines: Vec<LineView>,
    /// Provider's cost.
    pub cost_usd: NanoUsd,
    /// The platform's part.
    pub margin_usd: NanoUsd,
    /// The partner's part when all is collected.
    pub commission_usd: NanoUsd,
}

impl From<GenerationRecord> for UsageView {
    fn from(record: GenerationRecord) -> Self {
        let charge = record.charge();
        let side = record.side_bills.iter().flat_map(|bill| &bill.lines);
        Self {
            key: record.key,
            lines: record.lines.iter().chain(side).map(Into::into).collect(),
            model: record.model,
            vendor: record.vendor,
            price_book: record.price_book.to_string(),
            source: source(record.source).to_owned(),
            cost_usd: record.cost,
            margin_usd: charge.margin,
            commission_usd: charge.commission,
        }
    }
}

const fn source(source: UsageSource) -> &'static str {
    match source {
        UsageSource::Reported => "reported",
        UsageSource::Estimated => "estimated",
        UsageSource::Quarantined => "quarantined",
        UsageSource::NothingProduced => "nothing_produced",
        UsageSource::Implausible => "implausible",
    }
}

/// A ledger entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// The id.
    pub id: EntryId,
    /// `transfer`, `capture` or `void`.
    pub kind: String,
    /// The time of the decision.
    pub at_ms: UnixMs,
    /// The accounts and their amounts, which sum to zero.
    pub legs: Vec<LegView>,
    /// For a capture: the charge, of which less may have been collected.
    pub charged: Option<AmountView>,
    /// For a transfer: the reason.
    pub reason: Option<String>,
    /// For a capture: the usage.
    pub usage: Option<UsageView>,
}

impl EntryView {
    pub(super) fn new(entry: EntryRow, price: CreditPrice) -> Self {
        let legs = entry.legs.into_iter().map(|(account, amount)| LegView {
            account,
            name: books::name(account),
            amount: AmountView::new(amount, price),
        });
        let is_capture = entry.kind == EntryKind::Capture;
        let usage = GenerationRecord::from_memo(&entry.memo).ok();
        let reason = String::from_utf8(entry.memo).ok();
        Self {
            id: entry.id,
            kind: kind(entry.kind).to_owned(),
            at_ms: entry.at,
            legs: legs.collect(),
            charged: is_capture.then(|| AmountView::new(entry.charged, price)),
            reason: reason.filter(|text| entry.kind == EntryKind::Transfer && !text.is_empty()),
            usage: usage.filter(|_| is_capture).map(Into::into),
        }
    }
}

const fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Transfer => "transfer",
        EntryKind::Capture => "capture",
        EntryKind::Void => "void",
    }
}

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldView {
    /// The id.
    pub id: EntryId,
    /// The payer.
    pub payer: AccountId,
    /// The amount.
    pub amount: AmountView,
    /// The expiry.
    pub expires_at_ms: UnixMs,
    /// Whether its request was sent.
    pub in_flight: bool,
}

impl HoldView {
    pub(super) fn new(hold: &HoldRow, price: CreditPrice) -> Self {
        Self {
            id: hold.id,
            payer: hold.payer,
            amount: AmountView::new(hold.amount, price),
            expires_at_ms: hold.expires_at,
            in_flight: hold.phase == Phase::InFlight,
        }
    }
}

/// What the hash chain of the ledger covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    /// Its end, as `ledger head` prints it.
    pub head: String,
    /// The entries that it covers: all but those from before it began.
    pub entries: u64,
    /// The first of them, by id.
    pub first: Option<EntryId>,
}

impl ChainView {
    pub(super) fn new(covered: Covered) -> Self {
        Self { head: covered.head.to_string(), entries: covered.entries, first: covered.first }
    }
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupView {
    /// Its folder.
    pub path: PathBuf,
    /// The moment that it is as of.
    pub made_at_ms: UnixMs,
    /// The version of the program that made it.
    pub program: String,
    /// The end of the ledger's hash chain, as `ledger head` prints it.
    pub head: String,
    /// The number of entries of the ledger.
    pub entries: u64,
    /// The number of its accounts.
    pub accounts: u64,
    /// The number of open holds.
    pub holds: u64,
    /// The number of people.
    pub users: u64,
    /// The number of partners.
    pub partners: u64,
    /// The number of keys, revoked ones too.
    pub keys: u64,
    /// The files, without the manifest.
    pub files: Vec<String>,
    /// The sum of their sizes.
    pub bytes: u64,
    /// The number of accounts that the store names and the ledger lacks.
    pub lacking_accounts: u64,
    /// `live` or `test`; nothing where an earlier version made it.
    #[serde(default)]
    pub mode: Option<String>,
}

impl BackupView {
    /// The view of a verified backup in this folder.
    #[must_use]
    pub fn new(path: PathBuf, checked: Checked) -> Self {
        let Checked { manifest, lacking, mode } = checked;
        Self {
            path,
            made_at_ms: manifest.made_at_ms,
            bytes: manifest.bytes(),
            program: manifest.program,
            head: manifest.ledger.head,
            entries: manifest.ledger.entries,
            accounts: manifest.ledger.accounts,
            holds: manifest.ledger.holds,
            users: manifest.store.users,
            partners: manifest.store.partners,
            keys: manifest.store.keys,
            files: manifest.files.into_iter().map(|file| file.name).collect(),
            lacking_accounts: lacking,
            mode: mode.map(|mode| mode.name().to_owned()),
        }
    }
}
