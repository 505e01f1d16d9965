//! Price books: the one in force, those before it, and the one that the source has now.

use super::desk::{Desk, invalid, link, maybe_at, percent};
use crate::admin::{FindingView, PriceChangeView, RefreshView, Refusal};
use crate::pages::prices::{markup, million_text};
use opencredits_catalog::Model;
use opencredits_pages::views::operator::{
    Act, Cell, Column, Fact, Field, OperatorPage, Remark, Row, Section, Table, Tone,
};
use opencredits_service::prices::{Applies, ListedBook, Refresh};
use opencredits_units::Bucket;
use std::sync::Arc;

/// Rows of a list.
const ROWS_MAX: usize = 100;

pub(super) async fn page(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let prices = desk.state().admin.prices.as_ref().ok_or_else(|| invalid("no price books are kept here"))?;
    let catalog = desk.state().app.gateway.catalog();
    let mut remarks = Vec::new();
    let compare = link("/operator/prices", &[("compare", "1")]);
    let source = if prices.has_source() { Cell::go("compare_it", compare) } else { Cell::Nothing };
    let facts = vec![
        Fact::of("in_force", Cell::code(catalog.version())),
        Fact::of("on_sale", Cell::many(u64::try_from(catalog.models().len()).unwrap_or(u64::MAX))),
        Fact::of("markup_general", percent(u64::from(desk.state().app.gateway.settings().markup.get()))),
        Fact::of("compare", source),
    ];
    let mut sections = vec![Section::facts("offer", facts)];
    if desk.asked("compare").is_some() && prices.has_source() {
        let refresh = Refresh { from: None, accept: Vec::new(), applies: Applies::No };
        match prices.refresh(refresh).await {
            Ok(refreshed) => sections.extend(compared(&refreshed.into())),
            Err(error) => remarks.push(Remark {
                state: "source_fails".to_owned(),
                class: Tone::Bad,
                detail: error.to_string(),
                href: None,
            }),
        }
    }
    let columns = [
        Column::of("version"),
        Column::of("state"),
        Column::of("source"),
        Column::of("added"),
        Column::of("in_force_since"),
    ];
    let books = prices.list().await?.iter().take(ROWS_MAX).map(row).collect();
    sections.push(Table::of("books", columns).with(books).into());
    sections.push(models(desk, catalog.models()).into());
    Ok(OperatorPage { remarks, sections, ..OperatorPage::of("prices") })
}

/// What is on sale, at the prices that people pay.
fn models(desk: &Desk<'_>, models: &[Arc<Model>]) -> Table {
    let app = &desk.state().app;
    let row = |model: &Arc<Model>| {
        let markup = markup(app, model);
        let price = |bucket| Cell::number(million_text(model.route.card.rate(bucket), markup));
        Row::of([
            Cell::link(&model.id, format!("/models/{}", model.id)),
            Cell::text(model.routes().map(|route| &*route.vendor).collect::<Vec<_>>().join(", ")),
            percent(u64::from(markup.get())),
            price(Bucket::InputUncached),
            price(Bucket::Output),
        ])
    };
    let columns = [
        Column::of("model"),
        Column::of("vendor"),
        Column::right("markup"),
        Column::right("input"),
        Column::right("output"),
    ];
    let left_out = u64::try_from(models.len().saturating_sub(ROWS_MAX)).unwrap_or(u64::MAX);
    Table { left_out, ..Table::of("models", columns).with(models.iter().take(ROWS_MAX).map(row).collect()) }
}

fn row(book: &ListedBook) -> Row {
    let state = if book.is_in_force { Cell::toned("in_force", Tone::Good) } else { Cell::word("kept") };
    let cells = [
        Cell::code(&book.version),
        state,
        Cell::text(&book.source),
        maybe_at(book.added_at),
        maybe_at(book.in_force_since),
    ];
    let roll_back = Act::on("roll_back", ("version", &book.version)).named(&book.version).dangerous();
    Row { acts: if book.is_in_force { Vec::new() } else { vec![roll_back] }, ..Row::of(cells) }
}

/// What the book of the source changes.
fn compared(found: &RefreshView) -> Vec<Section> {
    let many = |count: usize| Cell::many(u64::try_from(count).unwrap_or(u64::MAX));
    let facts = vec![
        Fact::of("version", Cell::code(&found.version)),
        Fact::of("before_version", Cell::code(&found.before)),
        Fact::of("new_models", many(found.added.len())),
        Fact::of("gone_models", many(found.vanished.len())),
        Fact::of("changed_prices", many(found.changed_total)),
    ];
    let refresh = Act::alone("refresh").hidden("version", &found.version).with(Field::optional("accept", "area"));
    let acts = if found.is_in_force() { Vec::new() } else { vec![refresh] };
    let finding = |finding: &FindingView| Row::of([Cell::text(&finding.model), Cell::text(&finding.what)]);
    let findings = Table::of("findings", [Column::of("model"), Column::of("what")]);
    let change = |change: &PriceChangeView| {
        let price = |price: &Option<String>| price.as_ref().map_or(Cell::Nothing, Cell::number);
        Row::of([
            Cell::text(&change.model),
            Cell::text(&change.vendor),
            Cell::text(format!("{} {}", change.what, change.at)),
            price(&change.old_usd),
            price(&change.new_usd),
            change.percent.as_ref().map_or(Cell::Nothing, |percent| Cell::number(format!("{percent} %"))),
        ])
    };
    let columns = [
        Column::of("model"),
        Column::of("vendor"),
        Column::of("what"),
        Column::right("old"),
        Column::right("new"),
        Column::right("change"),
    ];
    let left_out = u64::try_from(found.changed_total.saturating_sub(ROWS_MAX)).unwrap_or(u64::MAX);
    let changed = found.changed.iter().take(ROWS_MAX).map(change).collect();
    vec![
        Section::Facts { state: "compared".to_owned(), facts, acts },
        findings.with(found.findings.iter().take(ROWS_MAX).map(finding).collect()).into(),
        Table { left_out, ..Table::of("changed", columns).with(changed) }.into(),
    ]
}
