//! The read model of usage: its records, and the port.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{AccountId, CostClass, EntryId, GenerationId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};

/// Random bits of a request's id that [`RequestMark`] keeps.
const TAG_BITS: u32 = 16;
/// Bits of an id below its mark.
const BELOW_BITS: u32 = 64;

/// The highest 64 bits of a request's id: its time and two random bytes. They are enough to find its entry in the
/// ledger, and a quarter of the bytes. Two requests may share a mark, rarely.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestMark(u64);

impl RequestMark {
    /// Above every mark.
    pub const MAX: Self = Self(u64::MAX);

    /// The mark of a request.
    #[must_use]
    pub fn of(id: GenerationId) -> Self {
        Self(u64::try_from(id.bits().wrapping_shr(BELOW_BITS)).unwrap_or(u64::MAX))
    }

    /// The lowest mark of this time.
    #[must_use]
    pub fn at(time: UnixMs) -> Self {
        Self(
            time.get()
                .checked_shl(TAG_BITS)
                .filter(|bits| bits.wrapping_shr(TAG_BITS) == time.get())
                .unwrap_or(u64::MAX),
        )
    }

    /// The mark of this time with these random bytes.
    #[must_use]
    pub fn with(time: UnixMs, tag: u16) -> Self {
        Self(Self::at(time).0 | u64::from(tag))
    }

    /// The mark with these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The time of the request.
    #[must_use]
    pub const fn made_at(self) -> UnixMs {
        UnixMs::new(self.0.wrapping_shr(TAG_BITS))
    }

    /// Its random bytes.
    #[must_use]
    pub fn tag(self) -> u16 {
        u16::try_from(self.0 & u64::from(u16::MAX)).unwrap_or_default()
    }

    /// The lowest and the highest id with this mark.
    #[must_use]
    pub fn ids(self) -> (EntryId, EntryId) {
        let low = u128::from(self.0).wrapping_shl(BELOW_BITS);
        (EntryId::from_bits(low), EntryId::from_bits(low | u128::from(u64::MAX)))
    }
}

/// Sums over requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageSums {
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
    pub charged: NanoUsd,
    /// The amount owed to the vendor.
    pub cost: NanoUsd,
    /// The partner's part.
    pub commission: NanoUsd,
}

impl UsageSums {
    /// The sum of both; `None` when it does not fit.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            requests: self.requests.checked_add(other.requests)?,
            input_tokens: self.input_tokens.checked_add(other.input_tokens)?,
            cache_read_tokens: self.cache_read_tokens.checked_add(other.cache_read_tokens)?,
            cache_write_tokens: self.cache_write_tokens.checked_add(other.cache_write_tokens)?,
            output_tokens: self.output_tokens.checked_add(other.output_tokens)?,
            reasoning_tokens: self.reasoning_tokens.checked_add(other.reasoning_tokens)?,
            charged: self.charged.checked_add(other.charged)?,
            cost: self.cost.checked_add(other.cost)?,
            commission: self.commission.checked_add(other.commission)?,
        })
    }
}

/// A request, as the read model takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedRequest {
    /// Its id.
    pub id: GenerationId,
    /// The key that paid.
    pub key: KeyId,
    /// The model.
    pub model: String,
    /// The vendor that served it.
    pub vendor: String,
    /// Its counts and amounts.
    pub sums: UsageSums,
}

/// A transfer of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountTransfer {
    /// The account.
    pub account: AccountId,
    /// The time of the transfer.
    pub at: UnixMs,
    /// Its entry.
    pub entry: EntryId,
    /// What its entry gave to revenue.
    pub returned: NanoUsd,
    /// What its entry paid out.
    pub paid_out: NanoUsd,
}

/// The cost that was booked for a class of a model, on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorCost {
    /// The day, counted from the epoch, UTC.
    pub day: u64,
    /// The vendor.
    pub vendor: String,
    /// The model, as the catalogue names it.
    pub model: String,
    /// The class.
    pub class: CostClass,
    /// Tokens or uses.
    pub quantity: u64,
    /// The amount.
    pub cost: NanoUsd,
}

/// What is added to the read model in one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageChange {
    /// The place as it must be; otherwise nothing is changed. Empty where there is none yet.
    pub from: Vec<u8>,
    /// The place afterwards.
    pub to: Vec<u8>,
    /// Whether everything is deleted first.
    pub restart: bool,
    /// Requests that were charged.
    pub requests: Vec<UsedRequest>,
    /// Transfers.
    pub transfers: Vec<AccountTransfer>,
    /// Costs of vendors, which are added to those that are there.
    pub costs: Vec<VendorCost>,
}

