//! Purchases.

use super::PostgresStore;
use super::cells::Cells;
use super::values::{Value, v};
use crate::orders::{Booked, Bookings, Cursors, Order, OrderOrigin, OrderPage, OrderState, Orders};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{OrderId, UnixMs, UserId};

const ORDER: &str =
    "SELECT id, version, user_id, partner_id, origin, request_digest, currency, amount_minor, fee_minor,
    credits_nano_usd, bonus_nano_usd, created_at, state, attempt, session, url, url_expires_at, payment, booking,
    booked_before, booked, is_booked, booked_at, check_at, request_content FROM orders";
const ADD: &str = "
    INSERT INTO orders (id, version, user_id, partner_id, origin, request_digest, currency, amount_minor, fee_minor,
        credits_nano_usd, bonus_nano_usd, created_at, state, attempt, session, url, url_expires_at, payment, booking,
        booked_before, booked, is_booked, booked_at, check_at, request_content)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
        $24, $25)";
const UPDATE: &str = "
    UPDATE orders SET version = version + 1, state = $3, attempt = $4, session = $5, url = $6, url_expires_at = $7,
        payment = $8, booking = $9, booked_before = $10, booked = $11, is_booked = $12, booked_at = $13, check_at = $14
    WHERE id = $1 AND version = $2";

#[async_trait]
impl Orders for PostgresStore {
    async fn add_order(&self, order: &Order) -> Result<(), StoreError> {
        let fixed = [
            v(order.id),
            v(order.version),
            v(order.user),
            v(order.partner),
            v(order.origin.number()),
            v(order.request),
            v(&order.currency),
            v(order.amount_minor),
            v(order.fee_minor),
            v(order.credits),
            v(order.bonus),
            v(order.created_at),
        ];
        let values: Vec<Value> = fixed.into_iter().chain(changeable(order)).chain([v(order.content)]).collect();
        self.execute(ADD, &values).await?;
        Ok(())
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.one(&format!("{ORDER} WHERE id = $1"), &[v(id)], read).await
    }

    async fn order_by_request(&self, digest: &[u8; 32]) -> Result<Option<Order>, StoreError> {
        self.one(&format!("{ORDER} WHERE request_digest = $1"), &[v(digest)], read).await
    }

    async fn order_by_payment(&self, payment: &str) -> Result<Option<Order>, StoreError> {
        self.one(&format!("{ORDER} WHERE payment = $1 ORDER BY id LIMIT 1"), &[v(payment)], read).await
    }

    async fn orders(&self, user: Option<UserId>, before: Option<OrderId>, max: u32) -> Result<Vec<Order>, StoreError> {
        // Without a bound, below an id that is above all others.
        let before = before.unwrap_or(OrderId::from_bits(u128::MAX));
        let mut values = vec![v(before), v(max)];
        values.extend(user.map(v));
        let of_user = if user.is_some() { "user_id = $3 AND" } else { "" };
        self.all(&format!("{ORDER} WHERE {of_user} id < $1 ORDER BY id DESC LIMIT $2"), &values, read).await
    }

    async fn orders_to_check(&self, now: UnixMs, max: u32) -> Result<Vec<Order>, StoreError> {
        self.all(&format!("{ORDER} WHERE check_at <= $1 ORDER BY check_at LIMIT $2"), &[v(now), v(max)], read).await
    }

    async fn orders_unbooked(&self, user: UserId) -> Result<Vec<Order>, StoreError> {
        let those = "user_id = $1 AND booking > 0 AND NOT is_booked";
        self.all(&format!("{ORDER} WHERE {those} ORDER BY booked_at, id"), &[v(user)], read).await
    }

    async fn update_order(&self, order: &Order) -> Result<bool, StoreError> {
        let fixed = [v(order.id), v(order.version)];
        let values: Vec<Value> = fixed.into_iter().chain(changeable(order)).collect();
        Ok(self.execute(UPDATE, &values).await? == 1)
    }
}

#[async_trait]
impl Cursors for PostgresStore {
    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.one("SELECT position FROM cursors WHERE name = $1", &[v(name)], |cells| cells.text(0)).await
    }

    async fn set_cursor(&self, name: &str, position: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO cursors (name, position) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET position = excluded.position";
        self.execute(sql, &[v(name), v(position)]).await?;
        Ok(())
    }
}

/// The columns that may change, from the state on.
fn changeable(order: &Order) -> [Value; 12] {
    let page = order.page.as_ref();
    [
        v(order.state.number()),
        v(order.attempt),
        v(page.map(|page| &page.session)),
        v(page.map(|page| &page.url)),
        v(page.map(|page| page.expires_at)),
        v(order.payment.as_ref()),
        v(order.bookings.number),
        v(order.bookings.before.text()),
        v(order.bookings.after.text()),
        v(order.bookings.is_made),
        v(order.bookings.at),
        v(order.check_at),
    ]
}

fn read(cells: &Cells<'_>) -> Result<Order, StoreError> {
    let page = match cells.text_or_none(14)? {
        Some(session) => Some(OrderPage { session, url: cells.text(15)?, expires_at: cells.time(16)? }),
        None => None,
    };
    Ok(Order {
        id: cells.id(0)?,
        version: cells.count(1)?,
        user: cells.id(2)?,
        partner: cells.id_or_none(3)?,
        origin: cells.known(OrderOrigin::of_number(cells.count(4)?))?,
        request: cells.array_or_none(5)?,
        content: cells.array_or_none(24)?,
        currency: cells.text(6)?,
        amount_minor: cells.number(7)?,
        fee_minor: cells.number(8)?,
        credits: cells.amount(9)?,
        bonus: cells.amount(10)?,
        created_at: cells.time(11)?,
        state: state(cells, 12)?,
        attempt: cells.count(13)?,
        page,
        payment: cells.text_or_none(17)?,
        bookings: Bookings {
            number: cells.count(18)?,
            before: booked(cells, 19)?,
            after: booked(cells, 20)?,
            is_made: cells.flag(21)?,
            at: cells.time(22)?,
        },
        check_at: cells.time_or_none(23)?,
    })
}

fn booked(cells: &Cells<'_>, column: usize) -> Result<Booked, StoreError> {
    cells.known(Booked::of_text(&cells.text(column)?))
}

pub(super) fn state(cells: &Cells<'_>, column: usize) -> Result<OrderState, StoreError> {
    cells.known(OrderState::of_number(cells.count(column)?))
}
