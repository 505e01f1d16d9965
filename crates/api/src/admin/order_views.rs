//! What operators ask about orders, and what they are shown.

use super::amount_view::AmountView;
use opencredits_service::purchases::{Listed, ReconcileReport, Unmoved};
use opencredits_store::{Order, OrderOrigin, OrderState};
use opencredits_units::{CreditPrice, NanoUsd, OrderId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A request about orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum OrderRequest {
    /// Lists orders, newest first.
    List {
        /// Of this person.
        user: Option<String>,
        /// The cursor.
        before: Option<OrderId>,
        /// The largest number of rows.
        max: u32,
    },
    /// Reads an order's payment, books what differs, and shows the order.
    Show {
        /// The order.
        id: OrderId,
    },
    /// Refunds an order, and takes its credits back.
    Refund {
        /// The order.
        id: OrderId,
        /// The amount in the minor unit of its currency; all that is left where `None`.
        amount_minor: Option<i64>,
        /// A repetition under the same key refunds nothing more.
        key: String,
        /// The reason, for the record of changes.
        reason: String,
    },
    /// Reads everything at the payment processor, and says what differs.
    Reconcile,
}

/// An order, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// The id.
    pub id: OrderId,
    /// The person.
    pub user: UserId,
    /// How far it is: `open`, `waiting`, `paid`, `failed` or `expired`.
    pub state: String,
    /// `checkout` or `top_up`.
    pub origin: String,
    /// The currency.
    pub currency: String,
    /// What is to be paid, the fee included, in the currency's minor unit.
    pub amount_minor: i64,
    /// The operator's fee in it.
    pub fee_minor: i64,
    /// The credits that are bought.
    pub credits: AmountView,
    /// The credits that are given with them.
    pub bonus: AmountView,
    /// What was refunded.
    pub refunded_minor: i64,
    /// What open disputes have withdrawn.
    pub disputed_minor: i64,
    /// What was lost in disputes.
    pub lost_minor: i64,
    /// The credits that were taken back.
    pub taken: AmountView,
    /// The credits that are frozen.
    pub frozen: AmountView,
    /// The processor's payment.
    pub payment: Option<String>,
    /// The time of the order.
    pub created_at_ms: UnixMs,
}

impl OrderView {
    pub(super) fn new(order: Order, price: CreditPrice) -> Self {
        let amount = |amount| AmountView::new(amount, price);
        let booked = order.bookings.after;
        Self {
            id: order.id,
            user: order.user,
            state: match order.state {
                OrderState::Open => "open",
                OrderState::Waiting => "waiting",
                OrderState::Paid => "paid",
                OrderState::Failed => "failed",
                OrderState::Expired => "expired",
            }
            .to_owned(),
            origin: match order.origin {
                OrderOrigin::Checkout => "checkout",
                OrderOrigin::TopUp => "top_up",
            }
            .to_owned(),
            currency: order.currency,
            amount_minor: order.amount_minor,
            fee_minor: order.fee_minor,
            credits: amount(order.credits),
            bonus: amount(order.bonus),
            refunded_minor: booked.refunded_minor,
            disputed_minor: booked.disputed_minor,
            lost_minor: booked.lost_minor,
            taken: amount(booked.taken),
            frozen: amount(booked.frozen),
            payment: order.payment,
            created_at_ms: order.created_at,
        }
    }
}

/// What a reconciliation found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileView {
    /// Whether both books agree, and nothing failed.
    pub agrees: bool,
    /// Events that were read, and those about payments of ours.
    pub events: [usize; 2],
    /// Orders that were read again.
    pub orders: usize,
    /// Movements of money that were read, and those that were not in the books before.
    pub movements: [usize; 2],
    /// The latter, by their ids.
    pub booked: NamedView<String>,
    /// Orders of which this run changed what the books show.
    pub changed: NamedView<OrderId>,
    /// Orders whose payments or refunds are not all in the processor's books, or the other way about: they explain what is left
    /// in clearing.
    pub unmoved: NamedView<UnmovedView>,
    /// Movements of ours whose order is unknown, of this run.
    pub suspense: Vec<String>,
    /// What failed, and is tried again in the next run.
    pub failures: Vec<String>,
    /// Payments and refunds that are in one of both books only, by currency, in units of the currency: zero when all agree.
    pub clearing: BTreeMap<String, NanoUsd>,
    /// Money of ours that belongs to no order, by currency: zero when all agree.
    pub in_suspense: BTreeMap<String, NanoUsd>,
    /// Money of other products on the same account, by currency.
    pub foreign: BTreeMap<String, NanoUsd>,
    /// What the processor holds for us by our books, by currency.
    pub processor: BTreeMap<String, NanoUsd>,
}

/// What a report names: the first of them, and how many there are beyond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedView<T> {
    /// The first.
    pub first: Vec<T>,
    /// How many more there are.
    pub more: usize,
}

/// What an order leaves in clearing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmovedView {
    /// The order.
    pub order: OrderId,
    /// The currency.
    pub currency: String,
    /// The movements of money less the payments and refunds, in units of the currency.
    pub amount: NanoUsd,
}

/// Orders that are named at most.
const UNMOVED_MAX: usize = 100;

impl<T> From<Listed<T>> for NamedView<T> {
    fn from(listed: Listed<T>) -> Self {
        Self { first: listed.first, more: listed.more }
    }
}

fn unmoved(orders: BTreeMap<OrderId, Unmoved>) -> NamedView<UnmovedView> {
    let more = orders.len().saturating_sub(UNMOVED_MAX);
    let shown = |(order, Unmoved { currency, amount })| UnmovedView { order, currency, amount };
    NamedView { first: orders.into_iter().take(UNMOVED_MAX).map(shown).collect(), more }
}

impl From<ReconcileReport> for ReconcileView {
    fn from(report: ReconcileReport) -> Self {
        Self {
            agrees: report.agrees(),
            events: [report.events, report.events_ours],
            orders: report.orders,
            movements: [report.movements, report.booked.count()],
            booked: report.booked.into(),
            changed: report.changed.into(),
            unmoved: unmoved(report.unmoved),
            suspense: report.suspense,
            failures: report.failures,
            clearing: report.clearing,
            in_suspense: report.in_suspense,
            foreign: report.foreign,
            processor: report.processor,
        }
    }
}
