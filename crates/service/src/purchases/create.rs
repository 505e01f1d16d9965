//! A purchase begins: the order is on disk before the processor hears of it.

use super::error::PurchaseError;
use super::state::Purchases;
use super::terms::Price;
use crate::ledger_ids::derived;
use crate::ports::fresh_id;
use opencredits_billing::{CheckoutRequest, CustomerId, Money, PaymentError, Retry, SaveMethod};
use opencredits_store::{Bookings, Order, OrderOrigin, OrderPage, OrderState, StoreError};
use opencredits_units::{OrderId, PartnerId, UnixMs, UserId};

/// Attempts to get a page, each with an idempotency key of its own.
const ATTEMPTS_MAX: u32 = 3;
/// The shortest time that the processor lets a page be paid on, and some more for the way there.
const PAGE_MS_MIN: u64 = 35 * 60_000;
/// A page that ends sooner is not offered again.
const PAGE_REST_MS: u64 = 10 * 60_000;
/// How many of a person's latest orders are looked through for open ones.
const LATEST_MAX: u32 = 100;
/// The first look at an order that nobody told us about.
const FIRST_CHECK_MS: u64 = 60_000;

/// A purchase to begin.
#[derive(Clone)]
pub struct NewOrder {
    /// The person.
    pub user: UserId,
    /// The partner through which it is begun.
    pub partner: Option<PartnerId>,
    /// The amount that credits are bought for; the fee comes on top.
    pub amount: Money,
    /// The address for the receipt.
    pub email: String,
    /// The idempotency key of the request.
    pub idempotency_key: Option<String>,
    /// Where the person goes after paying; the operator's page where `None`.
    pub success_url: Option<String>,
    /// Where the person goes instead; the operator's page where `None`.
    pub cancel_url: Option<String>,
    /// Whether the payment method is kept for top-ups.
    pub save_method: SaveMethod,
}

