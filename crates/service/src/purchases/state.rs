//! The state of purchases: tables, ports, settings.

use super::error::PurchaseError;
use super::terms::SaleTerms;
use crate::fault::Fault;
use crate::partners::CommissionBooks;
use crate::ports::{Clock, Entropy};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use moka::sync::Cache;
use opencredits_billing::{Customers, Marker, Mode, Payments};
use opencredits_ledger::AnyLedger;
use opencredits_store::{Cursors, Orders, Payers, PrivacyStates, Users};
use opencredits_units::{NanoUsd, OrderId, UnixMs, UserId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Orders are settled one at a time within each of so many groups.
const LOCKS: usize = 64;

/// The payment of an order that somebody waits for is read once in this time.
const POLL: Duration = Duration::from_secs(2);
/// A request for a purchase without an idempotency key gets the same order again for so long.
const BEGUN: Duration = Duration::from_secs(30 * 60);
/// Requests that are remembered for that.
const BEGUN_MAX: u64 = 10_000;
/// Orders that are remembered for that.
const POLLED_MAX: u64 = 10_000;

/// What the person of a purchase should be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurchaseNotice {
    /// It was paid, and the credits are in the wallet, less what settled a debt.
    Paid {
        /// So many.
        debt_settled: NanoUsd,
    },
    /// Money was given back, and credits were taken for it.
    Refunded {
        /// So much, in the currency's minor unit.
        minor: i64,
        /// So many.
        credits: NanoUsd,
        /// What the person owes by now.
        debt: NanoUsd,
    },
    /// A top-up was declined.
    TopUpDeclined,
    /// The bank wants the person to confirm a top-up.
    TopUpNeedsConfirmation,
}

/// Tells people of their purchases. What an order, a kind and the sum of its refunds name is told once, however often it is
/// asked for: a crash leads to repetitions.
#[async_trait]
pub trait PurchaseNotices: Send + Sync {
    /// Tells the person of this order; it is certain to be told once this returns.
    ///
    /// # Errors
    /// When it could not be kept. It is asked for again then.
    async fn tell(&self, order: &opencredits_store::Order, notice: PurchaseNotice) -> Result<(), Fault>;
}

/// What a fraud warning of a card's issuer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFraudWarning {
    /// An entry in the log.
    Log,
    /// Top-ups of the person end as well.
    StopTopUps,
    /// The payment is refunded as well, which prevents the dispute.
    Refund,
}

/// The settings of purchases.
#[derive(Debug, Clone)]
pub struct PurchaseSettings {
    /// How credits are sold.
    pub terms: SaleTerms,
    /// Names this installation at the processor.
    pub marker: Marker,
    /// Whether the processor's key is for real money.
    pub mode: Mode,
    /// Where a person goes after paying, where the request names no other place.
    pub success_url: String,
    /// Where a person goes instead.
    pub cancel_url: String,
    /// How long a page can be paid on, in ms.
    pub page_ms: u64,
    /// How many purchases of one person may wait to be paid.
    pub open_max: usize,
    /// What a fraud warning leads to.
    pub on_fraud_warning: OnFraudWarning,
}

/// The tables that purchases use.
#[derive(Clone)]
pub struct PurchaseTables {
    /// Orders.
    pub orders: Arc<dyn Orders>,
    /// How people pay.
    pub payers: Arc<dyn Payers>,
    /// People.
    pub users: Arc<dyn Users>,
    /// How far the walks through the processor's lists have come.
    pub cursors: Arc<dyn Cursors>,
}

/// The ports of purchases besides the tables.
#[derive(Clone)]
pub struct PurchasePorts {
    /// The payment processor.
    pub payments: Arc<dyn Payments>,
    /// Tells people.
    pub notices: Arc<dyn PurchaseNotices>,
    /// Lets partners' commission follow credits that are taken back.
    pub commissions: Arc<CommissionBooks>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for order numbers.
    pub entropy: Arc<dyn Entropy>,
}

/// The use cases of purchases.
pub struct Purchases {
    pub(super) ledger: AnyLedger,
    pub(super) tables: PurchaseTables,
    pub(super) ports: PurchasePorts,
    pub(super) settings: ArcSwap<PurchaseSettings>,
    /// What people have asked for about their data, and the buyers that the processor knows.
    pub(super) privacy: Option<(Arc<dyn PrivacyStates>, Arc<dyn Customers>)>,
    pub(super) locks: [Mutex<()>; LOCKS],
    /// Within a process, purchases of a person begin one at a time.
    pub(super) begins: [Mutex<()>; LOCKS],
    /// Orders of requests without an idempotency key, by their request.
    pub(super) begun: Cache<u128, OrderId>,
    /// Orders whose payment was read a moment ago because somebody asked.
    pub(super) polled: Cache<OrderId, ()>,
}

impl Purchases {
    /// The use cases on this ledger, these tables and ports.
    #[must_use]
    pub fn new(
        ledger: impl Into<AnyLedger>,
        tables: PurchaseTables,
        ports: PurchasePorts,
        settings: PurchaseSettings,
    ) -> Self {
        let polled = Cache::builder().max_capacity(POLLED_MAX).time_to_live(POLL).build();
        Self {
            ledger: ledger.into(),
            tables,
            ports,
            settings: ArcSwap::from_pointee(settings),
            privacy: None,
            locks: std::array::from_fn(|_| Mutex::new(())),
            begins: std::array::from_fn(|_| Mutex::new(())),
            begun: Cache::builder().max_capacity(BEGUN_MAX).time_to_live(BEGUN).build(),
            polled,
        }
    }

    /// Sells nothing to people who are restricted, leaving or gone, and forgets people at the processor.
    #[must_use]
    pub fn with_privacy(mut self, states: Arc<dyn PrivacyStates>, customers: Arc<dyn Customers>) -> Self {
        self.privacy = Some((states, customers));
        self
    }

    /// How credits are sold.
    #[must_use]
    pub fn terms(&self) -> SaleTerms {
        self.settings.load().terms.clone()
    }

    /// The settings, as they are now.
    #[must_use]
    pub fn settings(&self) -> Arc<PurchaseSettings> {
        self.settings.load_full()
    }

    /// Sells by these settings from now on. An order keeps the terms that it was begun with.
    pub fn sell_by(&self, settings: PurchaseSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// An order.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn order(&self, id: OrderId) -> Result<opencredits_store::Order, PurchaseError> {
        let found = self.tables.orders.order(id).await?;
        found.ok_or_else(|| PurchaseError::NoOrder { id: id.to_string() })
    }

    /// At most `max` orders, newest first, below `before`; of one person where `user` is given.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn orders(
        &self,
        user: Option<UserId>,
        before: Option<OrderId>,
        max: u32,
    ) -> Result<Vec<opencredits_store::Order>, PurchaseError> {
        Ok(self.tables.orders.orders(user, before, max).await?)
    }

    pub(super) fn now(&self) -> UnixMs {
        self.ports.clock.now()
    }

    pub(super) fn begins(&self, user: UserId) -> &Mutex<()> {
        let [.., last] = user.bits().to_be_bytes();
        let [first, ..] = &self.begins;
        self.begins.get(usize::from(last) % LOCKS).unwrap_or(first)
    }

    /// The lock of a person: within a process the payments of their orders are read and booked by one task at a time.
    pub(super) fn lock(&self, user: UserId) -> &Mutex<()> {
        let [.., last] = user.bits().to_be_bytes();
        let [first, ..] = &self.locks;
        self.locks.get(usize::from(last) % LOCKS).unwrap_or(first)
    }
}
