//! The lists of a person's page. Each has as many rows as are looked at; all of them are had by the admin tool.

use super::desk::{Desk, at, partner_href};
use super::orders;
use crate::admin::Refusal;
use crate::history::{kind_of, read_money_cursor, write_money_cursor};
use opencredits_pages::views::operator::{Act, Cell, Column, Field, Row, Table, Tone};
use opencredits_service::accounts::AccountsError;
use opencredits_service::{GenerationFilter, GenerationStatus};
use opencredits_store::{AuditRecord, Key, LimitOwner, UsageFilter, UsageOf, User};
use opencredits_units::{EntryId, PartnerId, UnixMs};
use std::collections::BTreeSet;

/// Rows of a list.
const ROWS_MAX: usize = 20;
/// The same for those that are asked for with a bound.
const ROWS: u32 = 20;
/// The hours for which a key's secret of before stays valid, unless somebody says otherwise.
const OVERLAP_HOURS: u32 = 24;

fn left_out(total: usize) -> u64 {
    u64::try_from(total.saturating_sub(ROWS_MAX)).unwrap_or(u64::MAX)
}

pub(super) async fn keys(desk: &Desk<'_>, user: &User, keys: &[Key]) -> Result<Table, Refusal> {
    let management = desk.accounts().management_keys(user.id).await?;
    let mut rows = Vec::new();
    // Those in force come first, the newest first.
    let mut sorted: Vec<&Key> = keys.iter().collect();
    sorted.sort_by_key(|key| (key.revoked_at.is_some(), std::cmp::Reverse(key.id)));
    for key in sorted.iter().take(ROWS_MAX) {
        rows.push(key_row(desk, key).await?);
    }
    for key in management.iter().take(ROWS_MAX) {
        let state = if key.revoked_at.is_some() { "revoked" } else { "management" };
        let cells = [
            Cell::text(&key.name),
            Cell::code(&key.hint),
            Cell::word(state),
            Cell::Nothing,
            Cell::Nothing,
            at(key.created_at),
        ];
        let revoke = Act::on("revoke_key", ("key", key.id)).named(&key.name).dangerous();
        let acts = if key.revoked_at.is_none() { vec![revoke] } else { Vec::new() };
        rows.push(Row { acts, ..Row::of(cells) });
    }
    let columns = [
        Column::of("key"),
        Column::of("ends_in"),
        Column::of("state"),
        Column::right("limit"),
        Column::right("left"),
        Column::of("since"),
    ];
    let on = |kind: &str| Act::on(kind, ("user", user.id)).with(Field::needed("name", "text"));
    let add = on("add_key").with(Field::optional("partner", "text")).with(Field::optional("credits", "amount"));
    let acts = vec![with_terms(add), on("add_management_key")];
    Ok(Table { acts, left_out: left_out(keys.len()), ..Table::of("keys", columns).with(rows) })
}

/// An act with the fields of what a key may do.
fn with_terms(act: Act) -> Act {
    let number = |name: &str| Field::optional(name, "number");
    act.with(Field::optional("reset", "reset"))
        .with(number("expires_in_days"))
        .with(Field::optional("models", "area"))
        .with(number("requests_per_minute"))
        .with(number("tokens_per_minute"))
        .with(number("parallel"))
}

async fn key_row(desk: &Desk<'_>, key: &Key) -> Result<Row, Refusal> {
    let limit = desk.accounts().left_of(key.limit).await?;
    let is_over = key.expires_at.is_some_and(|end| end <= desk.now);
    let state = match (key.revoked_at, key.disabled, is_over) {
        (Some(_), ..) => Cell::word("revoked"),
        (None, true, _) => Cell::toned("off", Tone::Warn),
        (None, false, true) => Cell::toned("expired", Tone::Warn),
        (None, false, false) => Cell::toned("active", Tone::Good),
    };
    let cells = [
        Cell::text(&key.name),
        Cell::code(&key.hint),
        state,
        limit.map_or(Cell::Nothing, |limit| desk.has(limit.limit.amount)),
        limit.map_or(Cell::Nothing, |limit| desk.has(limit.available)),
        at(key.created_at),
    ];
    let on = |kind: &str| Act::on(kind, ("key", key.id)).named(&key.name);
    let acts = match key.revoked_at {
        Some(_) => Vec::new(),
        None => vec![
            with_terms(
                on("edit_key")
                    .with(Field::optional("name", "text"))
                    .with(Field::optional("credits", "amount"))
                    .with(Field::optional("no_limit", "check"))
                    .with(Field::optional("all_models", "check")),
            ),
            on(if key.disabled { "switch_on" } else { "switch_off" }),
            on("rotate_key").with(Field::needed("overlap_hours", "number").with(OVERLAP_HOURS)),
            on("revoke_key").dangerous(),
        ],
    };
    Ok(Row { acts, ..Row::of(cells) })
}

pub(super) async fn apps(desk: &Desk<'_>, user: &User, keys: &[Key]) -> Result<Table, Refusal> {
    let ids: BTreeSet<PartnerId> = keys.iter().filter_map(|key| key.partner).collect();
    let mut rows = Vec::new();
    for id in ids.iter().take(ROWS_MAX) {
        let partner = desk.accounts().find_partner(&id.to_string()).await?;
        let cap = desk.accounts().limit(LimitOwner::Grant(user.id, *id)).await?;
        let in_force = keys.iter().filter(|key| key.partner == Some(*id) && key.revoked_at.is_none()).count();
        let cells = [
            Cell::link(&partner.name, partner_href(*id)),
            Cell::many(u64::try_from(in_force).unwrap_or(u64::MAX)),
            cap.map_or(Cell::Nothing, |cap| desk.has(cap.limit.amount)),
            cap.map_or(Cell::Nothing, |cap| desk.has(cap.available)),
        ];
        let on = |kind: &str| Act::on(kind, ("partner", id)).hidden("user", user.id).named(&partner.name);
        let mut acts =
            vec![on("set_limit").with(Field::needed("credits", "amount")).with(Field::optional("reset", "reset"))];
        if cap.is_some() {
            acts.push(on("remove_limit"));
        }
        rows.push(Row { acts, ..Row::of(cells) });
    }
    let columns = [Column::of("app"), Column::right("keys"), Column::right("limit"), Column::right("left")];
    Ok(Table { left_out: left_out(ids.len()), ..Table::of("apps", columns).with(rows) })
}

