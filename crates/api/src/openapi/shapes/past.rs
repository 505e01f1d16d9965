//! Past requests, usage and money.

use super::{Credits, Day, ListObject, Time, Usd, UsdNumber};
use utoipa::ToSchema;

/// A page of the past, the newest first.
#[derive(ToSchema)]
pub(crate) struct PastPage<T> {
    object: ListObject,
    data: Vec<T>,
    has_more: bool,
    /// The `cursor` of the next page.
    next_cursor: Option<String>,
    /// Entries of the ledger that are not shown yet.
    entries_behind: u64,
}

/// A past request.
#[derive(ToSchema)]
pub(crate) struct GenerationRow {
    id: String,
    created_at: Time,
    model: String,
    provider_name: String,
    api_type: String,
    key_id: String,
    app_id: Option<String>,
    status: GenerationState,
    streamed: bool,
    finish_reason: Option<String>,
    /// Milliseconds to the first byte.
    latency: u64,
    /// Milliseconds to the end.
    generation_time: u64,
    tokens_prompt: Option<u64>,
    tokens_completion: Option<u64>,
    usage_source: CountSource,
    usage: Credits,
    total_cost: UsdNumber,
}

/// How a request ended.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum GenerationState {
    Completed,
    Cancelled,
    Empty,
}

/// Where the counts of a request come from.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum CountSource {
    Reported,
    Estimated,
    Quarantined,
    NothingProduced,
    Implausible,
}

/// A request with its bill.
#[derive(ToSchema)]
pub(crate) struct GenerationBill {
    id: String,
    upstream_id: String,
    request_id: String,
    model: String,
    provider_name: String,
    api_type: String,
    streamed: bool,
    cancelled: bool,
    created_at: Time,
    latency: u64,
    generation_time: u64,
    finish_reason: Option<String>,
    native_finish_reason: String,
    tokens_prompt: Option<u64>,
    tokens_completion: Option<u64>,
    native_tokens_prompt: Option<u64>,
    native_tokens_completion: Option<u64>,
    native_tokens_reasoning: Option<u64>,
    native_tokens_cached: Option<u64>,
    native_tokens_cache_write: Option<u64>,
    usage: Credits,
    total_cost: UsdNumber,
    upstream_inference_cost: UsdNumber,
    cache_discount: Option<UsdNumber>,
    service_tier: Option<String>,
    attempts: Vec<AttemptRecord>,
    usage_source: CountSource,
    /// The partner of the key.
    app_id: Option<String>,
    /// The provider's totals, where they were not believed.
    usage_reported: Option<ReportedUsage>,
    bill: BillRecord,
}

/// An attempt to serve a request.
#[derive(ToSchema)]
pub(crate) struct AttemptRecord {
    provider_name: String,
    status: Option<u16>,
    ended_ms: u64,
}

/// Totals as the provider reported them.
#[derive(ToSchema)]
pub(crate) struct ReportedUsage {
    input: u64,
    output: u64,
}

/// A bill. It can be recomputed from its lines alone.
#[derive(ToSchema)]
pub(crate) struct BillRecord {
    currency: String,
    price_book: String,
    lines: Vec<BillLine>,
    /// What other models did for the request.
    other_models: Vec<SideBillRecord>,
    prompt_cost: Usd,
    completion_cost: Usd,
    cost: Usd,
    /// Hundredths of a percent.
    markup_bps: u32,
    /// Hundredths of a percent.
    partner_share_bps: u32,
    margin: Usd,
    commission: Usd,
    total: Usd,
    collected: Usd,
    /// What was booked; the amounts sum to zero.
    legs: Vec<LegRecord>,
    /// The total, computed again from the lines.
    recomputed: Option<Usd>,
    /// Whether the charge may be less than the lines make, since it was kept within the hold.
    is_bounded: bool,
    rounding: String,
}

/// A line of a bill: quantity × rate.
#[derive(ToSchema)]
pub(crate) struct BillLine {
    what: String,
    quantity: u64,
    rate: String,
    amount: String,
}

/// The lines of a further model.
#[derive(ToSchema)]
pub(crate) struct SideBillRecord {
    model: String,
    lines: Vec<BillLine>,
}

/// A change of an account.
#[derive(ToSchema)]
pub(crate) struct LegRecord {
    account: String,
    amount: Usd,
}

/// Usage in groups.
#[derive(ToSchema)]
pub(crate) struct Activity {
    object: ListObject,
    from: Day,
    to: Day,
    data: Vec<ActivityRow>,
    entries_behind: u64,
}

/// The sums of a group. Of `date`, `model`, `key_id` and `app_id` it has those that `group_by` names.
#[derive(ToSchema)]
pub(crate) struct ActivityRow {
    date: Option<Day>,
    model: Option<String>,
    key_id: Option<String>,
    app_id: Option<String>,
    requests: u64,
    prompt_tokens: u64,
    cached_tokens: u64,
    cache_write_tokens: u64,
    completion_tokens: u64,
    reasoning_tokens: u64,
    usage: Credits,
    total_cost: UsdNumber,
    upstream_inference_cost: UsdNumber,
}

/// A change of the balance besides requests.
#[derive(ToSchema)]
pub(crate) struct Transaction {
    id: String,
    created_at: Time,
    /// `purchase`, `refund`, `grant`, `grant_taken`, `correction` and others.
    r#type: String,
    /// Credits, negative where the balance gave.
    amount: Credits,
    amount_usd: Usd,
    reason: Option<String>,
}
