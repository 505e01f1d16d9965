//! The rules of purchases.

use super::{NOW, partner, user};
use crate::orders::{
    Booked, Bookings, Cursors, Order, OrderOrigin, OrderPage, OrderState, Orders, Payer, Payers, TopUpState,
};
use crate::traits::{Partners, StoreError, Users};
use opencredits_units::{NanoUsd, OrderId, UserId};

/// The `n`th purchase of the first person, through the first partner.
#[must_use]
pub fn order(n: u8) -> Order {
    Order {
        id: OrderId::at(NOW, [n; 10]),
        version: 1,
        user: user(1).id,
        partner: Some(partner(1).id),
        origin: OrderOrigin::Checkout,
        request: Some([n; 32]),
        content: Some([n | 128; 32]),
        currency: "eur".to_owned(),
        amount_minor: 1_050,
        fee_minor: 50,
        credits: NanoUsd::new(10_000_000_000),
        bonus: NanoUsd::new(1),
        created_at: NOW,
        state: OrderState::Open,
        attempt: 1,
        page: None,
        payment: None,
        bookings: Bookings::default(),
        check_at: Some(NOW.saturating_add_ms(u64::from(n))),
    }
}

/// The rules of [`Orders`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn orders<S: Orders + Users + Partners>(store: &S) -> Result<(), StoreError> {
    assert!(matches!(store.add_order(&order(1)).await, Err(StoreError::Orphan)), "an order has a person");
    for n in [1, 2] {
        store.add_user(&user(n)).await?;
    }
    store.add_partner(&partner(1)).await?;
    let others =
        Order { user: user(2).id, partner: None, request: None, content: None, origin: OrderOrigin::TopUp, ..order(3) };
    for order in [&order(1), &order(2), &others] {
        store.add_order(order).await?;
    }
    assert!(matches!(store.add_order(&order(1)).await, Err(StoreError::Exists)), "an id is there once");
    let again = Order { id: order(9).id, ..order(1) };
    assert!(matches!(store.add_order(&again).await, Err(StoreError::Exists)), "a request makes one order");
    assert_eq!(store.order(order(3).id).await?, Some(others.clone()));
    assert_eq!(store.order(order(8).id).await?, None);
    assert_eq!(store.order_by_request(&[2; 32]).await?, Some(order(2)));
    assert_eq!(store.order_by_request(&[8; 32]).await?, None);

    assert_eq!(store.orders(None, None, 2).await?, [others.clone(), order(2)], "newest first");
    assert_eq!(store.orders(None, Some(order(2).id), 9).await?, [order(1)], "below a cursor");
    assert_eq!(store.orders(Some(user(1).id), None, 9).await?, [order(2), order(1)], "of one person");

    let figures = Booked { paid_minor: 1_050, granted: NanoUsd::new(7), frozen: NanoUsd::new(-1), ..Booked::default() };
    let changed = Order {
        state: OrderState::Paid,
        attempt: 2,
        page: Some(OrderPage { session: "cs_1".to_owned(), url: "https://pay".to_owned(), expires_at: NOW }),
        payment: Some("pi_1".to_owned()),
        bookings: Bookings { number: 1, before: Booked::default(), after: figures, is_made: true, at: NOW },
        check_at: None,
        ..order(1)
    };
    assert!(store.update_order(&changed).await?, "an unchanged record is replaced");
    assert!(!store.update_order(&changed).await?, "a changed one is not");
    assert_eq!(store.order(order(1).id).await?, Some(Order { version: 2, ..changed.clone() }));
    assert_eq!(store.order_by_payment("pi_1").await?.map(|order| order.id), Some(order(1).id));
    assert_eq!(store.order_by_payment("pi_2").await?, None);

    let due = |ms| store.orders_to_check(NOW.saturating_add_ms(ms), 1);
    assert_eq!(due(1).await?, [], "nothing more is expected of the first");
    assert_eq!(due(3).await?, [order(2)], "the longest due first");

    let unmade = |of: Order, ms| Order {
        bookings: Bookings { number: 1, after: figures, at: NOW.saturating_add_ms(ms), ..Bookings::default() },
        ..of
    };
    assert_eq!(
        store.orders_unbooked(user(1).id).await?,
        [],
        "what was never booked and what is booked are not among them"
    );
    for of in [unmade(Order { version: 2, ..changed }, 2), unmade(order(2), 1)] {
        assert!(store.update_order(&of).await?);
    }
    let unbooked = store.orders_unbooked(user(1).id).await?;
    assert_eq!(
        unbooked.iter().map(|one| one.id).collect::<Vec<_>>(),
        [order(2).id, order(1).id],
        "the first decided first"
    );
    assert_eq!(store.orders_unbooked(others.user).await?, [], "of one person");
    Ok(())
}

/// The rules of [`Payers`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn payers<S: Payers + Users>(store: &S) -> Result<(), StoreError> {
    let payer = |n| Payer {
        user: user(n).id,
        version: 0,
        customer: Some("cus_1".to_owned()),
        method: None,
        top_up: TopUpState::On,
        threshold: NanoUsd::new(5),
        amount_minor: 1_000,
        currency: "usd".to_owned(),
        monthly_max_minor: 5_000,
        month: 680,
        month_minor: 1_000,
        charging: Some(OrderId::at(NOW, [n; 10])),
    };
    assert!(matches!(store.put_payer(&payer(1)).await, Err(StoreError::Orphan)), "a payer is a person");
    for n in [1, 2, 3] {
        store.add_user(&user(n)).await?;
        assert_eq!(store.payer(user(n).id).await?, None);
        assert!(store.put_payer(&payer(n)).await?);
    }
    assert!(!store.put_payer(&payer(1)).await?, "a record is added once");
    let kept = store.payer(user(1).id).await?;
    assert_eq!(kept, Some(Payer { version: 1, ..payer(1) }));
    let off = Payer { version: 1, top_up: TopUpState::ActionRequired, charging: None, ..payer(2) };
    assert!(store.put_payer(&off).await?, "an unchanged record is replaced");
    assert!(!store.put_payer(&off).await?, "a changed one is not");
    assert_eq!(store.payer(user(2).id).await?, Some(Payer { version: 2, ..off }));
    let due = store.payers_to_top_up(UserId::default(), 9).await?;
    assert_eq!(due.iter().map(|payer| payer.user).collect::<Vec<_>>(), [user(1).id, user(3).id], "those that are on");
    let due = store.payers_to_top_up(user(1).id, 1).await?;
    assert_eq!(due.iter().map(|payer| payer.user).collect::<Vec<_>>(), [user(3).id], "above a cursor");
    Ok(())
}

/// The rules of [`Cursors`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn cursors<S: Cursors>(store: &S) -> Result<(), StoreError> {
    assert_eq!(store.cursor("events").await?, None);
    for position in ["evt_1", "evt_2"] {
        store.set_cursor("events", position).await?;
    }
    assert_eq!(store.cursor("events").await?.as_deref(), Some("evt_2"), "the last position counts");
    assert_eq!(store.cursor("movements").await?, None, "each walk has its own");
    Ok(())
}
