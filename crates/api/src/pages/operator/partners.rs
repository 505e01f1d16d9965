//! Partners, and those who want to be one.

use super::desk::{Desk, at, by_number, by_text, link, partner_href, percent};
use crate::admin::Refusal;
use opencredits_pages::views::operator::{Act, Cell, Column, Field, OperatorPage, Row, Table, Tone};
use opencredits_store::{ApplicationState, Partner, PartnerApplication, Standing};
use opencredits_units::{BasisPoints, PartnerId};

/// Partners on a page, and applications.
const PAGE: u32 = 50;

pub(super) async fn page(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let open = desk.accounts().applications(Some(ApplicationState::Open), PartnerId::default(), PAGE).await?;
    let mut rows = Vec::with_capacity(open.len());
    for application in &open {
        rows.push(application_row(desk, application).await?);
    }
    let columns = [Column::of("app"), Column::of("person"), Column::of("url"), Column::of("origins"), Column::of("at")];
    let applications = Table::of("applications", columns).with(rows);
    let sections = vec![applications.into(), partners(desk).await?.into()];
    Ok(OperatorPage { sections, ..OperatorPage::of("partners") })
}

async fn application_row(desk: &Desk<'_>, application: &PartnerApplication) -> Result<Row, Refusal> {
    let cells = [
        Cell::text(&application.name),
        desk.person(application.applicant).await?,
        // What a stranger wrote is no link.
        Cell::text(&application.url),
        Cell::text(application.origins.join(" ")),
        at(application.created_at),
    ];
    let on = |kind: &str| Act::on(kind, ("application", application.id)).named(&application.name);
    let approve =
        on("approve").with(Field::optional("share_bps", "number")).with(Field::optional("markup_bps", "number"));
    Ok(Row { acts: vec![approve, on("reject").reasoned().dangerous()], ..Row::of(cells) })
}

async fn partners(desk: &Desk<'_>) -> Result<Table, Refusal> {
    let after: Option<PartnerId> = desk.parsed("after");
    let found = desk.accounts().list_partners(after.unwrap_or_default(), PAGE).await?;
    let is_full = usize::try_from(PAGE).is_ok_and(|page| found.len() >= page);
    let last = found.last().filter(|_| is_full).map(|last| last.id);
    let mut rows = Vec::with_capacity(found.len());
    for partner in &found {
        rows.push(row(desk, partner).await?);
    }
    let columns = [
        Column::of("app"),
        Column::of("state"),
        Column::right("share"),
        Column::right("balance"),
        Column::right("matured"),
        Column::of("since"),
    ];
    let add = Act::alone("add_partner").with(Field::needed("name", "text"));
    let table = Table {
        more_href: last.map(|last| desk.href("after", last)),
        first_href: after.map(|_| "/operator/partners".to_owned()),
        acts: vec![add.with(Field::optional("share_bps", "number"))],
        ..Table::of("partners", columns)
    };
    Ok(table.with(rows).sorted(desk.asked("sort"), |by| link("/operator/partners", &[("sort", by)])))
}

async fn row(desk: &Desk<'_>, partner: &Partner) -> Result<Row, Refusal> {
    let earnings = desk.accounts().earnings_of(partner).await?;
    let is_suspended = partner.standing == Standing::Suspended;
    let share = partner.share.map_or(0, BasisPoints::get);
    let cells = [
        Cell::link(&partner.name, partner_href(partner.id)),
        standing(partner),
        partner.share.map_or(Cell::word("default"), |share| percent(u64::from(share.get()))),
        desk.has(earnings.balance),
        desk.has(earnings.matured),
        at(partner.created_at),
    ];
    let orders = vec![
        by_text(&partner.name),
        by_number(i128::from(is_suspended)),
        by_number(i128::from(share)),
        by_number(i128::from(earnings.balance.get())),
        by_number(i128::from(earnings.matured.get())),
        by_number(i128::from(partner.created_at.get())),
    ];
    Ok(Row { orders, ..Row::of(cells) })
}

pub(super) fn standing(partner: &Partner) -> Cell {
    match partner.standing {
        Standing::Good => Cell::toned("active", Tone::Good),
        Standing::Suspended => Cell::toned("suspended", Tone::Bad),
    }
}
