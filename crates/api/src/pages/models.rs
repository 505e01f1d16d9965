//! `GET /models`: all models on sale, searched, sorted and priced.

use super::headers::wants_html;
use super::missing::unknown_path;
use super::prices::{self, ASSUMED_TOKENS, Size, TOKENS_MAX};
use super::request::PageRequest;
use crate::state::App;
use axum::body::Body;
use axum::extract::Query;
use axum::response::Response;
use opencredits_catalog::{Catalog, Model, ModelKind};
use opencredits_pages::figures::{Count, aligned, rounded_up};
use opencredits_pages::views::{Column, ModelRow, Models, Query as Asked};
use opencredits_units::{Bucket, NanoUsd};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The longest search, in letters.
const SEARCH_LETTERS_MAX: usize = 100;
/// Decimal places of prices in the table; smaller parts are rounded up, and the model's page is exact.
const PLACES_MAX: u32 = 4;
/// The columns by which the table can be sorted.
const COLUMNS: [&str; 6] = ["name", "context", "output_max", "input", "output", "price"];

/// A parameter of a page, and its value.
type Parameters = Vec<(String, String)>;

/// A model with the figures by which the table is sorted.
struct Priced {
    model: Arc<Model>,
    input: NanoUsd,
    output: NanoUsd,
    request: NanoUsd,
}

/// `GET /models`.
pub(crate) async fn list(query: Query<Parameters>, request: PageRequest) -> Response<Body> {
    // A program that forgot the version in its base URL is told so.
    if !wants_html(&request.headers) {
        return unknown_path(request).await;
    }
    let asked = asked(&query.0);
    let catalog = request.app.gateway.catalog();
    let lists = &request.app.pages.lists;
    // It is the same for everybody.
    let wanted = (request.wants_fragment(), asked);
    if let Some(made) = lists.find(&wanted, &catalog) {
        return request.made(made);
    }
    match request.written(&view(&request.app, &catalog, wanted.1.clone())) {
        Ok(made) => {
            lists.keep(wanted, &catalog, &made);
            request.made(made)
        }
        Err(error) => request.failed(&error),
    }
}

fn view(app: &App, catalog: &Catalog, asked: Asked) -> Models {
    let makers: BTreeSet<&str> = catalog.models().iter().map(|model| model.owned_by.as_str()).collect();
    let found = catalog.models().iter().filter(|model| is_asked_for(model, &asked));
    let mut found: Vec<Priced> = found.map(|model| priced(app, model, size(&asked))).collect();
    sort(&mut found, &asked.sort);
    Models {
        makers: makers.into_iter().map(str::to_owned).collect(),
        rows: rows(app, &found),
        all: catalog.models().len(),
        columns: COLUMNS.iter().map(|kind| column(kind, &asked)).collect(),
        markup_percent: prices::percent(app.gateway.settings().markup),
        query: asked,
    }
}

/// A size of a request among the parameters.
pub(super) fn tokens(parameters: &Parameters, name: &str) -> u64 {
    let value = parameters.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok());
    value.filter(|count| *count <= TOKENS_MAX).unwrap_or(ASSUMED_TOKENS)
}

fn asked(parameters: &Parameters) -> Asked {
    let get = |name: &str| {
        let value = parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
        value.unwrap_or_default().chars().take(SEARCH_LETTERS_MAX).collect::<String>()
    };
    let sort = get("sort");
    let is_column = COLUMNS.contains(&sort.trim_start_matches('-'));
    Asked {
        q: get("q"),
        maker: get("maker"),
        kind: get("kind"),
        sort: if is_column { sort } else { String::new() },
        input: tokens(parameters, "input"),
        output: tokens(parameters, "output"),
    }
}

const fn size(asked: &Asked) -> Size {
    Size { input: asked.input, output: asked.output }
}

