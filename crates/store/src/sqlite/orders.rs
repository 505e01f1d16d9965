//! Purchases, and how people pay.

use super::rows::{blob, count, id, id_or_none, number, time, time_or_none};
use super::{SqliteStore, refused};
use crate::orders::{Booked, Bookings, Cursors, Order, OrderOrigin, OrderPage, OrderState, Orders};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{NanoUsd, OrderId, UnixMs, UserId};
use rusqlite::{Error, OptionalExtension, Row, params};

const ORDER: &str =
    "SELECT id, version, user_id, partner_id, origin, request_digest, currency, amount_minor, fee_minor,
    credits_nano_usd, bonus_nano_usd, created_at, state, attempt, session, url, url_expires_at, payment, booking,
    booked_before, booked, is_booked, booked_at, check_at, request_content FROM orders";

#[async_trait]
impl Orders for SqliteStore {
    async fn add_order(&self, order: &Order) -> Result<(), StoreError> {
        let order = order.clone();
        self.run(move |connection| {
            let page = order.page.as_ref();
            connection
                .prepare_cached(
                    "INSERT INTO orders (id, version, user_id, partner_id, origin, request_digest, currency,
                        amount_minor, fee_minor, credits_nano_usd, bonus_nano_usd, created_at, state, attempt, session,
                        url, url_expires_at, payment, booking, booked_before, booked, is_booked, booked_at, check_at,
                        request_content)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
                        ?20, ?21, ?22, ?23, ?24, ?25)",
                )?
                .execute(params![
                    blob(order.id),
                    order.version,
                    blob(order.user),
                    order.partner.map(blob),
                    order.origin.number(),
                    order.request,
                    order.currency,
                    order.amount_minor,
                    order.fee_minor,
                    order.credits.get(),
                    order.bonus.get(),
                    number(order.created_at.get()),
                    order.state.number(),
                    order.attempt,
                    page.map(|page| &page.session),
                    page.map(|page| &page.url),
                    page.map(|page| number(page.expires_at.get())),
                    order.payment,
                    order.bookings.number,
                    order.bookings.before.text(),
                    order.bookings.after.text(),
                    order.bookings.is_made,
                    number(order.bookings.at.get()),
                    order.check_at.map(|at| number(at.get())),
                    order.content,
                ])
                .map_err(refused)?;
            Ok(())
        })
        .await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{ORDER} WHERE id = ?1"))?;
            Ok(statement.query_row([blob(id)], read).optional()?)
        })
        .await
    }

    async fn order_by_request(&self, digest: &[u8; 32]) -> Result<Option<Order>, StoreError> {
        let digest = *digest;
        self.run(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{ORDER} WHERE request_digest = ?1"))?;
            Ok(statement.query_row([digest], read).optional()?)
        })
        .await
    }

    async fn order_by_payment(&self, payment: &str) -> Result<Option<Order>, StoreError> {
        let payment = payment.to_owned();
        self.run(move |connection| {
            let mut statement =
                connection.prepare_cached(&format!("{ORDER} WHERE payment = ?1 ORDER BY id LIMIT 1"))?;
            Ok(statement.query_row([payment], read).optional()?)
        })
        .await
    }

    async fn orders(&self, user: Option<UserId>, before: Option<OrderId>, max: u32) -> Result<Vec<Order>, StoreError> {
        // Without a bound, below an id that is above all others.
        let before = before.unwrap_or(OrderId::from_bits(u128::MAX));
        self.run(move |connection| {
            let of_user = if user.is_some() { "user_id = ?3 AND" } else { "?3 IS NULL AND" };
            let statement = format!("{ORDER} WHERE {of_user} id < ?1 ORDER BY id DESC LIMIT ?2");
            let mut statement = connection.prepare_cached(&statement)?;
            let rows = statement.query_map(params![blob(before), max, user.map(blob)], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn orders_to_check(&self, now: UnixMs, max: u32) -> Result<Vec<Order>, StoreError> {
        self.run(move |connection| {
            let statement = format!("{ORDER} WHERE check_at <= ?1 ORDER BY check_at LIMIT ?2");
            let mut statement = connection.prepare_cached(&statement)?;
            let rows = statement.query_map(params![number(now.get()), max], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn orders_unbooked(&self, user: UserId) -> Result<Vec<Order>, StoreError> {
        self.run(move |connection| {
            let those = "user_id = ?1 AND booking > 0 AND is_booked = 0";
            let statement = format!("{ORDER} WHERE {those} ORDER BY booked_at, id");
            let mut statement = connection.prepare_cached(&statement)?;
            let rows = statement.query_map([blob(user)], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn update_order(&self, order: &Order) -> Result<bool, StoreError> {
        let order = order.clone();
        self.run(move |connection| {
            let page = order.page.as_ref();
            let changed = connection
                .prepare_cached(
                    "UPDATE orders SET version = version + 1, state = ?3, attempt = ?4, session = ?5, url = ?6,
                        url_expires_at = ?7, payment = ?8, booking = ?9, booked_before = ?10, booked = ?11,
                        is_booked = ?12, booked_at = ?13, check_at = ?14
                     WHERE id = ?1 AND version = ?2",
                )?
                .execute(params![
                    blob(order.id),
                    order.version,
                    order.state.number(),
                    order.attempt,
                    page.map(|page| &page.session),
                    page.map(|page| &page.url),
                    page.map(|page| number(page.expires_at.get())),
                    order.payment,
                    order.bookings.number,
                    order.bookings.before.text(),
                    order.bookings.after.text(),
                    order.bookings.is_made,
                    number(order.bookings.at.get()),
                    order.check_at.map(|at| number(at.get())),
                ])?;
            Ok(changed == 1)
        })
        .await
    }
}

#[async_trait]
impl Cursors for SqliteStore {
    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.run(move |connection| {
            let mut statement = connection.prepare_cached("SELECT position FROM cursors WHERE name = ?1")?;
            Ok(statement.query_row([name], |row| row.get(0)).optional()?)
        })
        .await
    }

    async fn set_cursor(&self, name: &str, position: &str) -> Result<(), StoreError> {
        let (name, position) = (name.to_owned(), position.to_owned());
        self.run(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO cursors (name, position) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET position = excluded.position",
                )?
                .execute(params![name, position])?;
            Ok(())
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<Order, Error> {
    let session: Option<String> = row.get(14)?;
    let page = match session {
        Some(session) => Some(OrderPage { session, url: row.get(15)?, expires_at: time(row, 16)? }),
        None => None,
    };
    Ok(Order {
        id: id(row, 0)?,
        version: row.get(1)?,
        user: id(row, 2)?,
        partner: id_or_none(row, 3)?,
        origin: OrderOrigin::of_number(count(row, 4)?).ok_or(Error::InvalidQuery)?,
        request: row.get(5)?,
        content: row.get(24)?,
        currency: row.get(6)?,
        amount_minor: row.get(7)?,
        fee_minor: row.get(8)?,
        credits: NanoUsd::new(row.get(9)?),
        bonus: NanoUsd::new(row.get(10)?),
        created_at: time(row, 11)?,
        state: state(row, 12)?,
        attempt: row.get(13)?,
        page,
        payment: row.get(17)?,
        bookings: Bookings {
            number: row.get(18)?,
            before: booked(row, 19)?,
            after: booked(row, 20)?,
            is_made: row.get(21)?,
            at: time(row, 22)?,
        },
        check_at: time_or_none(row, 23)?,
    })
}

fn booked(row: &Row<'_>, column: usize) -> Result<Booked, Error> {
    Booked::of_text(&row.get::<_, String>(column)?).ok_or(Error::InvalidQuery)
}

pub(super) fn state(row: &Row<'_>, column: usize) -> Result<OrderState, Error> {
    OrderState::of_number(count(row, column)?).ok_or(Error::InvalidQuery)
}
