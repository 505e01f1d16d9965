//! The read model of usage: its queries. They run on a connection of their own, beside the store's other work.

use super::rows::{blob, count, id, id_or_none, number, time};
use crate::additions::cut;
use crate::block;
use crate::traits::StoreError;
use crate::usage::{
    AccountTransfer, IndexedRequest, RequestMark, UsageBy, UsageFilter, UsageGroup, UsageOf, UsageOrder, UsageQuery,
    UsageSums,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

/// Where every query begins. A key that is gone belongs to nobody.
const FROM: &str = "usage_series AS s LEFT JOIN user_keys AS k ON k.id = s.key_id";
const SUMS: &str = "
    sum(u.requests), sum(u.input_tokens), sum(u.cache_read_tokens), sum(u.cache_write_tokens), sum(u.output_tokens),
    sum(u.reasoning_tokens), sum(u.charged_nano_usd), sum(u.cost_nano_usd), sum(u.commission_nano_usd)
";
/// Blocks that are read at once: one has some two hundred requests.
const BLOCKS: &str = "
    SELECT first_ms, items FROM usage_blocks WHERE series = ?1 AND first_ms <= ?2 ORDER BY first_ms DESC
";

/// A condition with its parameters.
#[derive(Default)]
struct Conditions {
    text: Vec<&'static str>,
    values: Vec<Value>,
}

impl Conditions {
    fn and(&mut self, text: &'static str, value: impl Into<Value>) {
        self.text.push(text);
        self.values.push(value.into());
    }

    fn of(filter: &UsageFilter) -> Self {
        let mut all = Self::default();
        match filter.of {
            UsageOf::All => {}
            UsageOf::User(user) => {
                all.and("s.key_id IN (SELECT id FROM user_keys WHERE user_id = ?)", blob(user).to_vec());
            }
            UsageOf::Key(key) => all.and("s.key_id = ?", blob(key).to_vec()),
        }
        if let Some(key) = filter.key {
            all.and("s.key_id = ?", blob(key).to_vec());
        }
        if let Some(model) = &filter.model {
            all.and("s.model = ?", model.clone());
        }
        if let Some(vendor) = &filter.vendor {
            all.and("s.vendor = ?", vendor.clone());
        }
        if let Some(partner) = filter.partner {
            all.and("s.partner_id = ?", blob(partner).to_vec());
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

pub(super) fn sums(connection: &Connection, query: &UsageQuery) -> Result<Vec<UsageGroup>, StoreError> {
    let mut conditions = Conditions::of(&query.filter);
    conditions.and("u.day >= ?", number(query.days.from));
    conditions.and("u.day <= ?", number(query.days.to));
    let columns: Vec<&str> = query.by.iter().map(|by| column(*by)).collect();
    let order: Vec<String> = match query.order {
        UsageOrder::Highest => vec!["sum(u.charged_nano_usd) DESC".to_owned(), "sum(u.requests) DESC".to_owned()],
        UsageOrder::Newest => vec![],
    };
    let rest =
        columns.iter().map(|column| if *column == "u.day" { format!("{column} DESC") } else { (*column).to_owned() });
    let order: Vec<String> = order.into_iter().chain(rest).collect();
    let text = format!(
        "SELECT {sums}{comma}{columns} FROM {FROM} JOIN usage_sums AS u ON u.series = s.number {clause} {group} {order} LIMIT ?",
        sums = SUMS,
        comma = if columns.is_empty() { "" } else { ", " },
        columns = columns.join(", "),
        clause = conditions.clause(),
        group = if columns.is_empty() {
            "HAVING count(*) > 0".to_owned()
        } else {
            format!("GROUP BY {}", columns.join(", "))
        },
        order = if order.is_empty() { String::new() } else { format!("ORDER BY {}", order.join(", ")) },
    );
    conditions.values.push(i64::from(query.max).into());
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map(params_from_iter(conditions.values), |row| group(row, &query.by))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn group(row: &Row<'_>, by: &[UsageBy]) -> Result<UsageGroup, rusqlite::Error> {
    let sums = UsageSums {
        requests: count(row, 0)?,
        input_tokens: count(row, 1)?,
        cache_read_tokens: count(row, 2)?,
        cache_write_tokens: count(row, 3)?,
        output_tokens: count(row, 4)?,
        reasoning_tokens: count(row, 5)?,
        charged: NanoUsd::new(row.get(6)?),
        cost: NanoUsd::new(row.get(7)?),
        commission: NanoUsd::new(row.get(8)?),
    };
    let mut group = UsageGroup { sums, ..UsageGroup::default() };
    for (column, by) in (9..).zip(by) {
        match by {
            UsageBy::Day => group.day = Some(count(row, column)?),
            UsageBy::User => group.user = id_or_none(row, column)?,
            UsageBy::Key => group.key = Some(id(row, column)?),
            UsageBy::Model => group.model = Some(row.get(column)?),
            UsageBy::Vendor => group.vendor = Some(row.get(column)?),
            UsageBy::Partner => group.partner = partner(row, column)?,
        }
    }
    Ok(group)
}

/// An empty blob is no partner.
fn partner<K>(row: &Row<'_>, column: usize) -> Result<Option<opencredits_units::Id<K>>, rusqlite::Error> {
    let is_none = row.get_ref(column)?.as_blob().is_ok_and(<[u8]>::is_empty);
    if is_none { Ok(None) } else { id(row, column).map(Some) }
}

pub(super) fn requests(
    connection: &Connection,
    filter: &UsageFilter,
    (from, before): (RequestMark, RequestMark),
    max: usize,
) -> Result<Vec<IndexedRequest>, StoreError> {
    let conditions = Conditions::of(filter);
    let text =
        format!("SELECT s.number, s.key_id, s.model, s.vendor, s.partner_id FROM {FROM} {}", conditions.clause());
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map(params_from_iter(conditions.values), |row| {
        let mark = RequestMark::default();
        let (key, model, vendor, partner) = (id(row, 1)?, row.get(2)?, row.get(3)?, partner(row, 4)?);
        Ok((row.get::<_, i64>(0)?, IndexedRequest { mark, key, model, vendor, partner }))
    })?;
    let series: Vec<_> = rows.collect::<Result<_, _>>()?;
    let mut marks: Vec<(RequestMark, usize)> = Vec::new();
    for (at, (number, _)) in series.iter().enumerate() {
        // A request that is older than `max` found ones is on no page.
        let from = if marks.len() > max {
            from.max(marks.get(max.saturating_sub(1)).map_or(from, |(mark, _)| *mark))
        } else {
            from
        };
        let found = marks_of(connection, *number, (from, before), max)?;
        if !found.is_empty() {
            marks.extend(found.into_iter().map(|mark| (mark, at)));
            marks.sort_unstable_by(|a, b| b.cmp(a));
        }
    }
    cut(&mut marks, max, |(mark, _)| *mark);
    let named =
        |(mark, at): (RequestMark, usize)| series.get(at).map(|(_, series)| IndexedRequest { mark, ..series.clone() });
    Ok(marks.into_iter().filter_map(named).collect())
}

/// The newest marks of a series: at most `max`, and those that equal the last.
fn marks_of(
    connection: &Connection,
    series: i64,
    (from, before): (RequestMark, RequestMark),
    max: usize,
) -> Result<Vec<RequestMark>, StoreError> {
    let mut statement = connection.prepare_cached(BLOCKS)?;
    let mut rows = statement.query(params![series, number(before.made_at().get())])?;
    let mut found: Vec<RequestMark> = Vec::new();
    while let Some(row) = rows.next()? {
        let (first, items) = (time(row, 0)?, row.get_ref(1)?);
        let items = items.as_blob().map_err(|_| StoreError::Damaged { table: "usage_blocks" })?;
        let marks = block::unpack(first, items).ok_or(StoreError::Damaged { table: "usage_blocks" })?;
        found.extend(marks.into_iter().rev().filter(|mark| (from..before).contains(mark)));
        // Marks of one time are in one block.
        if found.len() >= max || RequestMark::at(first) <= from {
            break;
        }
    }
    cut(&mut found, max, |mark| *mark);
    Ok(found)
}

pub(super) fn transfers(
    connection: &Connection,
    account: AccountId,
    (from, (at, entry)): (UnixMs, (UnixMs, EntryId)),
    max: u32,
) -> Result<Vec<AccountTransfer>, StoreError> {
    let sql =
        format!("{TRANSFER} AND at_ms >= ?2 AND (at_ms, entry) < (?3, ?4) ORDER BY at_ms DESC, entry DESC LIMIT ?5");
    let mut statement = connection.prepare_cached(&sql)?;
    let columns = params![blob(account), number(from.get()), number(at.get()), blob(entry), max];
    let rows = statement.query_map(columns, read_transfer)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The newest transfers of an account that paid out.
pub(super) fn payouts(
    connection: &Connection,
    account: AccountId,
    max: u32,
) -> Result<Vec<AccountTransfer>, StoreError> {
    let sql = format!("{TRANSFER} AND paid_out_nano_usd <> 0 ORDER BY at_ms DESC, entry DESC LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![blob(account), max], read_transfer)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What an account's transfers gave to revenue and paid out.
pub(super) fn moved(
    connection: &Connection,
    account: AccountId,
    (from, until): (UnixMs, UnixMs),
) -> Result<(NanoUsd, NanoUsd), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(sum(returned_nano_usd), 0), coalesce(sum(paid_out_nano_usd), 0) FROM account_transfers
         WHERE account = ?1 AND at_ms >= ?2 AND at_ms < ?3",
    )?;
    let columns = params![blob(account), number(from.get()), number(until.get())];
    let sums = |row: &Row<'_>| Ok((NanoUsd::new(row.get(0)?), NanoUsd::new(row.get(1)?)));
    Ok(statement.query_row(columns, sums)?)
}

const TRANSFER: &str =
    "SELECT account, at_ms, entry, returned_nano_usd, paid_out_nano_usd FROM account_transfers WHERE account = ?1";

fn read_transfer(row: &Row<'_>) -> Result<AccountTransfer, rusqlite::Error> {
    Ok(AccountTransfer {
        account: id(row, 0)?,
        at: time(row, 1)?,
        entry: id(row, 2)?,
        returned: NanoUsd::new(row.get(3)?),
        paid_out: NanoUsd::new(row.get(4)?),
    })
}
