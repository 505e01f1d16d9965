//! Money in and out of a balance, and purchases.

use super::figures::priced;
use super::links::Link;
use super::person::Person;
use crate::errors::Problem;
use crate::history::{kind_of, read_money_cursor, write_money_cursor};
use crate::pages::PageRequest;
use crate::payments::{problem_of, status};
use opencredits_pages::views::dashboard::{MoneyRow, OrderRow, Transactions};
use opencredits_service::Money;
use opencredits_store::{Order, OrderOrigin, OrderState};
use opencredits_units::{EntryId, NanoUsd, UnixMs};

const PATH: &str = "/dashboard/transactions";
/// Transfers on a page.
const PAGE: u32 = 50;
/// The latest purchases.
const ORDERS: u32 = 20;

pub(super) async fn page(request: PageRequest) -> Result<Transactions, Problem> {
    let person = Person::of(&request).await?;
    let _behind = person.usage().refresh().await.map_err(|fault| person.problem(fault))?;
    let cursor = person.asked("cursor").and_then(read_money_cursor);
    let before = cursor.unwrap_or((UnixMs::new(u64::MAX), EntryId::default()));
    let found = person.usage().transfers(person.user.wallet, (UnixMs::default(), before), PAGE).await;
    let found = found.map_err(|fault| person.problem(fault))?;
    let (orders, has_receipts) = match (&person.app.payments, cursor) {
        (Some(payments), None) => {
            let orders = payments.purchases.orders(Some(person.user.id), None, ORDERS).await;
            let payer = payments.purchases.payer(person.user.id).await;
            let payer = payer.map_err(|error| problem_of(person.app, error))?;
            let has_customer = payer.is_some_and(|payer| payer.customer.is_some());
            (orders.map_err(|error| problem_of(person.app, error))?, has_customer)
        }
        _ => (Vec::new(), false),
    };
    Ok(Transactions {
        balance: person.balance(),
        rows: found.transfers.iter().map(|money| row(&person, money)).collect(),
        older_href: found.next.map(|next| Link::to(PATH).with("cursor", write_money_cursor(next)).text()),
        newest_href: cursor.map(|_| PATH.to_owned()),
        orders: orders.iter().map(|order| bought(&person, order)).collect(),
        has_receipts,
        is_sold: person.app.payments.is_some(),
        export_href: Link::to("/v1/transactions").with("limit", 100).text(),
    })
}

fn row(person: &Person<'_>, money: &Money) -> MoneyRow {
    let Money { entry, amount } = money;
    let is_out = amount.is_negative();
    let absolute = if is_out { amount.checked_neg().unwrap_or_default() } else { *amount };
    let kind = kind_of(entry, *amount);
    // What others booked has texts for programs.
    let reason =
        std::str::from_utf8(&entry.memo).ok().filter(|_| matches!(kind, "grant" | "grant_taken" | "correction"));
    let reason = reason.filter(|text| !text.is_empty() && !text.chars().any(char::is_control));
    MoneyRow {
        at: entry.at.into(),
        kind: kind.to_owned(),
        amount: if is_out { person.charged(absolute) } else { person.has(absolute) },
        is_out,
        reason: reason.map(str::to_owned),
    }
}

fn bought(person: &Person<'_>, order: &Order) -> OrderRow {
    let money = |minor: i64| priced(minor, &order.currency);
    let refunded = order.bookings.after.refunded_minor;
    let is_open = order.state == OrderState::Open;
    let page = order.page.as_ref().filter(|page| is_open && page.expires_at > person.now);
    OrderRow {
        id: order.id.to_string(),
        at: order.created_at.into(),
        state: status(order).to_owned(),
        is_top_up: order.origin == OrderOrigin::TopUp,
        total: money(order.amount_minor),
        fee: if order.fee_minor > 0 { money(order.fee_minor) } else { String::new() },
        credits: person.has(order.credits),
        bonus: (order.bonus > NanoUsd::ZERO).then(|| person.has(order.bonus)),
        refunded: if refunded > 0 { money(refunded) } else { String::new() },
        pay_url: page.map(|page| page.url.clone()),
    }
}
