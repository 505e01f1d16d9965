//! Records as an operator reads them. Money is a decimal string, in dollars and in credits; times are Unix ms.

use opencredits_ledger::{Balance, EntryKind, EntryRow, HoldRow, Phase};
use opencredits_service::accounts::LimitBalance;
use opencredits_service::{GenerationRecord, Line, UsageSource, books};
use opencredits_store::{Key, Partner, Standing, User};
use opencredits_units::{AccountId, BasisPoints, CreditPrice, EntryId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

/// An amount, twice: as it is booked and as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountView {
    /// In dollars.
    pub usd: NanoUsd,
    /// In credits.
    pub credits: String,
}

impl AmountView {
    pub(super) fn new(usd: NanoUsd, price: CreditPrice) -> Self {
        Self { usd, credits: price.show(usd).to_string() }
    }
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// The person.
    pub id: UserId,
    /// What they are called.
    pub label: String,
    /// Their wallet in the ledger.
    pub wallet: AccountId,
    /// Since when.
    pub created_at_ms: UnixMs,
    /// Whether they may not spend.
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
    /// The partner.
    pub id: PartnerId,
    /// Its name.
    pub name: String,
    /// What names it in a browser.
    pub publishable_key: String,
    /// Its share of the markup; the config's where there is none.
    pub share_bps: Option<BasisPoints>,
    /// Its earnings in the ledger.
    pub earnings: AccountId,
    /// Since when.
    pub created_at_ms: UnixMs,
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
        }
    }
}

/// A key's limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitView {
    /// The account that counts it.
    pub account: AccountId,
    /// How much it was given.
    pub amount: AmountView,
    /// What is left.
    pub available: AmountView,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// The key.
    pub id: KeyId,
    /// Whose.
    pub user: UserId,
    /// Through whom.
    pub partner: Option<PartnerId>,
    /// What it is called.
    pub name: String,
    /// Its last characters.
    pub hint: String,
    /// Since when.
    pub created_at_ms: UnixMs,
    /// When it was revoked.
    pub revoked_at_ms: Option<UnixMs>,
    /// When it ends by itself.
    pub expires_at_ms: Option<UnixMs>,
    /// How much it may spend; as its wallet allows where there is none.
    pub limit: Option<LimitView>,
    /// Models that it may use; all where there is none.
    pub models: Option<Vec<String>>,
}

impl KeyView {
    pub(super) fn new(key: Key, limit: Option<LimitBalance>, price: CreditPrice) -> Self {
        let limit = key.limit.zip(limit).map(|(kept, left)| LimitView {
            account: kept.account,
            amount: AmountView::new(left.amount, price),
            available: AmountView::new(left.available, price),
        });
        Self {
            id: key.id,
            user: key.user,
            partner: key.partner,
            name: key.name,
            hint: key.hint,
            created_at_ms: key.created_at,
            revoked_at_ms: key.revoked_at,
            expires_at_ms: key.expires_at,
            limit,
            models: key.allowed_models,
        }
    }
}

/// What a person has: `posted = held + available`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceView {
    /// Who.
    pub user: UserId,
    /// What they are called.
    pub label: String,
    /// Their wallet.
    pub wallet: AccountId,
    /// The sum of the wallet's entries.
    pub posted: AmountView,
    /// What running requests keep.
    pub held: AmountView,
    /// What can be spent.
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
    /// Whose.
    pub account: AccountId,
    /// Its name, where it is an account of the house.
    pub name: Option<String>,
    /// How much came in; what went out is negative.
    pub amount: AmountView,
}

/// A line of a bill: quantity × rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineView {
    /// What is counted.
    pub what: String,
    /// How many.
    pub quantity: u64,
    /// The price of one, in dollars.
    pub rate_usd: String,
    /// The product, in dollars, before the one rounding of the bill.
    pub amount_usd: String,
}

impl From<&Line> for LineView {
    fn from(line: &Line) -> Self {
        Self {
            what: line.what().map_or("?", |what| what.name()).to_owned(),
            quantity: line.quantity().get(),
            rate_usd: line.rate().usd_per_unit().to_string(),
            amount_usd: line.amount().to_string(),
        }
    }
}

/// What a charge was for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageView {
    /// The key that paid.
    pub key: KeyId,
    /// The model.
    pub model: String,
    /// Who served it.
    pub vendor: String,
    /// Version of the price book.
    pub price_book: String,
    /// Where the usage comes from.
    pub source: String,
    /// The bill, line by line.
    pub lines: Vec<LineView>,
    /// Provider's cost.
    pub cost_usd: NanoUsd,
    /// What the platform keeps.
    pub margin_usd: NanoUsd,
    /// What the partner gets when all is collected.
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
    }
}

/// A row of the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// The entry.
    pub id: EntryId,
    /// `transfer`, `capture` or `void`.
    pub kind: String,
    /// When it was decided.
    pub at_ms: UnixMs,
    /// Who got how much; the amounts sum to zero.
    pub legs: Vec<LegView>,
    /// For a capture: the charge, of which less may have been collected.
    pub charged: Option<AmountView>,
    /// For a transfer: why.
    pub reason: Option<String>,
    /// For a capture: what was used.
    pub usage: Option<UsageView>,
}

impl EntryView {
    pub(super) fn new(entry: EntryRow, price: CreditPrice) -> Self {
        let legs = entry.legs.into_iter().map(|(account, amount)| LegView {
            account,
            name: books::NAMES.iter().find(|(id, _)| *id == account).map(|(_, name)| (*name).to_owned()),
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
    /// The hold.
    pub id: EntryId,
    /// Who pays.
    pub payer: AccountId,
    /// How much.
    pub amount: AmountView,
    /// When it ends.
    pub expires_at_ms: UnixMs,
    /// Whether something has gone out on it.
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
