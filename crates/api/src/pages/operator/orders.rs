//! Orders, and one with what may be done to it.

use super::desk::{Desk, at, invalid, maybe_at};
use crate::admin::{Refusal, RefusalCode};
use crate::pages::dashboard::priced;
use crate::payments::status;
use opencredits_pages::views::operator::{
    Act, Back, Cell, Column, Fact, Field, OperatorPage, Row, Section, Table, Tone,
};
use opencredits_service::accounts::AccountsError;
use opencredits_store::{Order, OrderOrigin};
use opencredits_units::{NanoUsd, OrderId, UserId};

/// Orders on a page.
const PAGE: u32 = 50;

/// The columns of a list, and whether their values stand at the right.
pub(super) const COLUMNS: [(&str, bool); 6] =
    [("order", false), ("at", false), ("state", false), ("origin", false), ("paid", true), ("credits", true)];

/// The latest orders, of a person or of all, from the store: the payment processor is not asked.
pub(super) async fn latest(
    desk: &Desk<'_>,
    (user, before): (Option<UserId>, Option<OrderId>),
    max: u32,
) -> Result<Vec<Order>, Refusal> {
    Ok(desk.store()?.orders(user, before, max).await.map_err(AccountsError::from)?)
}

pub(super) fn row(desk: &Desk<'_>, order: &Order) -> Row {
    Row::of(cells(desk, order))
}

fn cells(desk: &Desk<'_>, order: &Order) -> Vec<Cell> {
    vec![
        Cell::link(order.id, format!("/operator/orders/{}", order.id)),
        at(order.created_at),
        state(order),
        Cell::word(origin(order)),
        Cell::number(priced(order.amount_minor, &order.currency)),
        desk.has(order.credits),
    ]
}

const fn origin(order: &Order) -> &'static str {
    match order.origin {
        OrderOrigin::Checkout => "checkout",
        OrderOrigin::TopUp => "top_up",
    }
}

fn state(order: &Order) -> Cell {
    let key = status(order);
    let tone = match key {
        "paid" => Tone::Good,
        "disputed" | "lost" | "failed" => Tone::Bad,
        _ => Tone::Plain,
    };
    Cell::toned(key, tone)
}

pub(super) async fn all(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let before: Option<OrderId> = desk.parsed("before");
    let found = latest(desk, (None, before), PAGE).await?;
    let is_full = usize::try_from(PAGE).is_ok_and(|page| found.len() >= page);
    let mut rows = Vec::with_capacity(found.len());
    for order in &found {
        let mut cells = cells(desk, order);
        cells.push(desk.person(order.user).await?);
        rows.push(Row::of(cells));
    }
    let columns = COLUMNS.map(|(key, is_right)| Column { is_right, ..Column::of(key) });
    let columns: Vec<Column> = columns.into_iter().chain([Column::of("person")]).collect();
    let can_ask = desk.state().admin.purchases.is_some();
    let table = Table {
        more_href: found.last().filter(|_| is_full).map(|last| desk.href("before", last.id)),
        first_href: before.map(|_| "/operator/orders".to_owned()),
        acts: if can_ask { vec![Act::alone("reconcile")] } else { Vec::new() },
        ..Table::of("all_orders", columns).with(rows)
    };
    Ok(OperatorPage { sections: vec![table.into()], ..OperatorPage::of("orders") })
}

pub(super) async fn find(desk: &Desk<'_>, id: OrderId) -> Result<Order, Refusal> {
    let found = desk.store()?.order(id).await.map_err(AccountsError::from)?;
    found.ok_or_else(|| Refusal { code: RefusalCode::NotFound, refused: format!("there is no order {id}") })
}

/// What of the payment has not been paid back.
pub(super) fn refundable_minor(order: &Order) -> Result<i64, Refusal> {
    let booked = order.bookings.after;
    let gone = booked.refunded_minor.checked_add(booked.lost_minor);
    let left = gone.and_then(|gone| booked.paid_minor.checked_sub(gone));
    left.ok_or_else(|| invalid("the figures of this order do not fit; reconcile it"))
}

pub(super) async fn one(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let order = find(desk, desk.id()?).await?;
    let booked = order.bookings.after;
    let money = |minor: i64| Cell::number(priced(minor, &order.currency));
    let some = |minor: i64| if minor == 0 { Cell::Nothing } else { money(minor) };
    let credits = |amount: NanoUsd| if amount == NanoUsd::ZERO { Cell::Nothing } else { desk.has(amount) };
    let facts = vec![
        Fact::of("person", desk.person(order.user).await?),
        Fact::of("state", state(&order)),
        Fact::of("origin", Cell::word(origin(&order))),
        Fact::of("at", at(order.created_at)),
        Fact::of("price", money(order.amount_minor)),
        Fact::of("fee", some(order.fee_minor)),
        Fact::of("credits", desk.has(order.credits)),
        Fact::of("bonus", credits(order.bonus)),
        Fact::of("payment", order.payment.as_ref().map_or(Cell::Nothing, Cell::code)),
        Fact::of("check_at", maybe_at(order.check_at)),
    ];
    let booked_facts = vec![
        Fact::of("paid", some(booked.paid_minor)),
        Fact::of("refunded", some(booked.refunded_minor)),
        Fact::of("disputed", some(booked.disputed_minor)),
        Fact::of("lost", some(booked.lost_minor)),
        Fact::of("granted", credits(booked.granted)),
        Fact::of("taken", credits(booked.taken)),
        Fact::of("frozen", credits(booked.frozen)),
        Fact::of("booked", Cell::word(if order.bookings.is_made { "made" } else { "not_made" })),
    ];
    let mut acts = Vec::new();
    if desk.state().admin.purchases.is_some() {
        acts.push(Act::on("reread", ("order", order.id)));
        if refundable_minor(&order)? > 0 {
            let refund = Act::on("refund_order", ("order", order.id));
            acts.push(refund.with(Field::optional("amount_minor", "number")).reasoned().dangerous());
        }
    }
    Ok(OperatorPage {
        name: order.id.to_string(),
        back: Some(Back { state: "orders".to_owned(), href: "/operator/orders".to_owned() }),
        acts,
        sections: vec![Section::facts("order", facts), Section::facts("booked", booked_facts)],
        ..OperatorPage::of("order")
    })
}
