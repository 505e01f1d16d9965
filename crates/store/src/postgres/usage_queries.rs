//! The read model of usage: its queries.

use super::cells::Cells;
use super::connection::Connection;
use super::values::{Value, v};
use crate::additions::cut;
use crate::block;
use crate::traits::StoreError;
use crate::usage::{
    AccountTransfer, IndexedRequest, RequestMark, UsageBy, UsageFilter, UsageGroup, UsageOf, UsageOrder, UsageQuery,
    UsageSums,
};
use opencredits_units::{PartnerId, UnixMs};
use std::cmp::Reverse;

/// Where every query begins. A key that is gone belongs to nobody.
const FROM: &str = "usage_series AS s LEFT JOIN user_keys AS k ON k.id = s.key_id";
const SUMS: [&str; 9] = [
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "charged_nano_usd",
    "cost_nano_usd",
    "commission_nano_usd",
];
/// Series that are read at once, each with its newest block: one has some two hundred requests.
const SERIES_MAX: u32 = 256;
/// Blocks of one series that are read at once.
const BLOCKS_MAX: u32 = 16;
const BLOCKS: &str = "
    SELECT first_ms, items FROM usage_blocks WHERE series = $1 AND first_ms < $2 ORDER BY first_ms DESC LIMIT $3";
pub(super) const TRANSFER: &str =
    "SELECT account, at_ms, entry, returned_nano_usd, paid_out_nano_usd FROM account_transfers WHERE account = $1";
/// What an account's transfers gave to revenue and paid out.
pub(super) const MOVED: &str = "
    SELECT CAST(coalesce(sum(returned_nano_usd), 0) AS bigint), CAST(coalesce(sum(paid_out_nano_usd), 0) AS bigint)
    FROM account_transfers WHERE account = $1 AND at_ms >= $2 AND at_ms < $3";

/// Conditions with their parameters.
#[derive(Default)]
struct Conditions {
    text: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition on a parameter, which stands at its end.
    fn and(&mut self, text: &str, value: impl Into<Value>) {
        let number = self.bind(value);
        self.text.push(format!("{text} {number}"));
    }

    /// Adds a parameter; returns its name.
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn of(filter: &UsageFilter) -> Self {
        let mut all = Self::default();
        match filter.of {
            UsageOf::All => {}
            UsageOf::User(user) => all.and("k.user_id =", user),
            UsageOf::Key(key) => all.and("s.key_id =", key),
        }
        if let Some(key) = filter.key {
            all.and("s.key_id =", key);
        }
        if let Some(model) = &filter.model {
            all.and("s.model =", model);
        }
        if let Some(vendor) = &filter.vendor {
            all.and("s.vendor =", vendor);
        }
        if let Some(partner) = filter.partner {
            all.and("s.partner_id =", partner);
        }
        all
    }

    fn clause(&self) -> String {
        if self.text.is_empty() { String::new() } else { format!("WHERE {}", self.text.join(" AND ")) }
    }
}

const fn column(by: UsageBy) -> &'static str {
    match by {
        UsageBy::Day => "u.day",
        UsageBy::User => "k.user_id",
        UsageBy::Key => "s.key_id",
        UsageBy::Model => "s.model",
        UsageBy::Vendor => "s.vendor",
        UsageBy::Partner => "s.partner_id",
    }
}

/// The direction of a property: the latest day first, and nobody before people.
const fn direction(by: UsageBy) -> &'static str {
    match by {
        UsageBy::Day => " DESC",
        UsageBy::User => " NULLS FIRST",
        UsageBy::Key | UsageBy::Model | UsageBy::Vendor | UsageBy::Partner => "",
    }
}

pub(super) async fn sums(connection: &Connection, query: &UsageQuery) -> Result<Vec<UsageGroup>, StoreError> {
    let mut conditions = Conditions::of(&query.filter);
    conditions.and("u.day >=", query.days.from);
    conditions.and("u.day <=", query.days.to);
    let clause = conditions.clause();
    let limit = conditions.bind(query.max);
    let by: Vec<&str> = query.by.iter().map(|by| column(*by)).collect();
    let sums = SUMS.map(|column| format!("CAST(sum(u.{column}) AS bigint)"));
    let selected: Vec<&str> = sums.iter().map(String::as_str).chain(by.iter().copied()).collect();
    let highest = ["sum(u.charged_nano_usd) DESC", "sum(u.requests) DESC"].map(str::to_owned);
    let highest = highest.into_iter().filter(|_| query.order == UsageOrder::Highest);
    let order = query.by.iter().map(|by| format!("{}{}", column(*by), direction(*by)));
    let order: Vec<String> = highest.chain(order).collect();
    let text = format!(
        "SELECT {selected} FROM {FROM} JOIN usage_sums AS u ON u.series = s.number {clause} {group} {order} LIMIT {limit}",
        selected = selected.join(", "),
        group = if by.is_empty() { "HAVING count(*) > 0".to_owned() } else { format!("GROUP BY {}", by.join(", ")) },
        order = if order.is_empty() { String::new() } else { format!("ORDER BY {}", order.join(", ")) },
    );
    connection.all(&text, &conditions.values, |cells| group(cells, &query.by)).await
}

