//! `GET /models/{vendor}/{model}`: one model.

use super::headers::wants_html;
use super::missing::unknown_path;
use super::models::tokens;
use super::prices::{self, Size};
use super::request::PageRequest;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::response::Response;
use opencredits_catalog::{Model, ModelKind, PriceCard, Route};
use opencredits_pages::figures::{Count, aligned};
use opencredits_pages::views::{ModelPage, PriceRow, RouteRow, ThresholdRow};
use opencredits_providers::Vendor;
use opencredits_service::RouteHealth;
use opencredits_units::{BasisPoints, Bucket, NanoUsd, Rate, Tokens, ToolUse};

/// The credits for which the page says how many requests they pay for.
const SAMPLE_CREDITS: i64 = 1_000;

/// `GET /models/{vendor}/{model}`, by any name of the model.
pub(crate) async fn one(
    Path(name): Path<String>,
    query: Query<Vec<(String, String)>>,
    request: PageRequest,
) -> Response<Body> {
    if !wants_html(&request.headers) {
        return unknown_path(request).await;
    }
    let catalog = request.app.gateway.catalog();
    let Ok(model) = catalog.resolve(&name) else {
        return request.not_found();
    };
    let size = Size { input: tokens(&query.0, "input"), output: tokens(&query.0, "output") };
    request.page(&view(&request.app, model, size))
}

fn view(app: &App, model: &Model, size: Size) -> ModelPage {
    let markup = prices::markup(app, model);
    let card = &model.route.card;
    let price = prices::of_request(app, model, size);
    ModelPage {
        id: model.id.to_string(),
        name: model.name.clone(),
        maker: model.owned_by.clone(),
        is_embedding: model.kind == ModelKind::Embedding,
        is_deprecated: model.deprecated,
        aliases: model.aliases.clone(),
        released: day(model.released),
        context: Count::of(model.context_window),
        output_max: Count::of(model.max_output_tokens),
        reads: model.input_modalities.clone(),
        writes: model.output_modalities.clone(),
        features: model.supports.iter().map(|feature| feature.replace('_', " ")).collect(),
        prices: price_rows(model, markup),
        thresholds: threshold_rows(card, markup),
        tools: tool_rows(card, markup),
        routes: route_rows(app, model, markup),
        markup_percent: prices::percent(markup),
        input: size.input,
        output: size.output,
        price: prices::shown(app, price),
        requests: requests(app, price),
    }
}

/// The day of a time in Unix seconds; none for zero, which stands for an unknown one.
fn day(seconds: u64) -> Option<String> {
    let at = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    jiff::Timestamp::from_second(at).ok().map(|at| at.strftime("%Y-%m-%d").to_string())
}

/// How many requests at a price [`SAMPLE_CREDITS`] pay for.
fn requests(app: &App, price: NanoUsd) -> Option<Count> {
    let credits = app.settings.credit_price.get().get().checked_mul(SAMPLE_CREDITS)?;
    let count = credits.checked_div(price.get())?;
    u64::try_from(count).ok().map(Count::of)
}

/// The classes that have a price of their own: others cost what input or output costs.
fn price_rows(model: &Model, markup: BasisPoints) -> Vec<PriceRow> {
    let card = &model.route.card;
    let base = |bucket: Bucket| if bucket.is_input() { Bucket::InputUncached } else { Bucket::Output };
    let has_own = |bucket: &Bucket| *bucket == base(*bucket) || card.rate(*bucket) != card.rate(base(*bucket));
    let classes = Bucket::ALL.into_iter().filter(|bucket| model.bills(*bucket)).filter(has_own);
    let rows: Vec<(&'static str, Rate)> = classes.map(|bucket| (bucket.name(), card.rate(bucket))).collect();
    let list: Vec<String> = rows.iter().map(|(_, rate)| rate.usd_per_million().to_string()).collect();
    let paid: Vec<String> = rows.iter().map(|(_, rate)| prices::million_text(*rate, markup)).collect();
    joined(&rows, (&list, &paid))
}

/// The fees of tools.
fn tool_rows(card: &PriceCard, markup: BasisPoints) -> Vec<PriceRow> {
    let fees = ToolUse::ALL.into_iter().filter_map(|tool| Some((tool.name(), card.per_use(tool)?)));
    let rows: Vec<(&'static str, Rate)> = fees.collect();
    let list: Vec<String> = rows.iter().map(|(_, rate)| rate.usd_per_unit().to_string()).collect();
    let paid: Vec<String> = rows.iter().map(|(_, rate)| prices::use_text(*rate, markup)).collect();
    joined(&rows, (&list, &paid))
}

fn joined(rows: &[(&'static str, Rate)], (list, paid): (&[String], &[String])) -> Vec<PriceRow> {
    let texts = aligned(list).into_iter().zip(aligned(paid));
    rows.iter().zip(texts).map(|((class, _), (list, paid))| PriceRow { class, list, paid }).collect()
}

/// The rates above each threshold of input.
fn threshold_rows(card: &PriceCard, markup: BasisPoints) -> Vec<ThresholdRow> {
    let row = |above: Tokens| {
        let input = Tokens::new(above.get().saturating_add(1));
        let text = |bucket| prices::million_text(card.rate_in(None, input, bucket), markup);
        (Count::of(above.get()), text(Bucket::InputUncached), text(Bucket::Output))
    };
    let rows: Vec<(Count, String, String)> = card.thresholds().map(row).collect();
    let inputs = aligned(&rows.iter().map(|(_, input, _)| input.clone()).collect::<Vec<_>>());
    let outputs = aligned(&rows.iter().map(|(_, _, output)| output.clone()).collect::<Vec<_>>());
    let texts = inputs.into_iter().zip(outputs);
    rows.into_iter().zip(texts).map(|((above, ..), (input, output))| ThresholdRow { above, input, output }).collect()
}

fn route_rows(app: &App, model: &Model, markup: BasisPoints) -> Vec<RouteRow> {
    let rows: Vec<(&Route, RouteRow)> = app
        .gateway
        .route_health(model)
        .map(|(route, vendor, health)| (route, route_row((route, &vendor, health))))
        .collect();
    let column = |bucket| {
        let texts = rows.iter().map(|(route, _)| prices::million_text(route.card.rate(bucket), markup));
        aligned(&texts.collect::<Vec<_>>())
    };
    let texts = column(Bucket::InputUncached).into_iter().zip(column(Bucket::Output));
    let filled = rows.into_iter().zip(texts);
    filled.map(|((_, row), (input, output))| RouteRow { input, output, ..row }).collect()
}

/// A route without its prices.
fn route_row((route, vendor, health): (&Route, &Vendor, RouteHealth)) -> RouteRow {
    RouteRow {
        vendor: vendor.id.to_string(),
        region: route.region.clone(),
        collects: route.data_collection.unwrap_or(vendor.data_collection),
        zdr: route.zdr.unwrap_or(vendor.zdr),
        is_out: health.is_out,
        input: String::new(),
        output: String::new(),
        latency_ms: health.latency_ms,
    }
}