/// Whose usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageOf {
    /// Everybody's.
    All,
    /// A person's: that of all their keys.
    User(UserId),
    /// A key's.
    Key(KeyId),
}

/// A selection of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageFilter {
    /// Whose.
    pub of: UsageOf,
    /// Requests of this key.
    pub key: Option<KeyId>,
    /// Requests of this model.
    pub model: Option<String>,
    /// Requests at this vendor.
    pub vendor: Option<String>,
    /// Requests through this partner.
    pub partner: Option<PartnerId>,
}

impl UsageFilter {
    /// All requests of these.
    #[must_use]
    pub const fn of(of: UsageOf) -> Self {
        Self { of, key: None, model: None, vendor: None, partner: None }
    }
}

/// The days of a query, counted from the epoch, UTC. Both are included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub from: u64,
    /// The last day.
    pub to: u64,
}

impl Days {
    /// All days.
    pub const ALL: Self = Self { from: 0, to: u64::MAX };
}

/// A property by which usage is grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageBy {
    /// The day.
    Day,
    /// The person.
    User,
    /// The key.
    Key,
    /// The model.
    Model,
    /// The vendor.
    Vendor,
    /// The partner.
    Partner,
}

/// The sums of a group; it has the properties by which was grouped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageGroup {
    /// The day.
    pub day: Option<u64>,
    /// The person; `None` also where a key belongs to nobody any more.
    pub user: Option<UserId>,
    /// The key.
    pub key: Option<KeyId>,
    /// The model.
    pub model: Option<String>,
    /// The vendor.
    pub vendor: Option<String>,
    /// The partner; `None` also for requests without one.
    pub partner: Option<PartnerId>,
    /// The sums.
    pub sums: UsageSums,
}

/// A query of sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// Which requests.
    pub filter: UsageFilter,
    /// Of which days.
    pub days: Days,
    /// The properties that each group has in common; all requests are one group where there are none.
    pub by: Vec<UsageBy>,
    /// The order of the groups.
    pub order: UsageOrder,
    /// The largest number of groups.
    pub max: u32,
}

/// The order of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageOrder {
    /// The latest day first, and then by the other properties.
    Newest,
    /// The highest charge first.
    Highest,
}

/// A request in the index: its mark and what all requests of its series have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedRequest {
    /// The mark.
    pub mark: RequestMark,
    /// The key.
    pub key: KeyId,
    /// The model.
    pub model: String,
    /// The vendor.
    pub vendor: String,
    /// The partner.
    pub partner: Option<PartnerId>,
}

/// The read model of usage: requests by key, their sums by day, and transfers by account.
#[async_trait]
pub trait UsageModel: Send + Sync {
    /// The place up to which it is made; empty where it is not begun.
    async fn place(&self) -> Result<Vec<u8>, StoreError>;
    /// Applies a change, all or nothing; returns whether the place was the expected one.
    async fn apply(&self, change: UsageChange) -> Result<bool, StoreError>;
    /// Sums in groups.
    async fn sums(&self, query: UsageQuery) -> Result<Vec<UsageGroup>, StoreError>;
    /// At most `max` requests with marks at `from` or above and below `before`, the newest first, and those that share
    /// the last one's mark.
    async fn requests(
        &self,
        filter: UsageFilter,
        (from, before): (RequestMark, RequestMark),
        max: usize,
    ) -> Result<Vec<IndexedRequest>, StoreError>;
    /// At most `max` transfers of an account at `from` or later and before the given one, the newest first.
    async fn transfers(
        &self,
        account: AccountId,
        (from, before): (UnixMs, (UnixMs, EntryId)),
        max: u32,
    ) -> Result<Vec<AccountTransfer>, StoreError>;
    /// What the transfers of an account at `from` or later and before `until` gave to revenue, and what they paid out.
    async fn moved(
        &self,
        account: AccountId,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<(NanoUsd, NanoUsd), StoreError>;
    /// At most `max` transfers of an account that paid out, the newest first.
    async fn payouts(&self, account: AccountId, max: u32) -> Result<Vec<AccountTransfer>, StoreError>;
}
