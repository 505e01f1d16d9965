//! What an operator reads about the past: requests, and the views in their replies.

use super::amount_view::AmountView;
use opencredits_service::accounts::{CurrencySheet, NamedUsage, SheetLine};
use opencredits_service::{BillCheck, day_text};
use opencredits_store::UsageSums;
use opencredits_units::{CreditPrice, EntryId, GenerationId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

/// A property by which usage is grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageGroupBy {
    /// The person.
    Person,
    /// The partner.
    Partner,
    /// The model.
    Model,
    /// The vendor.
    Vendor,
    /// The key.
    Key,
    /// The day.
    Day,
}

/// The usage of all people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowUsage {
    /// The property by which it is grouped.
    pub by: UsageGroupBy,
    /// Of days that begin at this time or later.
    pub from_ms: Option<UnixMs>,
    /// Of days that begin before this time.
    pub until_ms: Option<UnixMs>,
    /// The largest number of groups.
    pub max: u32,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfGeneration {
    /// The request.
    pub id: GenerationId,
}

/// The bills of a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckBills {
    /// Requests that were made at this time or later.
    pub from_ms: UnixMs,
    /// Requests that were made before this time.
    pub until_ms: UnixMs,
    /// The cursor: the `next` of the reply before.
    pub after: Option<EntryId>,
}

/// A balance sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportBalances {
    /// Of entries that were decided before this time; of all when there is none.
    pub until_ms: Option<UnixMs>,
}

/// Sums of usage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSumsView {
    /// The number of requests.
    pub requests: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Input tokens that were read from a cache.
    pub cache_read_tokens: u64,
    /// Input tokens that were written to a cache.
    pub cache_write_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// Output tokens of reasoning.
    pub reasoning_tokens: u64,
    /// The amount that people paid.
    pub charged: AmountView,
    /// The amount owed to vendors.
    pub cost_usd: NanoUsd,
    /// The partners' part.
    pub commission_usd: NanoUsd,
    /// The rest, after cost and commission.
    pub margin_usd: NanoUsd,
}

impl UsageSumsView {
    pub(super) fn new(sums: &UsageSums, price: CreditPrice) -> Self {
        let margin = sums.charged.checked_sub(sums.cost).and_then(|rest| rest.checked_sub(sums.commission));
        Self {
            requests: sums.requests,
            input_tokens: sums.input_tokens,
            cache_read_tokens: sums.cache_read_tokens,
            cache_write_tokens: sums.cache_write_tokens,
            output_tokens: sums.output_tokens,
            reasoning_tokens: sums.reasoning_tokens,
            charged: AmountView::new(sums.charged, price),
            cost_usd: sums.cost,
            commission_usd: sums.commission,
            margin_usd: margin.unwrap_or_default(),
        }
    }
}

/// A group of usage. Of the properties it has the one by which was grouped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageGroupView {
    /// The day.
    pub day: Option<String>,
    /// The person; none where the key belongs to nobody any more.
    pub user: Option<UserId>,
    /// The partner; none for requests without one.
    pub partner: Option<PartnerId>,
    /// The model.
    pub model: Option<String>,
    /// The vendor.
    pub vendor: Option<String>,
    /// The key.
    pub key: Option<KeyId>,
    /// The operator's name for it.
    pub name: Option<String>,
    /// The sums.
    pub sums: UsageSumsView,
}

impl UsageGroupView {
    pub(super) fn new(named: NamedUsage, price: CreditPrice) -> Self {
        let NamedUsage { group, name } = named;
        Self {
            day: group.day.map(day_text),
            user: group.user,
            partner: group.partner,
            model: group.model,
            vendor: group.vendor,
            key: group.key,
            name,
            sums: UsageSumsView::new(&group.sums, price),
        }
    }
}

/// The check of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillView {
    /// The request.
    pub id: GenerationId,
    /// The charge that its record states.
    pub stated_usd: NanoUsd,
    /// The charge that follows from its lines and markup.
    pub recomputed_usd: Option<NanoUsd>,
    /// Whether the charge may be less, since it was kept within its hold.
    pub bounded: bool,
    /// The amount that was paid.
    pub collected_usd: NanoUsd,
    /// What does not add up.
    pub findings: Vec<String>,
}

impl From<BillCheck> for BillView {
    fn from(check: BillCheck) -> Self {
        Self {
            id: check.id,
            stated_usd: check.stated,
            recomputed_usd: check.recomputed,
            bounded: check.is_bounded,
            collected_usd: check.collected,
            findings: check.findings,
        }
    }
}

/// A line of a balance sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetLineView {
    /// `assets`, `liabilities`, `income` or `expenses`.
    pub side: String,
    /// What it is.
    pub name: String,
    /// The amount, positive on its side.
    pub amount_usd: NanoUsd,
}

impl From<SheetLine> for SheetLineView {
    fn from(line: SheetLine) -> Self {
        Self { side: line.side.to_owned(), name: line.name, amount_usd: line.amount }
    }
}

/// The part of a balance sheet that is in one currency other than the dollar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencySheetView {
    /// The ISO 4217 code, in lower case.
    pub currency: String,
    /// The lines.
    pub lines: Vec<CurrencyLineView>,
    /// Assets and expenses less liabilities and income: zero.
    pub difference: NanoUsd,
}

/// A line of a [`CurrencySheetView`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyLineView {
    /// `assets`, `liabilities`, `income` or `expenses`.
    pub side: String,
    /// What it is.
    pub name: String,
    /// The amount in that currency, positive on its side.
    pub amount: NanoUsd,
}

impl From<CurrencySheet> for CurrencySheetView {
    fn from(sheet: CurrencySheet) -> Self {
        let line =
            |line: SheetLine| CurrencyLineView { side: line.side.to_owned(), name: line.name, amount: line.amount };
        let lines = sheet.lines.into_iter().map(line).collect();
        Self { currency: sheet.currency, lines, difference: sheet.difference }
    }
}
