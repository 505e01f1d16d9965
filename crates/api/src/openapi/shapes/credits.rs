//! Balances, prices and purchases.

use super::{Amount, Credits, KeyMode, Money, Time};
use utoipa::ToSchema;

/// A balance.
#[derive(ToSchema)]
pub(crate) struct Balance {
    /// Credits, with the holds of running requests.
    balance: Credits,
}

/// What a person got and used in total.
#[derive(ToSchema)]
pub(crate) struct CreditTotals {
    mode: KeyMode,
    total_credits: Credits,
    total_usage: Credits,
    balance: Credits,
    /// Held for requests that run.
    held: Credits,
    /// What can be spent: the balance without what is held.
    available: Credits,
    /// What the next purchase settles first.
    owed: Credits,
}

/// What requests of a given size cost.
#[derive(ToSchema)]
pub(crate) struct Quote {
    models: Vec<QuotedModel>,
    token_assumption: TokenAssumption,
}

/// The price of a request to a model.
#[derive(ToSchema)]
pub(crate) struct QuotedModel {
    id: String,
    credits_per_request: Credits,
}

/// The size of a request.
#[derive(ToSchema)]
pub(crate) struct TokenAssumption {
    input_tokens: u64,
    output_tokens: u64,
}

/// How credits are sold.
#[derive(ToSchema)]
pub(crate) struct Offer {
    currencies: Vec<OfferedCurrency>,
}

/// How credits are sold in a currency.
#[derive(ToSchema)]
pub(crate) struct OfferedCurrency {
    #[schema(example = "usd")]
    currency: String,
    amount_min: Money,
    amount_max: Money,
    suggested: Vec<Price>,
    /// The price of the `amount` that was asked for; null where it is out of bounds.
    asked: Option<Price>,
}

/// What an amount gives.
#[derive(ToSchema)]
pub(crate) struct Price {
    /// What credits are bought for.
    amount: Money,
    /// The processor's fee, on top.
    fee: Money,
    /// What is paid.
    total: Money,
    credits: Credits,
    /// Credits given on top.
    bonus: Credits,
}

/// A purchase to begin.
#[derive(ToSchema)]
pub(crate) struct Purchase {
    /// What credits are bought for; the fee comes on top.
    amount: Amount,
    /// A currency of the offer; the first one without.
    #[schema(min_length = 3, max_length = 3, example = "usd")]
    currency: Option<String>,
    /// Where the receipt goes; the person's address without.
    email: Option<String>,
    /// Where the person goes after paying.
    #[schema(pattern = "^https?://[ -~]{1,200}$")]
    success_url: Option<String>,
    /// Where a person goes who does not pay.
    #[schema(pattern = "^https?://[ -~]{1,200}$")]
    cancel_url: Option<String>,
    /// Whether the payment method is kept for top-ups.
    save_method: Option<bool>,
}

/// A purchase.
#[derive(ToSchema)]
pub(crate) struct OrderRecord {
    id: String,
    object: OrderObject,
    status: OrderStatus,
    origin: Origin,
    /// Where it is paid, while it is open.
    checkout_url: Option<String>,
    expires_at: Option<Time>,
    created_at: Time,
    currency: String,
    amount: Money,
    fee: Money,
    total: Money,
    credits: Credits,
    bonus: Credits,
    refunded: Money,
    credits_taken_back: Credits,
}

/// What the object is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum OrderObject {
    Order,
}

/// How far a purchase is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum OrderStatus {
    Open,
    WaitingForBank,
    Paid,
    Failed,
    Expired,
    PartlyRefunded,
    Refunded,
    Disputed,
    Lost,
}

/// How a purchase was begun.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Origin {
    Checkout,
    TopUp,
}

/// The rule by which a balance is topped up.
#[derive(ToSchema)]
pub(crate) struct TopUpRecord {
    enabled: bool,
    status: TopUpStatus,
    has_payment_method: bool,
    threshold: Option<Credits>,
    amount: Option<Money>,
    currency: Option<String>,
    monthly_max: Option<Money>,
    charged_this_month: Option<Money>,
}

/// Whether top-ups are on, and why not.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum TopUpStatus {
    Off,
    On,
    Declined,
    ActionRequired,
    Disputed,
}

/// A rule to set.
#[derive(ToSchema)]
pub(crate) struct TopUpToSet {
    /// Credits below which the balance is topped up.
    threshold: Amount,
    /// What credits are bought for.
    amount: Amount,
    #[schema(min_length = 3, max_length = 3, example = "usd")]
    currency: Option<String>,
    /// The most that is charged in a month.
    monthly_max: Amount,
}

/// A page of the payment processor.
#[derive(ToSchema)]
pub(crate) struct PortalLink {
    url: String,
}

/// An event was taken.
#[derive(ToSchema)]
pub(crate) struct Received {
    received: bool,
}

/// What this service offers.
#[derive(ToSchema)]
pub(crate) struct Features {
    opencredits_enabled: bool,
    country: Option<String>,
}
