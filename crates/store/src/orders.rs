//! Purchases of credits, and how people pay.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{NanoUsd, OrderId, PartnerId, UnixMs, UserId};

/// What a purchase was begun by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderOrigin {
    /// The person, on the processor's page.
    Checkout,
    /// A balance below its threshold.
    TopUp,
}

/// How far a purchase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// It can be paid.
    Open,
    /// The person has paid, and their bank takes days.
    Waiting,
    /// It was paid, and its credits are in the wallet.
    Paid,
    /// It was not paid, or the bank took the money back.
    Failed,
    /// Its page has ended. A payment that arrives all the same still counts.
    Expired,
}

impl OrderState {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// What the books show of a purchase: absolute figures, not changes. Money is in the minor unit of the order's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Booked {
    /// Paid, refunds not counted.
    pub paid_minor: i64,
    /// Refunded, or on its way back.
    pub refunded_minor: i64,
    /// Withdrawn by disputes that are open.
    pub disputed_minor: i64,
    /// Lost in disputes.
    pub lost_minor: i64,
    /// Credits that were given, the bonus too.
    pub granted: NanoUsd,
    /// Credits that were taken back.
    pub taken: NanoUsd,
    /// Credits that are frozen for open disputes.
    pub frozen: NanoUsd,
}

/// The bookings of a purchase. A booking is stored before it is made, and made again until it is known to be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bookings {
    /// The number of the last booking.
    pub number: u32,
    /// What the books showed before it.
    pub before: Booked,
    /// What they show after it.
    pub after: Booked,
    /// Whether it is known to be made.
    pub is_made: bool,
    /// When it was decided.
    pub at: UnixMs,
}

/// The processor's page on which a purchase is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    /// Its id there.
    pub session: String,
    /// Its address.
    pub url: String,
    /// When it ends.
    pub expires_at: UnixMs,
}

/// A purchase of credits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The id.
    pub id: OrderId,
    /// Counts the changes of the record. [`Orders::update_order`] refuses a record that was changed meanwhile.
    pub version: u32,
    /// The person.
    pub user: UserId,
    /// The partner through which it was begun.
    pub partner: Option<PartnerId>,
    /// What it was begun by.
    pub origin: OrderOrigin,
    /// The digest of the request's idempotency key.
    pub request: Option<[u8; 32]>,
    /// The digest of all that this request asked for; `None` without a key, and for orders of earlier versions.
    pub content: Option<[u8; 32]>,
    /// The currency, as three lower-case letters.
    pub currency: String,
    /// What is to be paid, the fee included, in the currency's minor unit.
    pub amount_minor: i64,
    /// The part of it that is the operator's fee.
    pub fee_minor: i64,
    /// The credits that are bought.
    pub credits: NanoUsd,
    /// The credits that are given with them.
    pub bonus: NanoUsd,
    /// The time of the order.
    pub created_at: UnixMs,
    /// How far it is.
    pub state: OrderState,
    /// The number of the last attempt to get a page or a charge.
    pub attempt: u32,
    /// The page, once there is one.
    pub page: Option<OrderPage>,
    /// The processor's payment, once there is one.
    pub payment: Option<String>,
    /// What the books show.
    pub bookings: Bookings,
    /// When the processor is asked again; `None` when nothing more is expected.
    pub check_at: Option<UnixMs>,
}

/// Purchases.
#[async_trait]
pub trait Orders: Send + Sync {
    /// Adds a purchase; no other has its id or request.
    async fn add_order(&self, order: &Order) -> Result<(), StoreError>;
    /// A purchase.
    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError>;
    /// The purchase with this digest of a request's idempotency key.
    async fn order_by_request(&self, digest: &[u8; 32]) -> Result<Option<Order>, StoreError>;
    /// The purchase with this payment.
    async fn order_by_payment(&self, payment: &str) -> Result<Option<Order>, StoreError>;
    /// At most `max` purchases, newest first, below `before`; of one person where `user` is given.
    async fn orders(&self, user: Option<UserId>, before: Option<OrderId>, max: u32) -> Result<Vec<Order>, StoreError>;
    /// At most `max` purchases that are to be read again by `now`, the longest due first.
    async fn orders_to_check(&self, now: UnixMs, max: u32) -> Result<Vec<Order>, StoreError>;
    /// A person's purchases whose last booking is not known to be made, the first decided first.
    async fn orders_unbooked(&self, user: UserId) -> Result<Vec<Order>, StoreError>;
    /// Replaces the changeable part of a purchase and raises its version, unless the version has changed; whether it was
    /// replaced. Person, origin, amounts, credits and time of an order never change.
    async fn update_order(&self, order: &Order) -> Result<bool, StoreError>;
}

/// Whether a person's balance is topped up by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopUpState {
    /// No.
    Off,
    /// Yes.
    On,
    /// No: a charge was declined.
    Declined,
    /// No: the bank wants the person to confirm.
    ActionRequired,
    /// No: a payment is disputed, or reported as fraud.
    Disputed,
}

/// How a person pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payer {
    /// The person.
    pub user: UserId,
    /// Counts the changes; 0 for a record that is not stored yet.
    pub version: u32,
    /// Their id at the processor.
    pub customer: Option<String>,
    /// The saved payment method there.
    pub method: Option<String>,
    /// Whether the balance is topped up by itself.
    pub top_up: TopUpState,
    /// The balance below which it is.
    pub threshold: NanoUsd,
    /// What is charged then, in the currency's minor unit.
    pub amount_minor: i64,
    /// The currency, as three lower-case letters.
    pub currency: String,
    /// The most that is charged so in a calendar month, UTC.
    pub monthly_max_minor: i64,
    /// The month of `month_minor`, counted from January 1970.
    pub month: u32,
    /// What was charged so in that month.
    pub month_minor: i64,
    /// The purchase that is being charged: there is one at a time.
    pub charging: Option<OrderId>,
}

/// How people pay.
#[async_trait]
pub trait Payers: Send + Sync {
    /// A person's record.
    async fn payer(&self, user: UserId) -> Result<Option<Payer>, StoreError>;
    /// Stores a record and raises its version, unless the version has changed; whether it was stored.
    async fn put_payer(&self, payer: &Payer) -> Result<bool, StoreError>;
    /// At most `max` records of people whose balance is topped up by itself, by id, above `after`.
    async fn payers_to_top_up(&self, after: UserId, max: u32) -> Result<Vec<Payer>, StoreError>;
}

/// How far walks through lists elsewhere have come.
#[async_trait]
pub trait Cursors: Send + Sync {
    /// The position of a walk.
    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError>;
    /// Stores the position of a walk.
    async fn set_cursor(&self, name: &str, position: &str) -> Result<(), StoreError>;
}