impl Purchases {
    /// Begins a purchase: stores the order, then gets a page on which it is paid. A repetition with the same idempotency
    /// key gives the same order; and an open order of the same person and amount is offered again.
    ///
    /// # Errors
    /// When nothing is sold for the amount, when the key was used for another purchase, when too many orders of the person
    /// are open, or when processor or store fail.
    pub async fn begin(&self, new: NewOrder) -> Result<Order, PurchaseError> {
        let price = self.settings().terms.price(new.amount).map_err(PurchaseError::NotSold)?;
        self.refuse_paused(new.user).await?;
        let digest = new.idempotency_key.as_deref().map(|key| request_digest(new.user, key));
        if let Some(digest) = &digest
            && let Some(order) = self.tables.orders.order_by_request(digest).await?
        {
            return self.again(order, &new, price).await;
        }
        let order = self.fresh_order(&new, price, digest);
        // What the processor would refuse leaves no order.
        self.page_request(&order, &new, None)?.check()?;
        // Two requests of one person at once open one order, and no more than may be open.
        let _alone = self.begins(new.user).lock().await;
        if let Some(order) = self.open_order(&new, price).await? {
            return Ok(order);
        }
        match self.tables.orders.add_order(&order).await {
            Ok(()) => {
                let order = self.with_page(order, &new).await?;
                if new.idempotency_key.is_none() {
                    self.begun.insert(same_request(&new), order.id);
                }
                Ok(order)
            }
            // The same key at the same time.
            Err(StoreError::Exists) => {
                let earlier = match &digest {
                    Some(digest) => self.tables.orders.order_by_request(digest).await?,
                    None => None,
                };
                self.again(earlier.ok_or(StoreError::Exists)?, &new, price).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The order of an earlier request with the same key.
    async fn again(&self, order: Order, new: &NewOrder, price: Price) -> Result<Order, PurchaseError> {
        let currency = price.total.currency();
        let same = match order.content {
            Some(content) => content == content_digest(new),
            // One of an earlier version.
            None => order.amount_minor == price.total.minor() && order.currency == currency.code(),
        };
        if !same || order.user != new.user {
            return Err(PurchaseError::OtherRequest);
        }
        if order.page.is_some() || order.state != OrderState::Open {
            return Ok(order);
        }
        self.with_page(order, new).await
    }

    /// The open order of the same request a while ago, whose page can still be paid on.
    async fn open_order(&self, new: &NewOrder, price: Price) -> Result<Option<Order>, PurchaseError> {
        let latest = self.tables.orders.orders(Some(new.user), None, LATEST_MAX).await?;
        let now = self.now();
        let until = now.saturating_add_ms(PAGE_REST_MS);
        let is_open = |order: &&Order| {
            order.state == OrderState::Open && order.page.as_ref().is_none_or(|page| page.expires_at > now)
        };
        let open: Vec<&Order> = latest.iter().filter(is_open).collect();
        let earlier = if new.idempotency_key.is_none() { self.begun.get(&same_request(new)) } else { None };
        let same = |order: &&&Order| {
            Some(order.id) == earlier
                && order.amount_minor == price.total.minor()
                && order.page.as_ref().is_some_and(|page| page.expires_at > until)
        };
        if let Some(order) = open.iter().find(same) {
            return Ok(Some((*order).clone()));
        }
        if open.len() >= self.settings().open_max {
            return Err(PurchaseError::TooManyOpen { max: self.settings().open_max });
        }
        Ok(None)
    }

    fn fresh_order(&self, new: &NewOrder, price: Price, request: Option<[u8; 32]>) -> Order {
        let now = self.now();
        Order {
            id: fresh_id(now, &*self.ports.entropy),
            version: 1,
            user: new.user,
            partner: new.partner,
            origin: OrderOrigin::Checkout,
            request,
            content: request.map(|_| content_digest(new)),
            currency: price.total.currency().code().to_owned(),
            amount_minor: price.total.minor(),
            fee_minor: price.fee_minor,
            credits: price.credits,
            bonus: price.bonus,
            created_at: now,
            state: OrderState::Open,
            attempt: 1,
            page: None,
            payment: None,
            bookings: Bookings::default(),
            check_at: Some(now.saturating_add_ms(FIRST_CHECK_MS)),
        }
    }

    /// Gets a page for an order, and gives it out once the order names it.
    async fn with_page(&self, order: Order, new: &NewOrder) -> Result<Order, PurchaseError> {
        // A job may read the order meanwhile. Of two requests with one key, the second finds the page of the first.
        let _alone = self.lock(order.user).lock().await;
        let mut order = self.order(order.id).await?;
        if order.page.is_some() || order.state != OrderState::Open {
            return Ok(order);
        }
        // The processor takes no page that ends within half an hour: the rest of an old order's time is too short.
        if self.page_end(&order) < self.now().saturating_add_ms(PAGE_MS_MIN) {
            order.attempt = order.attempt.saturating_add(1);
            order = self.stored(order).await?;
        }
        let customer = self.tables.payers.payer(order.user).await?.and_then(|payer| payer.customer);
        let customer = customer.and_then(|id| id.parse().ok());
        let mut request = self.page_request(&order, new, customer)?;
        let made = loop {
            match self.ports.payments.create_checkout(&request).await {
                Ok(made) => break made,
                // The failure is stored under the key: only a new attempt can succeed. Its number is stored first.
                Err(error) if error.retry() == Retry::NewAttempt && request.attempt < ATTEMPTS_MAX => {
                    order.attempt = order.attempt.saturating_add(1);
                    order = self.stored(order).await?;
                    request.attempt = order.attempt;
                }
                Err(error) => return Err(error.into()),
            }
        };
        order.page =
            Some(OrderPage { session: made.session.as_str().to_owned(), url: made.url, expires_at: made.expires_at });
        self.stored(order).await
    }

    fn page_request(
        &self,
        order: &Order,
        new: &NewOrder,
        customer: Option<CustomerId>,
    ) -> Result<CheckoutRequest, PaymentError> {
        Ok(CheckoutRequest {
            order: order_ref(order.id)?,
            attempt: order.attempt,
            amount: super::target::price(order)?,
            email: new.email.clone(),
            partner: order.partner.map(|partner| partner.to_string()),
            success_url: new.success_url.clone().unwrap_or_else(|| self.settings().success_url.clone()),
            cancel_url: new.cancel_url.clone().unwrap_or_else(|| self.settings().cancel_url.clone()),
            save_method: new.save_method,
            customer,
            expires_at: self.page_end(order).max(self.now().saturating_add_ms(PAGE_MS_MIN)),
        })
    }

    /// The same for every repetition of an attempt, as the processor compares them; a later one for an order whose first
    /// attempts are long ago.
    fn page_end(&self, order: &Order) -> UnixMs {
        order.created_at.saturating_add_ms(self.settings().page_ms)
    }

    /// Stores a changed order.
    pub(super) async fn stored(&self, mut order: Order) -> Result<Order, PurchaseError> {
        if !self.tables.orders.update_order(&order).await? {
            return Err(PurchaseError::Contended { id: order.id });
        }
        order.version = order.version.saturating_add(1);
        Ok(order)
    }
}

/// The order number as the processor is told it.
pub(super) fn order_ref(id: OrderId) -> Result<opencredits_billing::OrderRef, PaymentError> {
    id.to_string().parse()
}

/// A key is a person's own: two people may use the same.
fn request_digest(user: UserId, key: &str) -> [u8; 32] {
    let parts: [&[u8]; 2] = [&user.bits().to_be_bytes(), key.as_bytes()];
    halves(["order request", "order request, second half"].map(|half| derived(half, &parts)))
}

/// All that a request asks for: the same key with another one is a mistake of who sends it.
fn content_digest(new: &NewOrder) -> [u8; 32] {
    halves(["the same purchase", "the same purchase, second half"].map(|half| asked(half, new)))
}

fn halves([first, second]: [u128; 2]) -> [u8; 32] {
    let mut digest = [0; 32];
    let (head, tail) = digest.split_at_mut(16);
    head.copy_from_slice(&first.to_be_bytes());
    tail.copy_from_slice(&second.to_be_bytes());
    digest
}

/// Tells requests without an idempotency key apart: the same one again gets the same order.
fn same_request(new: &NewOrder) -> u128 {
    asked("the same purchase", new)
}

fn asked(label: &str, new: &NewOrder) -> u128 {
    let partner = new.partner.map(|partner| partner.to_string()).unwrap_or_default();
    let url = |url: &Option<String>| url.clone().unwrap_or_default();
    let saves = if new.save_method == SaveMethod::OffSession { "saves" } else { "" };
    let texts = [
        partner.as_str(),
        new.amount.currency().code(),
        &new.email,
        &url(&new.success_url),
        &url(&new.cancel_url),
        saves,
    ]
    .map(str::to_owned);
    let (user, minor) = (new.user.bits().to_be_bytes(), new.amount.minor().to_be_bytes());
    let mut parts: Vec<&[u8]> = vec![&user, &minor];
    parts.extend(texts.iter().map(|text| text.as_bytes()));
    derived(label, &parts)
}
