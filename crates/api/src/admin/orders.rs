//! Executes requests about orders.

use super::answer::{Admin, Answer, last_of_full, most};
use super::order_views::{OrderRequest, OrderView};
use super::reply::{AdminReply, Refusal, RefusalCode};
use opencredits_billing::Fault;
use opencredits_service::accounts::Actor;
use opencredits_service::purchases::{PurchaseError, Purchases, Settled};
use opencredits_store::Order;
use opencredits_units::OrderId;

impl Admin {
    pub(super) async fn orders(&self, request: OrderRequest) -> Answer {
        let Some(purchases) = &self.purchases else {
            let why = "credits are not sold: set payments.processor, and ask while the gateway runs";
            return Err(Refusal::invalid(why));
        };
        match request {
            OrderRequest::List { user, before, max } => self.list_orders(purchases, user, (before, max)).await,
            OrderRequest::Show { id } => match purchases.settle_order(id).await {
                Ok(Settled::Ours(order)) => Ok(self.order(*order)),
                // What is known is shown, also while the processor does not answer.
                Ok(Settled::Foreign) | Err(PurchaseError::Payment(_)) => Ok(self.order(purchases.order(id).await?)),
                Err(error) => Err(error.into()),
            },
            OrderRequest::Refund { id, amount_minor, key, reason } => {
                let before = purchases.order(id).await?.bookings.after.refunded_minor;
                let order = purchases.refund(id, amount_minor, &key).await?;
                let sent = order.bookings.after.refunded_minor.saturating_sub(before);
                let detail = format!("{sent} minor units of {}, key {key}: {reason}", order.currency);
                self.accounts.record_change((Actor::Operator, "order.refund"), &id.to_string(), detail).await?;
                if sent == 0 {
                    let why = format!(
                        "{id} was refunded under the key {key} before, and nothing was sent now; refund more under another --key"
                    );
                    return Err(Refusal { code: RefusalCode::Conflict, refused: why });
                }
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
