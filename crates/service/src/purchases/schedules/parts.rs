//! What schedules are made of: chance, time, a store that dies, and what is told.

use super::START_MS;
use crate::fault::Fault;
use crate::partners::{Commissions, EarnedOn};
use crate::ports::{Clock, Entropy};
use crate::purchases::{PurchaseNotice, PurchaseNotices};
use async_trait::async_trait;
use opencredits_store::{Order, Orders, Partner, SqliteStore, Standing, StoreError};
use opencredits_units::{AccountId, NanoUsd, OrderId, PartnerId, UnixMs, UserId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A small generator of pseudo-random numbers (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>), so that a seed tells a
/// schedule.
pub(super) struct Dice(pub(super) AtomicU64);

impl Dice {
    pub(super) fn roll(&self, sides: u64) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub(super) fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.roll(u64::try_from(of.len()).unwrap().max(1))).unwrap())
    }
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = u8::try_from(self.roll(256)).unwrap());
    }
}

pub(super) struct Ticks(pub(super) AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

/// A store whose process dies at an update, before or after it: the caller gets an error, and what follows does not happen.
pub(super) struct Dying {
    pub(super) store: SqliteStore,
    pub(super) dice: Arc<Dice>,
    /// One in so many updates; never where zero.
    pub(super) one_in: AtomicU64,
}

#[async_trait]
impl Orders for Dying {
    async fn add_order(&self, order: &Order) -> Result<(), StoreError> {
        self.store.add_order(order).await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.store.order(id).await
    }

    async fn order_by_request(&self, digest: &[u8; 32]) -> Result<Option<Order>, StoreError> {
        self.store.order_by_request(digest).await
    }

    async fn order_by_payment(&self, payment: &str) -> Result<Option<Order>, StoreError> {
        self.store.order_by_payment(payment).await
    }

    async fn orders(&self, user: Option<UserId>, before: Option<OrderId>, max: u32) -> Result<Vec<Order>, StoreError> {
        self.store.orders(user, before, max).await
    }

    async fn orders_to_check(&self, now: UnixMs, max: u32) -> Result<Vec<Order>, StoreError> {
        self.store.orders_to_check(now, max).await
    }

    async fn orders_unbooked(&self, user: UserId) -> Result<Vec<Order>, StoreError> {
        self.store.orders_unbooked(user).await
    }

    async fn update_order(&self, order: &Order) -> Result<bool, StoreError> {
        let one_in = self.one_in.load(Ordering::Relaxed);
        let dies = one_in > 0 && self.dice.roll(one_in) == 0;
        if dies && self.dice.roll(2) == 0 {
            return Err(StoreError::Closing);
        }
        let done = self.store.update_order(order).await;
        if dies { Err(StoreError::Closing) } else { done }
    }
}

/// A person's usage through one partner, in nano-dollars.
#[derive(Default)]
pub(super) struct Earned {
    pub(super) charged: AtomicI64,
    pub(super) commission: AtomicI64,
}

#[async_trait]
impl Commissions for Earned {
    async fn earned_on(&self, _user: UserId) -> Result<EarnedOn, Fault> {
        let [charged, commission] = [&self.charged, &self.commission].map(|sum| sum.load(Ordering::Relaxed));
        let commissions = vec![(partner().id, NanoUsd::new(commission))];
        Ok(EarnedOn { charged: NanoUsd::new(charged), commissions })
    }
}

pub(super) fn partner() -> Partner {
    Partner {
        id: PartnerId::from_bits(70),
        name: "app".to_owned(),
        publishable_key: "oc_pk_70".to_owned(),
        share: None,
        earnings: AccountId::from_bits(7_000),
        created_at: UnixMs::new(START_MS),
        owner: None,
        standing: Standing::Good,
        markup: None,
    }
}

/// What people were told: that an order was paid, and the largest sum of its refunds.
#[derive(Default)]
pub(super) struct Told(pub(super) Mutex<HashMap<OrderId, (bool, i64)>>);

#[async_trait]
impl PurchaseNotices for Told {
    async fn tell(&self, order: &Order, notice: PurchaseNotice) -> Result<(), Fault> {
        let mut told = self.0.lock();
        let (is_paid, refunded) = told.entry(order.id).or_default();
        match notice {
            PurchaseNotice::Paid { .. } => *is_paid = true,
            PurchaseNotice::Refunded { .. } => *refunded = order.bookings.after.refunded_minor.max(*refunded),
            PurchaseNotice::TopUpDeclined | PurchaseNotice::TopUpNeedsConfirmation => {}
        }
        Ok(())
    }
}
