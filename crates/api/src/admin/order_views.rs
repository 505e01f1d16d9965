//! What operators ask about orders, and what they are shown.

use super::amount_view::AmountView;
use opencredits_service::purchases::ReconcileReport;
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
    /// Movements of ours whose order is unknown.
    pub suspense: Vec<String>,
    /// What failed, and is tried again in the next run.
    pub failures: Vec<String>,
    /// Payments and refunds that are in one of both books only, by currency, in units of the currency: zero when all agree.
    pub clearing: BTreeMap<String, NanoUsd>,
    /// What the processor holds for us by our books, by currency.
    pub processor: BTreeMap<String, NanoUsd>,
}

impl From<ReconcileReport> for ReconcileView {
    fn from(report: ReconcileReport) -> Self {
        Self {
            agrees: report.agrees(),
            events: [report.events, report.events_ours],
            orders: report.orders,
            movements: [report.movements, report.movements_booked],
            suspense: report.suspense,
            failures: report.failures,
            clearing: report.clearing,
            processor: report.processor,
        }
    }
}
