//! The mails about purchases, once a sequence is over: whatever crashed, each purchase has one and no refund has none.

use super::deeds::Run;
use opencredits_store::{Orders, Outbox};
use serde_json::Value;
use std::collections::BTreeMap;

/// More mails than a sequence puts into the outbox.
const MAILS_MAX: u32 = 10_000;

/// What the mails about an order say.
#[derive(Debug, Default)]
struct Told {
    receipts: usize,
    refunded_minor: u64,
}

impl Run {
    /// Compares the outbox, out of which nothing was sent, with the orders.
    pub(super) fn check_mails(&mut self) {
        let now = self.now();
        let (mails, orders) = self
            .world
            .run(None, async |live| {
                let mails = live.store.lease(MAILS_MAX, now, now.saturating_add_ms(1)).await.unwrap();
                (mails, live.store.orders(None, None, 200).await.unwrap())
            })
            .unwrap();
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        for mail in &mails {
            let letter: Value = serde_json::from_str(&mail.parameters).unwrap();
            let of_order = told.entry(letter["with"]["order"].as_str().unwrap().to_owned()).or_default();
            match letter["kind"].as_str().unwrap() {
                "receipt" => of_order.receipts += 1,
                "refund" => of_order.refunded_minor += letter["with"]["refunded"]["minor_units"].as_u64().unwrap(),
                _ => {}
            }
        }
        for order in orders {
            let told = told.remove(&order.id.to_string()).unwrap_or_default();
            let booked = order.bookings.after;
            assert_eq!(told.receipts, usize::from(booked.granted.get() > 0), "receipts of {order:?}");
            let refunded = u64::try_from(booked.refunded_minor).unwrap();
            assert!(told.refunded_minor >= refunded, "{told:?} of {refunded} refunded: {order:?}");
            self.saw("refunds that were told", usize::from(refunded > 0));
        }
    }
}
