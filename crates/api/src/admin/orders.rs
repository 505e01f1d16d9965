//! Requests of an operator about orders, and their replies.

use super::amount_view::AmountView;
use super::answer::{Admin, Answer, last_of_full, most};
use super::reply::{AdminReply, Refusal, RefusalCode};
use opencredits_billing::Fault;
use opencredits_service::accounts::Actor;
use opencredits_service::purchases::{PurchaseError, Purchases, ReconcileReport, Settled};
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
    fn new(order: Order, price: CreditPrice) -> Self {
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

impl Admin {
    pub(super) async fn orders(&self, request: OrderRequest) -> Answer {
        let Some(purchases) = &self.purchases else {
            let why = "credits are not sold: set payments.processor, and ask while the gateway runs";
            return Err(Refusal::invalid(why));
        };
        match request {
            OrderRequest::List { user, before, max } => self.list_orders(purchases, user, (before, max)).await,
            OrderRequest::Show { id } => match purchases.settle_order(id).await? {
                Settled::Ours(order) => Ok(self.order(*order)),
                Settled::Foreign => Ok(self.order(purchases.order(id).await?)),
            },
            OrderRequest::Refund { id, amount_minor, key, reason } => {
                let order = purchases.refund(id, amount_minor, &key).await?;
                self.accounts.record_change((Actor::Operator, "order.refund"), &id.to_string(), reason).await?;
                Ok(self.order(order))
            }
            OrderRequest::Reconcile => {
                let report = Box::new(purchases.reconcile().await?.into());
                Ok(AdminReply::Reconciled { report })
            }
        }
    }

    async fn list_orders(
        &self,
        purchases: &Purchases,
        user: Option<String>,
        (before, max): (Option<OrderId>, u32),
    ) -> Answer {
        let user = match user {
            Some(name) => Some(self.accounts.find_user(&name).await?.id),
            None => None,
        };
        let max = most(max);
        let orders = purchases.orders(user, before, max).await?;
        let next = last_of_full(&orders, max).map(|order| order.id);
        let orders = orders.into_iter().map(|order| OrderView::new(order, self.price)).collect();
        Ok(AdminReply::Orders { orders, next })
    }

    fn order(&self, order: Order) -> AdminReply {
        AdminReply::Order { order: Box::new(OrderView::new(order, self.price)) }
    }
}

impl From<PurchaseError> for Refusal {
    fn from(error: PurchaseError) -> Self {
        let code = match &error {
            PurchaseError::NoOrder { .. } => RefusalCode::NotFound,
            PurchaseError::NotPaid { .. } | PurchaseError::NotSold(_) => RefusalCode::Invalid,
            PurchaseError::Payment(error) if error.fault() == Fault::Caller => RefusalCode::Invalid,
            _ => RefusalCode::Failed,
        };
        Self { code, refused: error.to_string() }
    }
}
