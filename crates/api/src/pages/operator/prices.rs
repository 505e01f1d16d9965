//! Price books: the one in force, those before it, and the one that the source has now.

use super::desk::{Desk, invalid, link, maybe_at, percent};
use crate::admin::{FindingView, PriceChangeView, RefreshView, Refusal};
use crate::pages::dashboard::priced;
use crate::pages::prices::{markup, million_text};
use opencredits_catalog::{Item, Model, PriceChange};
use opencredits_pages::figures::aligned;
use opencredits_pages::views::operator::{
    Act, Cell, Column, Fact, Field, OperatorPage, Remark, Row, Section, Table, Tone,
};
use opencredits_service::prices::{Applies, ListedBook, Refresh, Refreshed};
use opencredits_service::purchases::{Bonus, CurrencyTerms, SaleTerms};
use opencredits_units::{Bucket, Decimal, Rate};
use std::sync::Arc;

/// Rows of a list.
const ROWS_MAX: usize = 100;
/// Decimal places of a price for a million tokens, whose unit is a millionth of a dollar: that for one token has twelve.
const MILLION_PLACES: u32 = 6;
/// Decimal places of a price in billionths.
const NANO_PLACES: u32 = 9;
/// Decimal places of an amount in minor units.
const MINOR_PLACES: u32 = 2;

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
            Ok(refreshed) => sections.extend(compared(refreshed)),
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
    if let Some(payments) = &desk.state().app.payments {
        sections.extend(sale(&payments.purchases.terms()));
    }
    let books = prices.list().await?.iter().take(ROWS_MAX).map(row).collect();
    sections.push(Table::of("books", columns).with(books).into());
    sections.push(models(desk, catalog.models()).into());
    Ok(OperatorPage { remarks, sections, ..OperatorPage::of("prices") })
}

/// How credits are sold: by currency, and what is given with a purchase.
fn sale(terms: &SaleTerms) -> [Section; 2] {
    let row = |of: &CurrencyTerms| {
        let currency = of.currency.code();
        let amount = |minor: i64| Cell::number(priced(minor, currency));
        let suggested: Vec<String> = of.suggested_minor.iter().map(|minor| priced(*minor, currency)).collect();
        Row::of([
            Cell::text(currency.to_uppercase()),
            Cell::number(Decimal::new(i128::from(of.credit_price_nano), NANO_PLACES)),
            amount(of.amount_minor_min),
            amount(of.amount_minor_max),
            Cell::text(suggested.join(", ")),
            percent(u64::from(terms.fee.get())),
            amount(of.fee_fixed_minor),
        ])
    };
    let columns = [
        Column::of("currency"),
        Column::right("credit_price"),
        Column::right("least"),
        Column::right("most"),
        Column::of("suggested"),
        Column::right("fee"),
        Column::right("fee_fixed"),
    ];
    let sold = Table::of("sale", columns).with(terms.currencies.iter().map(row).collect());
    let bonus = |bonus: &Bonus| {
        let from = Decimal::new(i128::from(bonus.from_minor), MINOR_PLACES);
        Row::of([Cell::number(from), percent(u64::from(bonus.share.get()))])
    };
    let given = Table::of("bonuses", [Column::right("from_amount"), Column::right("bonus")]);
    [sold.into(), given.with(terms.bonuses.iter().map(bonus).collect()).into()]
}

/// What is on sale, at the prices that people pay.
fn models(desk: &Desk<'_>, models: &[Arc<Model>]) -> Table {
    let app = &desk.state().app;
    let shown: Vec<_> = models.iter().take(ROWS_MAX).collect();
    let prices = |bucket| {
        let price = |model: &&Arc<Model>| million_text(model.route.card.rate(bucket), markup(app, model));
        in_column(shown.iter().map(price).map(Some).collect())
    };
    let prices = prices(Bucket::InputUncached).into_iter().zip(prices(Bucket::Output));
    let row = |(model, (input, output)): (&&Arc<Model>, (Cell, Cell))| {
        let vendors = model.routes().map(|route| &*route.vendor).collect::<Vec<_>>().join(", ");
        let markup = percent(u64::from(markup(app, model).get()));
        let model = Cell::link(&model.id, format!("/models/{}", model.id));
        Row::of([model, Cell::text(vendors), markup, input, output])
    };
    let columns = [
        Column::of("model"),
        Column::of("vendor"),
        Column::right("markup"),
        Column::right("input"),
        Column::right("output"),
    ];
    let left_out = u64::try_from(models.len().saturating_sub(ROWS_MAX)).unwrap_or(u64::MAX);
    Table { left_out, ..Table::of("models", columns).with(shown.iter().zip(prices).map(row).collect()) }
}

/// Figures whose decimal points stand below each other; nothing where there is none.
fn in_column(figures: Vec<Option<String>>) -> Vec<Cell> {
    let mut shown = aligned(&figures.iter().flatten().cloned().collect::<Vec<_>>()).into_iter();
    let cell = |figure: Option<String>| figure.and_then(|_| shown.next()).map_or(Cell::Nothing, Cell::number);
    figures.into_iter().map(cell).collect()
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
fn compared(found: Refreshed) -> Vec<Section> {
    let (tokens, tools): (Vec<_>, Vec<_>) =
        found.diff.changed.iter().partition(|change| matches!(change.place.item, Item::Tokens(_)));
    let tokens = changes("changed", &tokens, |rate| Decimal::new(i128::from(rate.get()), MILLION_PLACES));
    let tools = changes("changed_tools", &tools, Rate::usd_per_unit);
    let found = RefreshView::from(found);
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
    let findings = findings.with(found.findings.iter().take(ROWS_MAX).map(finding).collect());
    let mut sections =
        vec![Section::Facts { state: "compared".to_owned(), facts, acts }, findings.into(), tokens.into()];
    if !tools.rows.is_empty() {
        sections.push(tools.into());
    }
    sections
}

/// Prices that change, in the unit of `usd`.
fn changes(state: &str, changed: &[&PriceChange], usd: impl Fn(Rate) -> Decimal) -> Table {
    let left_out = u64::try_from(changed.len().saturating_sub(ROWS_MAX)).unwrap_or(u64::MAX);
    let changed = changed.get(..ROWS_MAX.min(changed.len())).unwrap_or_default();
    let views: Vec<PriceChangeView> = changed.iter().map(|change| (*change).into()).collect();
    let prices = |side: fn(&PriceChange) -> Option<Rate>| {
        in_column(changed.iter().map(|change| side(change).map(|rate| usd(rate).to_string())).collect())
    };
    let percents = in_column(views.iter().map(|view| view.percent.clone()).collect());
    let rows = views.iter().zip(prices(|change| change.old)).zip(prices(|change| change.new)).zip(percents);
    let row = |(((view, old), new), percent): (((&PriceChangeView, Cell), Cell), Cell)| {
        let what = [view.what.as_str(), &view.at].map(str::trim).join(" ");
        Row::of([Cell::text(&view.model), Cell::text(&view.vendor), Cell::text(what.trim()), old, new, percent])
    };
    let columns = [
        Column::of("model"),
        Column::of("vendor"),
        Column::of("what"),
        Column::right("old"),
        Column::right("new"),
        Column::right("change"),
    ];
    Table { left_out, ..Table::of(state, columns).with(rows.map(row).collect()) }
}
