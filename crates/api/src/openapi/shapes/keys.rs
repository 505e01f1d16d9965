//! Keys of a person.

use super::{Amount, Credits, KeyMode, Reset, Time};
use utoipa::ToSchema;

/// A key, without its secret.
#[derive(ToSchema)]
pub(crate) struct KeyRecord {
    id: String,
    /// The same as `id`.
    hash: String,
    name: String,
    /// The beginning and the last characters of the key.
    label: String,
    disabled: bool,
    limit: Option<Credits>,
    limit_remaining: Option<Credits>,
    limit_reset: Option<Reset>,
    limit_resets_at: Option<Time>,
    usage: Credits,
    usage_daily: Credits,
    usage_weekly: Credits,
    usage_monthly: Credits,
    created_at: Time,
    expires_at: Option<Time>,
    /// The models that the key may use; null for all.
    allowed_models: Option<Vec<String>>,
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u64>,
    parallel_max: Option<u32>,
    /// The partner that issued the key.
    app_id: Option<String>,
}

/// A key that was made.
#[derive(ToSchema)]
pub(crate) struct NewKeyRecord {
    /// The key itself. It is in this answer and nowhere else.
    key: String,
    data: KeyRecord,
}

/// A key to make.
#[derive(ToSchema)]
pub(crate) struct KeyToMake {
    #[schema(min_length = 1, example = "laptop")]
    name: String,
    /// Credits that the key may spend; without it, all.
    limit: Option<Amount>,
    /// When the limit begins anew; without it, never.
    limit_reset: Option<Reset>,
    expires_at: Option<Time>,
    allowed_models: Option<Vec<String>>,
    #[schema(minimum = 1)]
    requests_per_minute: Option<u32>,
    #[schema(minimum = 1)]
    tokens_per_minute: Option<u32>,
    #[schema(minimum = 1)]
    parallel_max: Option<u32>,
}

/// A change of a key: what is absent stays, and null removes.
#[derive(ToSchema)]
pub(crate) struct KeyChange {
    #[schema(min_length = 1, nullable = false)]
    name: Option<String>,
    #[schema(nullable = false)]
    disabled: Option<bool>,
    limit: Option<Amount>,
    limit_reset: Option<Reset>,
    expires_at: Option<Time>,
    allowed_models: Option<Vec<String>>,
    #[schema(minimum = 1)]
    requests_per_minute: Option<u32>,
    #[schema(minimum = 1)]
    tokens_per_minute: Option<u32>,
    #[schema(minimum = 1)]
    parallel_max: Option<u32>,
}

/// The limits, rates and usage of the key that asks.
#[derive(ToSchema)]
pub(crate) struct OwnKey {
    label: String,
    limit: Option<Credits>,
    limit_reset: Option<Reset>,
    limit_remaining: Option<Credits>,
    /// Every limit that requests of the key are held to.
    limits: Vec<OwnLimit>,
    usage: Credits,
    usage_daily: Credits,
    usage_weekly: Credits,
    usage_monthly: Credits,
    is_test: bool,
    mode: KeyMode,
    expires_at: Option<Time>,
    allowed_models: Option<Vec<String>>,
    rate_limit: Option<OwnRates>,
}

/// A limit of spending.
#[derive(ToSchema)]
pub(crate) struct OwnLimit {
    /// Whose limit it is: of the key, of the app that issued it, or of the person.
    whose: Whose,
    limit: Credits,
    limit_remaining: Credits,
    limit_reset: Option<Reset>,
    limit_resets_at: Option<Time>,
}

/// Whose limit it is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Whose {
    Key,
    Grant,
    Person,
}

/// The rates of a key, and what is left of them.
#[derive(ToSchema)]
pub(crate) struct OwnRates {
    interval: String,
    requests: Option<u64>,
    requests_remaining: Option<u64>,
    tokens: Option<u64>,
    tokens_remaining: Option<u64>,
    parallel: Option<u64>,
    running: u64,
}
