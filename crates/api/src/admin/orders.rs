//! Executes requests about orders.

use super::answer::{Admin, Answer, last_of_full, most};
use super::order_views::{OrderRequest, OrderView};
use super::reply::{AdminReply, Refusal, RefusalCode};
use opencredits_billing::Fault;
use opencredits_service::accounts::{AccountsError, Actor};
use opencredits_service::purchases::{PurchaseError, Purchases, Settled};
use opencredits_store::Order;
use opencredits_units::{OrderId, UserId};

/// Who cannot ask the payment processor can neither refund nor reconcile.
const NOT_SOLD: &str = "this needs the payment processor, which only a running gateway asks: start the gateway with payments.processor set, and ask again";

impl Admin {
    pub(super) async fn orders(&self, request: OrderRequest) -> Answer {
        let Some(purchases) = &self.purchases else {
            return self.stored_orders(request).await;
        };
        match request {
            OrderRequest::List { user, before, max } => self.list_orders(purchases, user, (before, max)).await,
            OrderRequest::Show { id } => match purchases.settle_order(id).await {
                Ok(Settled::Ours(settled)) => Ok(self.order(settled.order)),
                // What is known is shown, also while the processor does not answer.
                Ok(Settled::Foreign) | Err(PurchaseError::Payment(_)) => {
                    let order = Box::new(OrderView::new(purchases.order(id).await?, self.price));
                    Ok(AdminReply::Order { order, as_stored: true })
                }
                Err(error) => Err(error.into()),
            },
            OrderRequest::Refund { id, amount_minor, key, reason } => {
                self.refund_order(purchases, id, (amount_minor, &key, &reason)).await
            }
            OrderRequest::Reconcile => {
                let report = Box::new(purchases.reconcile_watched(&self.progress).await?.into());
                Ok(AdminReply::Reconciled { report })
            }
        }
    }

    /// Refunds an order. That it was asked for is recorded before money moves, so that no crash leaves a refund without a reason;
    /// what was sent is recorded after it.
    async fn refund_order(
        &self,
        purchases: &Purchases,
        id: OrderId,
        (amount_minor, key, reason): (Option<i64>, &str, &str),
    ) -> Answer {
        let before = purchases.order(id).await?;
        let (subject, currency) = (id.to_string(), &before.currency);
        let asked = amount_minor
            .map_or_else(|| "all that is left".to_owned(), |minor| format!("{minor} minor units of {currency}"));
        let record = async |action: &str, detail: String| {
            self.accounts.record_change((Actor::Operator, action), &subject, detail).await
        };
        record("order.refund", format!("{asked}, key {key}: {reason}")).await?;
        let order = purchases.refund(id, amount_minor, key).await?;
        let sent = order.bookings.after.refunded_minor.saturating_sub(before.bookings.after.refunded_minor);
        record("order.refunded", format!("{sent} minor units of {currency}, key {key}")).await?;
        if sent == 0 {
            let why = format!(
                "{id} was refunded under the key {key} before, and nothing was sent now; refund more under another --key"
            );
            return Err(Refusal { code: RefusalCode::Conflict, refused: why });
        }
        Ok(self.order(order))
    }

    /// Orders as they are stored, where nothing can be asked at the payment processor.
    async fn stored_orders(&self, request: OrderRequest) -> Answer {
        let Some(store) = &self.stored else {
            return Err(Refusal::invalid(NOT_SOLD));
        };
        match request {
            OrderRequest::List { user, before, max } => {
                let user = self.user_of(user).await?;
                let found = store.orders(user, before, most(max)).await.map_err(AccountsError::from)?;
                Ok(self.order_page(found, max))
            }
            OrderRequest::Show { id } => match store.order(id).await.map_err(AccountsError::from)? {
                Some(order) => {
                    let order = Box::new(OrderView::new(order, self.price));
                    Ok(AdminReply::Order { order, as_stored: true })
                }
                None => Err(PurchaseError::NoOrder { id: id.to_string() }.into()),
            },
            OrderRequest::Refund { .. } | OrderRequest::Reconcile => Err(Refusal::invalid(NOT_SOLD)),
        }
    }

    async fn user_of(&self, name: Option<String>) -> Result<Option<UserId>, Refusal> {
        Ok(match name {
            Some(name) => Some(self.accounts.find_user(&name).await?.id),
            None => None,
        })
    }

    fn order_page(&self, orders: Vec<Order>, max: u32) -> AdminReply {
        let next = last_of_full(&orders, most(max)).map(|order| order.id);
        let orders = orders.into_iter().map(|order| OrderView::new(order, self.price)).collect();
        AdminReply::Orders { orders, next }
    }

    async fn list_orders(
        &self,
        purchases: &Purchases,
        user: Option<String>,
        (before, max): (Option<OrderId>, u32),
    ) -> Answer {
        let user = self.user_of(user).await?;
        Ok(self.order_page(purchases.orders(user, before, most(max)).await?, max))
    }

    fn order(&self, order: Order) -> AdminReply {
        AdminReply::Order { order: Box::new(OrderView::new(order, self.price)), as_stored: false }
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