fn group(cells: &Cells<'_>, by: &[UsageBy]) -> Result<UsageGroup, StoreError> {
    let sums = UsageSums {
        requests: cells.count(0)?,
        input_tokens: cells.count(1)?,
        cache_read_tokens: cells.count(2)?,
        cache_write_tokens: cells.count(3)?,
        output_tokens: cells.count(4)?,
        reasoning_tokens: cells.count(5)?,
        charged: cells.amount(6)?,
        cost: cells.amount(7)?,
        commission: cells.amount(8)?,
    };
    let mut group = UsageGroup { sums, ..UsageGroup::default() };
    for (column, by) in (SUMS.len()..).zip(by) {
        match by {
            UsageBy::Day => group.day = Some(cells.count(column)?),
            UsageBy::User => group.user = cells.id_or_none(column)?,
            UsageBy::Key => group.key = Some(cells.id(column)?),
            UsageBy::Model => group.model = Some(cells.text(column)?),
            UsageBy::Vendor => group.vendor = Some(cells.text(column)?),
            UsageBy::Partner => group.partner = partner(cells, column)?,
        }
    }
    Ok(group)
}

/// Empty bytes are no partner.
fn partner(cells: &Cells<'_>, column: usize) -> Result<Option<PartnerId>, StoreError> {
    if cells.bytes(column)?.is_empty() { Ok(None) } else { cells.id(column).map(Some) }
}

/// A series, and the newest of its blocks that may have a request of the span.
struct Series {
    number: i64,
    like: IndexedRequest,
    newest: Option<(UnixMs, Vec<u8>)>,
}

fn read_series(cells: &Cells<'_>) -> Result<Series, StoreError> {
    let (key, model, vendor, partner) = (cells.id(1)?, cells.text(2)?, cells.text(3)?, partner(cells, 4)?);
    let newest = cells.time_or_none(5)?.zip(cells.bytes_or_none(6)?);
    let like = IndexedRequest { mark: RequestMark::default(), key, model, vendor, partner };
    Ok(Series { number: cells.number(0)?, like, newest })
}

pub(super) async fn requests(
    connection: &Connection,
    filter: &UsageFilter,
    (from, before): (RequestMark, RequestMark),
    max: usize,
) -> Result<Vec<IndexedRequest>, StoreError> {
    let mut found: Vec<IndexedRequest> = Vec::new();
    let mut after = -1_i64;
    loop {
        let page = series_after(connection, filter, (after, before)).await?;
        let Some(last) = page.last() else { break };
        after = last.number;
        let is_last = page.len() < usize::try_from(SERIES_MAX).unwrap_or(usize::MAX);
        for series in page {
            // A request that is older than `max` found ones is on no page.
            let from = match max.checked_sub(1).and_then(|at| found.get(at)) {
                Some(oldest) => from.max(oldest.mark),
                None => from,
            };
            let marks = marks_of(connection, (series.number, series.newest), (from, before), max).await?;
            if !marks.is_empty() {
                found.extend(marks.into_iter().map(|mark| IndexedRequest { mark, ..series.like.clone() }));
                found.sort_by_key(|request| Reverse(request.mark));
                cut(&mut found, max, |request| request.mark);
            }
        }
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// Some series above a number, each with its newest block.
async fn series_after(
    connection: &Connection,
    filter: &UsageFilter,
    (after, before): (i64, RequestMark),
) -> Result<Vec<Series>, StoreError> {
    let mut conditions = Conditions::of(filter);
    conditions.and("s.number >", after);
    let clause = conditions.clause();
    let (until, max) = (conditions.bind(before.made_at()), conditions.bind(SERIES_MAX));
    let text = format!(
        "SELECT s.number, s.key_id, s.model, s.vendor, s.partner_id, b.first_ms, b.items FROM {FROM}
         LEFT JOIN usage_blocks AS b ON b.series = s.number AND b.first_ms = (
             SELECT max(n.first_ms) FROM usage_blocks AS n WHERE n.series = s.number AND n.first_ms <= {until})
         {clause} ORDER BY s.number LIMIT {max}"
    );
    connection.all(&text, &conditions.values, read_series).await
}

/// The newest marks of a series: at most `max`, and those that equal the last.
async fn marks_of(
    connection: &Connection,
    (series, newest): (i64, Option<(UnixMs, Vec<u8>)>),
    (from, before): (RequestMark, RequestMark),
    max: usize,
) -> Result<Vec<RequestMark>, StoreError> {
    let mut found: Vec<RequestMark> = Vec::new();
    let mut blocks: Vec<(UnixMs, Vec<u8>)> = newest.into_iter().collect();
    while let Some((oldest, _)) = blocks.last() {
        let oldest = *oldest;
        for (first, items) in &blocks {
            let marks = block::unpack(*first, items).ok_or(StoreError::Damaged { table: "usage_blocks" })?;
            found.extend(marks.into_iter().rev().filter(|mark| (from..before).contains(mark)));
            // Marks of one time are in one block.
            if found.len() >= max || RequestMark::at(*first) <= from {
                cut(&mut found, max, |mark| *mark);
                return Ok(found);
            }
        }
        blocks = connection.all(BLOCKS, &[v(series), v(oldest), v(BLOCKS_MAX)], read_block).await?;
    }
    cut(&mut found, max, |mark| *mark);
    Ok(found)
}

pub(super) fn read_block(cells: &Cells<'_>) -> Result<(UnixMs, Vec<u8>), StoreError> {
    Ok((cells.time(0)?, cells.bytes(1)?))
}

pub(super) fn read_transfer(cells: &Cells<'_>) -> Result<AccountTransfer, StoreError> {
    Ok(AccountTransfer {
        account: cells.id(0)?,
        at: cells.time(1)?,
        entry: cells.id(2)?,
        returned: cells.amount(3)?,
        paid_out: cells.amount(4)?,
    })
}