fn is_asked_for(model: &Model, asked: &Asked) -> bool {
    let text = format!("{} {} {}", model.name, model.id, model.owned_by).to_lowercase();
    (asked.maker.is_empty() || asked.maker == model.owned_by)
        && (asked.kind.is_empty() || asked.kind == model.kind.name())
        && asked.q.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

fn priced(app: &App, model: &Arc<Model>, size: Size) -> Priced {
    let markup = prices::markup(app, model);
    let rate = |bucket| model.route.card.rate(bucket);
    let output = if model.bills(Bucket::Output) { rate(Bucket::Output) } else { Default::default() };
    Priced {
        input: prices::per_million(rate(Bucket::InputUncached), markup),
        output: prices::per_million(output, markup),
        request: prices::of_request(app, model, size),
        model: Arc::clone(model),
    }
}

/// Sorts by a column, falling after `-`; by name where none is named.
fn sort(found: &mut [Priced], sort: &str) {
    let (kind, falls) = sort.strip_prefix('-').map_or((sort, false), |kind| (kind, true));
    let name = |a: &Priced, b: &Priced| {
        let (a, b) = (&a.model, &b.model);
        a.name.to_lowercase().cmp(&b.name.to_lowercase()).then_with(|| a.id.cmp(&b.id))
    };
    let by = |a: &Priced, b: &Priced| match kind {
        "context" => a.model.context_window.cmp(&b.model.context_window),
        "output_max" => a.model.max_output_tokens.cmp(&b.model.max_output_tokens),
        "input" => a.input.cmp(&b.input),
        "output" => a.output.cmp(&b.output),
        "price" => a.request.cmp(&b.request),
        _ => Ordering::Equal,
    };
    found.sort_by(|a, b| {
        let order = by(a, b).then_with(|| name(a, b));
        if falls { order.reverse() } else { order }
    });
}

fn rows(app: &App, found: &[Priced]) -> Vec<ModelRow> {
    let column = |amounts: &mut dyn Iterator<Item = NanoUsd>| {
        aligned(&amounts.map(|amount| rounded_up(amount, PLACES_MAX)).collect::<Vec<_>>())
    };
    let inputs = column(&mut found.iter().map(|priced| priced.input));
    let outputs = column(&mut found.iter().map(|priced| priced.output));
    let row = |((priced, input), output): ((&Priced, String), String)| ModelRow {
        id: priced.model.id.to_string(),
        name: priced.model.name.clone(),
        maker: priced.model.owned_by.clone(),
        is_embedding: priced.model.kind == ModelKind::Embedding,
        is_deprecated: priced.model.deprecated,
        context: Count::of(priced.model.context_window),
        output_max: Count::of(priced.model.max_output_tokens),
        input,
        output: priced.model.bills(Bucket::Output).then_some(output),
        price: prices::shown(app, priced.request),
    };
    found.iter().zip(inputs).zip(outputs).map(row).collect()
}

/// Some models for the landing page: the newest of each maker, newest first, that cost something.
pub(super) fn newest(app: &App, count: usize) -> Vec<ModelRow> {
    let catalog = app.gateway.catalog();
    let mut models: Vec<&Arc<Model>> = catalog.models().iter().filter(|model| is_shown(model)).collect();
    models.sort_by(|a, b| b.released.cmp(&a.released).then_with(|| a.id.cmp(&b.id)));
    if models.len() > count {
        let mut makers = BTreeSet::new();
        models.retain(|model| makers.insert(model.owned_by.as_str()));
    }
    let size = Size { input: ASSUMED_TOKENS, output: ASSUMED_TOKENS };
    let found: Vec<Priced> = models.into_iter().take(count).map(|model| priced(app, model, size)).collect();
    rows(app, &found)
}

/// Whether a model may stand on the landing page.
fn is_shown(model: &Model) -> bool {
    model.kind == ModelKind::Chat && !model.deprecated && !model.route.card.is_free()
}

fn column(kind: &'static str, asked: &Asked) -> Column {
    let current = if asked.sort.is_empty() { "name" } else { &asked.sort };
    let (state, next) = match current.strip_prefix('-') {
        Some(falling) if falling == kind => ("descending", kind.to_owned()),
        None if current == kind => ("ascending", format!("-{kind}")),
        _ => ("none", kind.to_owned()),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    let texts = [("q", &asked.q), ("maker", &asked.maker), ("kind", &asked.kind), ("sort", &next)];
    query.extend_pairs(texts.into_iter().filter(|(_, value)| !value.is_empty()));
    for (name, count) in [("input", asked.input), ("output", asked.output)] {
        if count != ASSUMED_TOKENS {
            query.append_pair(name, &count.to_string());
        }
    }
    Column { kind, url: format!("/models?{}", query.finish()), state }
}
