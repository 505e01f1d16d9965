//! Vendors and routes: what they have done since the start.

use super::desk::{Desk, by_number, by_text, link, maybe_at, percent};
use opencredits_catalog::{Model, Route};
use opencredits_pages::views::operator::{Cell, Column, OperatorPage, Order, Row, Table, Tone};
use opencredits_providers::Vendor;
use opencredits_service::RouteHealth;
use opencredits_units::Decimal;
use std::collections::BTreeMap;

/// Routes on a page; those in trouble come first.
const ROWS_MAX: usize = 200;

/// What the routes of a vendor have in common.
#[derive(Default)]
struct OfVendor {
    routes: u64,
    out: u64,
    worst_uptime: Option<u64>,
    failed_at: Option<opencredits_units::UnixMs>,
}

pub(super) fn page(desk: &Desk<'_>) -> OperatorPage {
    let gateway = &desk.state().app.gateway;
    let catalog = gateway.catalog();
    let wanted = desk.asked("vendor");
    let mut of_vendors: BTreeMap<String, OfVendor> = BTreeMap::new();
    let mut routes = Vec::new();
    for model in catalog.models() {
        for (route, vendor, health) in gateway.route_health(model) {
            let of = of_vendors.entry(vendor.id.to_string()).or_default();
            of.routes = of.routes.saturating_add(1);
            of.out = of.out.saturating_add(u64::from(health.is_out));
            of.worst_uptime = [of.worst_uptime, health.uptime].into_iter().flatten().min();
            of.failed_at = of.failed_at.max(health.failed_at);
            if wanted.is_none_or(|wanted| wanted == &*vendor.id) {
                routes.push(row((model, route, &vendor), &health));
            }
        }
    }
    let total = routes.len();
    // The worst first: out, then by failures in a row, then by the share that was served.
    routes.sort_by(|(a, _), (b, _)| a.cmp(b));
    let rows: Vec<Row> = routes.into_iter().take(ROWS_MAX).map(|(_, row)| row).collect();
    let columns = [
        Column::of("model"),
        Column::of("vendor"),
        Column::of("state"),
        Column::right("uptime"),
        Column::right("latency"),
        Column::right("speed"),
        Column::of("failed"),
    ];
    let left_out = u64::try_from(total.saturating_sub(ROWS_MAX)).unwrap_or(u64::MAX);
    let table = Table { left_out, ..Table::of("routes", columns).with(rows) };
    let sorted_href = |by: &str| match wanted {
        Some(vendor) => link("/operator/routes", &[("vendor", vendor), ("sort", by)]),
        None => link("/operator/routes", &[("sort", by)]),
    };
    let routes = table.sorted(desk.asked("sort"), sorted_href);
    OperatorPage { sections: vec![vendors(of_vendors).into(), routes.into()], ..OperatorPage::of("routes") }
}

fn vendors(of_vendors: BTreeMap<String, OfVendor>) -> Table {
    let row = |(name, of): (String, OfVendor)| {
        let href = link("/operator/routes", &[("vendor", &name)]);
        Row::of([
            Cell::link(name, href),
            if of.out > 0 { Cell::toned("out", Tone::Bad) } else { Cell::toned("ok", Tone::Good) },
            Cell::many(of.routes),
            Cell::many(of.out),
            of.worst_uptime.map_or(Cell::Nothing, percent),
            maybe_at(of.failed_at),
        ])
    };
    let columns = [
        Column::of("vendor"),
        Column::of("state"),
        Column::right("routes"),
        Column::right("out"),
        Column::right("worst_uptime"),
        Column::of("failed"),
    ];
    Table::of("vendors", columns).with(of_vendors.into_iter().map(row).collect())
}

/// How bad it is, the worst lowest, and the row.
fn row((model, _, vendor): (&Model, &Route, &Vendor), health: &RouteHealth) -> ((i64, i64, u64, String), Row) {
    let state = match (health.is_out, health.failures_in_row, health.uptime) {
        (true, ..) => Cell::toned("out", Tone::Bad),
        (false, 1.., _) => Cell::toned("failing", Tone::Warn),
        (false, 0, Some(_)) => Cell::toned("ok", Tone::Good),
        (false, 0, None) => Cell::word("unused"),
    };
    let speed = health.tokens_per_s.map(|speed| Decimal::new(i128::from(speed), 3).to_string());
    let cells = [
        Cell::text(&*model.id),
        Cell::text(&*vendor.id),
        state,
        health.uptime.map_or(Cell::Nothing, percent),
        health.latency_ms.map_or(Cell::Nothing, |ms| Cell::number(format!("{ms} ms"))),
        speed.map_or(Cell::Nothing, Cell::number),
        maybe_at(health.failed_at),
    ];
    let (out, failures) = (i64::from(health.is_out), i64::from(health.failures_in_row));
    let figure = |value: Option<u64>| by_number(value.map_or(-1, i128::from));
    let orders: Vec<Order> = vec![
        by_text(&model.id),
        by_text(&vendor.id),
        by_number(i128::from(if health.is_out { -1_000_000 } else { out.saturating_sub(failures) })),
        figure(health.uptime),
        figure(health.latency_ms),
        figure(health.tokens_per_s),
        by_number(health.failed_at.map_or(0, |at| i128::from(at.get()))),
    ];
    let rank =
        (out.saturating_neg(), failures.saturating_neg(), health.uptime.unwrap_or(u64::MAX), model.id.to_string());
    (rank, Row { orders, ..Row::of(cells) })
}