pub(super) async fn sessions(desk: &Desk<'_>, user: &User) -> Result<Table, Refusal> {
    let (_, sessions) = desk.accounts().sessions_of(&user.id.to_string()).await?;
    let row = |session: &opencredits_store::SessionRecord| {
        Row::of([Cell::text(&session.browser), at(session.created_at), at(session.used_at)])
    };
    let rows: Vec<Row> = sessions.iter().take(ROWS_MAX).map(row).collect();
    let columns = [Column::of("browser"), Column::of("since"), Column::of("used")];
    let acts = if rows.is_empty() { Vec::new() } else { vec![Act::on("end_sessions", ("user", user.id)).dangerous()] };
    Ok(Table { acts, left_out: left_out(sessions.len()), ..Table::of("sessions", columns).with(rows) })
}

pub(super) async fn orders(desk: &Desk<'_>, user: &User) -> Result<Table, Refusal> {
    let found = orders::latest(desk, (Some(user.id), None), ROWS).await?;
    let rows = found.iter().map(|order| orders::row(desk, order)).collect();
    Ok(Table::of("orders", orders::COLUMNS.map(|(key, is_right)| Column { is_right, ..Column::of(key) })).with(rows))
}

pub(super) async fn transfers(desk: &Desk<'_>, user: &User) -> Result<Table, Refusal> {
    let usage = desk.state().app.gateway.usage();
    let _behind = usage.refresh().await.map_err(AccountsError::from)?;
    let cursor = desk.asked("transfers").and_then(read_money_cursor);
    let before = cursor.unwrap_or((UnixMs::new(u64::MAX), EntryId::default()));
    let found = usage.transfers(user.wallet, (UnixMs::default(), before), ROWS).await.map_err(AccountsError::from)?;
    let row = |money: &opencredits_service::Money| {
        let reason = std::str::from_utf8(&money.entry.memo).ok().filter(|text| !text.chars().any(char::is_control));
        Row::of([
            at(money.entry.at),
            Cell::word(kind_of(&money.entry, money.amount)),
            desk.has(money.amount),
            reason.map_or(Cell::Nothing, Cell::text),
            Cell::code(money.entry.id),
        ])
    };
    let columns =
        [Column::of("at"), Column::of("what"), Column::right("amount"), Column::of("reason"), Column::of("entry")];
    Ok(Table {
        more_href: found.next.map(|next| desk.href("transfers", write_money_cursor(next))),
        first_href: cursor.map(|_| super::desk::person_href(user.id)),
        ..Table::of("transfers", columns).with(found.transfers.iter().map(row).collect())
    })
}

pub(super) async fn requests(desk: &Desk<'_>, user: &User, keys: &[Key]) -> Result<Table, Refusal> {
    let usage = UsageFilter::of(UsageOf::User(user.id));
    let filter = GenerationFilter { usage, status: None, from: UnixMs::default(), until: None };
    let page = desk.state().app.gateway.usage().generations(filter, None, ROWS_MAX).await;
    let page = page.map_err(AccountsError::from)?;
    let name = |id| keys.iter().find(|key| key.id == id).map_or_else(String::new, |key| key.name.clone());
    let row = |request: &opencredits_service::Generation| {
        let cells = [
            at(request.id.made_at()),
            Cell::text(&request.record.model),
            Cell::text(name(request.record.key)),
            Cell::word(GenerationStatus::of(&request.record).name()),
            desk.charged(request.collected),
            Cell::code(request.id),
        ];
        let refund = Act::on("refund", ("generation", request.id)).hidden("user", user.id);
        let refund = refund.with(Field::needed("credits", "amount").with(desk.credits(request.collected))).reasoned();
        let is_charged = request.collected > opencredits_units::NanoUsd::ZERO;
        Row { acts: if is_charged { vec![refund] } else { Vec::new() }, ..Row::of(cells) }
    };
    let columns = [
        Column::of("at"),
        Column::of("model"),
        Column::of("key"),
        Column::of("state"),
        Column::right("charged"),
        Column::of("request"),
    ];
    Ok(Table::of("requests", columns).with(page.requests.iter().map(row).collect()))
}

pub(super) async fn changes(desk: &Desk<'_>, user: &User) -> Result<Table, Refusal> {
    let last = EntryId::from_bits(u128::MAX);
    let found = desk.store()?.latest_audits(Some(&user.id.to_string()), last, ROWS).await;
    Ok(changes_table(&found.map_err(AccountsError::from)?))
}

/// Records of changes.
pub(super) fn changes_table(records: &[AuditRecord]) -> Table {
    let row = |record: &AuditRecord| {
        Row::of([
            at(record.at),
            Cell::text(&record.action),
            Cell::code(&record.actor),
            Cell::code(&record.subject),
            Cell::text(&record.detail),
        ])
    };
    let columns =
        [Column::of("at"), Column::of("what"), Column::of("who"), Column::of("subject"), Column::of("detail")];
    Table::of("changes", columns).with(records.iter().map(row).collect())
}
