//! Money in and out of a balance, and purchases.

use super::figures::priced;
use super::links::Link;
use super::person::Person;
use super::sorting::{Paged, SORTED_MAX, SortKey, Sorting, paged};
use crate::errors::Problem;
use crate::history::{kind_of, read_money_cursor, write_money_cursor};
use crate::pages::PageRequest;
use crate::payment_app::PaymentApp;
use crate::payments::{problem_of, status};
use opencredits_pages::views::dashboard::{MoneyRow, OrderRow, Sorting as SortingShown, Transactions};
use opencredits_service::{Money, MoneyPage};
use opencredits_store::{Order, OrderOrigin, OrderState};
use opencredits_units::{EntryId, NanoUsd, OrderId, UnixMs};

const PATH: &str = "/dashboard/transactions";
/// The parameter of the purchase after which older ones are shown.
const ORDERS_BEFORE: &str = "orders";
/// Transfers on a page.
const PAGE: usize = 50;
/// The columns by which transfers are sorted.
const COLUMNS: [&str; 4] = ["-at", "kind", "-in", "-out"];
/// Purchases on a page.
const ORDERS: usize = 20;

pub(super) async fn page(request: PageRequest) -> Result<Transactions, Problem> {
    let person = Person::of(&request).await?;
    let _behind = person.usage().refresh().await.map_err(|fault| person.problem(fault))?;
    let sorting = Sorting::of(person.asked("sort"), &COLUMNS);
    let found = find(&person, sorting).await?;
    let purchases = match (&person.app.payments, &found.newest_href) {
        (Some(payments), None) => purchases(&person, payments).await?,
        _ => Purchased::default(),
    };
    Ok(Transactions {
        balance: person.balance(),
        rows: found.transfers.iter().map(|money| row(&person, money)).collect(),
        sorting: SortingShown { cut_at: found.cut_at, ..sorting.shown(&Link::to(PATH)) },
        older_href: found.older_href,
        newest_href: found.newest_href,
        orders: purchases.orders.iter().map(|order| bought(&person, order)).collect(),
        older_orders_href: purchases.older_href,
        newest_orders_href: purchases.newest_href,
        orders_export_href: Link::to("/v1/credits/orders").with("limit", 100).text(),
        has_receipts: purchases.has_receipts,
        is_sold: person.app.payments.is_some(),
        export_href: Link::to("/v1/transactions").with("limit", 100).text(),
    })
}

/// A page of a person's purchases.
#[derive(Default)]
struct Purchased {
    orders: Vec<Order>,
    older_href: Option<String>,
    newest_href: Option<String>,
    has_receipts: bool,
}

async fn purchases(person: &Person<'_>, payments: &PaymentApp) -> Result<Purchased, Problem> {
    let problem = |error| problem_of(person.app, error);
    let before: Option<OrderId> = person.asked(ORDERS_BEFORE).and_then(|id| id.parse().ok());
    // One more tells whether there are older ones.
    let max = u32::try_from(ORDERS).unwrap_or(u32::MAX).saturating_add(1);
    let mut orders = payments.purchases.orders(Some(person.user.id), before, max).await.map_err(problem)?;
    let has_older = orders.len() > ORDERS;
    orders.truncate(ORDERS);
    let last = orders.last().filter(|_| has_older).map(|order| order.id);
    let payer = payments.purchases.payer(person.user.id).await.map_err(problem)?;
    Ok(Purchased {
        orders,
        older_href: last.map(|id| Link::to(PATH).with(ORDERS_BEFORE, id).text()),
        newest_href: before.map(|_| Link::to(PATH).text()),
        has_receipts: payer.is_some_and(|payer| payer.customer.is_some()),
    })
}

/// What was found for a page.
struct Found {
    transfers: Vec<Money>,
    older_href: Option<String>,
    newest_href: Option<String>,
    /// The transfers that were sorted, where there are more.
    cut_at: usize,
}

/// A page of the newest transfers, or of those that were sorted otherwise.
async fn find(person: &Person<'_>, sorting: Sorting) -> Result<Found, Problem> {
    let cursor = person.asked("cursor").filter(|_| sorting.is_usual()).and_then(read_money_cursor);
    let max = if sorting.is_usual() { PAGE } else { SORTED_MAX };
    let before = cursor.unwrap_or((UnixMs::new(u64::MAX), EntryId::default()));
    let max = u32::try_from(max).unwrap_or(u32::MAX);
    let found = person.usage().transfers(person.user.wallet, (UnixMs::default(), before), max).await;
    let MoneyPage { mut transfers, next } = found.map_err(|fault| person.problem(fault))?;
    let first = sorting.on(Link::to(PATH));
    if sorting.is_usual() {
        let older_href = next.map(|next| first.clone().with("cursor", write_money_cursor(next)).text());
        return Ok(Found { transfers, older_href, newest_href: cursor.map(|_| first.text()), cut_at: 0 });
    }
    sorting.sort(&mut transfers, |money| match sorting.by() {
        "kind" => SortKey::text(kind_of(&money.entry, money.amount)),
        "in" => SortKey::number(money.amount.get().max(0)),
        "out" => SortKey::number(money.amount.get().min(0).saturating_neg()),
        _ => SortKey::number(money.entry.at.get()),
    });
    let cut_at = next.map_or(0, |_| transfers.len());
    let Paged { rows: transfers, next, is_first } = paged(transfers, person.asked("page"), PAGE);
    let older_href = next.map(|page| first.clone().with("page", page).text());
    Ok(Found { transfers, older_href, newest_href: (!is_first).then(|| first.text()), cut_at })
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
