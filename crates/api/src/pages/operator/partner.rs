//! A partner: its terms, its keys, what it has earned, and its months.

use super::desk::{Desk, at, link, maybe_at, partner_href, percent};
use super::partners::standing;
use crate::admin::Refusal;
use opencredits_pages::views::operator::{Act, Back, Cell, Column, Fact, Field, OperatorPage, Row, Section, Table};
use opencredits_service::day_text;
use opencredits_service::partners::{Earnings, month_of_text, month_text};
use opencredits_store::{Partner, PartnerKeyRecord, PublishableKeyRecord, Standing};
use opencredits_units::{BasisPoints, NanoUsd, PartnerId};

/// Rows of a list.
const ROWS_MAX: usize = 20;

pub(super) async fn page(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let id: PartnerId = desk.id()?;
    let name = id.to_string();
    let partner = desk.accounts().find_partner(&name).await?;
    let earnings = desk.accounts().earnings_of(&partner).await?;
    let keys = desk.accounts().partner_keys(&name).await?;
    let publishable = desk.accounts().publishable_keys(&name).await?;
    let sections = vec![
        terms(desk, &partner).await?,
        earned(desk, &partner, &earnings),
        month(desk, &partner).await?,
        payouts(desk, &earnings).into(),
        secret_keys(&partner, &keys).into(),
        publishable_keys(&partner, &publishable).into(),
    ];
    let on = |kind: &str| Act::on(kind, ("partner", partner.id));
    let standing = match partner.standing {
        Standing::Good => on("suspend_partner").reasoned().dangerous(),
        Standing::Suspended => on("resume_partner").reasoned(),
    };
    Ok(OperatorPage {
        name: partner.name.clone(),
        back: Some(Back { state: "partners".to_owned(), href: "/operator/partners".to_owned() }),
        acts: vec![standing],
        sections,
        ..OperatorPage::of("partner")
    })
}

async fn terms(desk: &Desk<'_>, partner: &Partner) -> Result<Section, Refusal> {
    let bps = |value: Option<BasisPoints>| value.map_or(Cell::word("default"), |value| percent(u64::from(value.get())));
    let owner = match partner.owner {
        Some(owner) => desk.person(owner).await?,
        None => Cell::Nothing,
    };
    let facts = vec![
        Fact::of("id", Cell::code(partner.id)),
        Fact::of("state", standing(partner)),
        Fact::of("owner", owner),
        Fact::of("share", bps(partner.share)),
        Fact::of("markup", bps(partner.markup)),
        Fact::of("since", at(partner.created_at)),
    ];
    let edit = Act::on("edit_partner", ("partner", partner.id))
        .with(Field::optional("name", "text").with(&partner.name))
        .with(number("share_bps", partner.share))
        .with(number("markup_bps", partner.markup));
    Ok(Section::Facts { state: "terms".to_owned(), facts, acts: vec![edit] })
}

fn number(name: &str, value: Option<BasisPoints>) -> Field {
    let field = Field::optional(name, "number");
    match value {
        Some(value) => field.with(value.get()),
        None => field,
    }
}

fn earned(desk: &Desk<'_>, partner: &Partner, earnings: &Earnings) -> Section {
    let facts = vec![
        Fact::of("accrued", desk.has(earnings.accrued)),
        Fact::of("taken_back", desk.has(earnings.taken_back)),
        Fact::of("paid_out", desk.has(earnings.paid_out)),
        Fact::of("left", desk.has(earnings.balance)),
        Fact::of("matured", desk.has(earnings.matured)),
    ];
    let pay_out = Act::on("pay_out", ("partner", partner.id)).with(Field::optional("credits", "amount")).reasoned();
    let acts = if earnings.matured > NanoUsd::ZERO { vec![pay_out] } else { Vec::new() };
    Section::Facts { state: "earnings".to_owned(), facts, acts }
}

/// The statement of the month that is asked for, else of this one.
async fn month(desk: &Desk<'_>, partner: &Partner) -> Result<Section, Refusal> {
    let this = month_text(desk.now.day());
    let days = desk.asked("month").and_then(month_of_text).or_else(|| month_of_text(&this));
    let days = days.unwrap_or((desk.now.day(), desk.now.day().saturating_add(1)));
    let statement = desk.accounts().partner_statement(partner, days).await?;
    let before = month_text(statement.first_day.saturating_sub(1));
    let facts = vec![
        Fact::of("month", Cell::text(month_text(statement.first_day))),
        Fact::of("until", Cell::text(day_text(statement.end_day.saturating_sub(1)))),
        Fact::of("requests", Cell::many(statement.requests)),
        Fact::of("charged", desk.charged(statement.charged)),
        Fact::of("commission", desk.has(statement.commission)),
        Fact::of("taken_back", desk.has(statement.taken_back)),
        Fact::of("paid_out", desk.has(statement.paid_out)),
        Fact::of("balance_then", desk.has(statement.balance)),
        Fact::of("month_before", Cell::link(&before, link(&partner_href(partner.id), &[("month", &before)]))),
    ];
    Ok(Section::facts("statement", facts))
}

fn payouts(desk: &Desk<'_>, earnings: &Earnings) -> Table {
    let row = |paid: &opencredits_service::partners::PayoutEntry| {
        Row::of([at(paid.at), desk.has(paid.amount), Cell::code(paid.id)])
    };
    let columns = [Column::of("at"), Column::right("amount"), Column::of("entry")];
    Table::of("payouts", columns).with(earnings.payouts.iter().take(ROWS_MAX).map(row).collect())
}

fn secret_keys(partner: &Partner, keys: &[PartnerKeyRecord]) -> Table {
    let row = |key: &PartnerKeyRecord| {
        let cells = [Cell::text(&key.name), Cell::code(&key.hint), at(key.created_at), maybe_at(key.revoked_at)];
        let revoke = Act::on("revoke_partner_key", ("key", key.id)).hidden("partner", partner.id);
        let revoke = revoke.named(&key.name).dangerous();
        Row { acts: if key.revoked_at.is_none() { vec![revoke] } else { Vec::new() }, ..Row::of(cells) }
    };
    let columns = [Column::of("key"), Column::of("ends_in"), Column::of("since"), Column::of("revoked")];
    let add = Act::on("add_partner_key", ("partner", partner.id)).with(Field::needed("name", "text"));
    let rows = keys.iter().rev().take(ROWS_MAX).map(row).collect();
    Table { acts: vec![add], ..Table::of("partner_keys", columns).with(rows) }
}

fn publishable_keys(partner: &Partner, keys: &[PublishableKeyRecord]) -> Table {
    let row = |key: &PublishableKeyRecord| {
        let origins = if key.origins.is_empty() { Cell::word("any_origin") } else { Cell::text(key.origins.join(" ")) };
        let cells =
            [Cell::text(&key.name), Cell::code(&key.key), origins, at(key.created_at), maybe_at(key.revoked_at)];
        let revoke = Act::on("revoke_publishable", ("key", key.id)).hidden("partner", partner.id);
        let revoke = revoke.named(&key.name).dangerous();
        Row { acts: if key.revoked_at.is_none() { vec![revoke] } else { Vec::new() }, ..Row::of(cells) }
    };
    let columns =
        [Column::of("key"), Column::of("text"), Column::of("origins"), Column::of("since"), Column::of("revoked")];
    Table::of("publishable_keys", columns).with(keys.iter().rev().take(ROWS_MAX).map(row).collect())
}
