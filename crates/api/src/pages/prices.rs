//! Prices as pages show them: what a person pays, with the markup.

use crate::quotes::plain_price;
use crate::state::App;
use opencredits_catalog::{Model, Terms};
use opencredits_pages::figures::{Money, Rounding, rounded_up};
use opencredits_units::{BasisPoints, Bucket, Decimal, NanoUsd, Rate, Tokens, Usage};

/// The size of a request that prices suppose, in tokens.
pub(super) const ASSUMED_TOKENS: u64 = 2_500;
/// The largest size that the calculator takes, in tokens.
pub(super) const TOKENS_MAX: u64 = 100_000_000;
/// Price lists are by the million.
const MILLION: Tokens = Tokens::new(1_000_000);
/// Decimal places of exact dollars.
const PLACES_MAX: u32 = 9;
/// Decimal places of a percentage in basis points.
const PERCENT_PLACES: u32 = 2;

/// The size of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) input: u64,
    pub(super) output: u64,
}

/// Basis points in percent, such as `25`.
pub(super) fn percent(share: BasisPoints) -> String {
    Decimal::new(i128::from(share.get()), PERCENT_PLACES).to_string()
}

/// The markup on a model for a person whose key no partner issued.
pub(super) fn markup(app: &App, model: &Model) -> BasisPoints {
    app.gateway.markup(None, model)
}

/// What so many units at a rate cost a person.
fn charged(rate: Rate, units: Tokens, markup: BasisPoints) -> NanoUsd {
    rate.times(units).and_then(|cost| cost.marked_up_to_nano(markup)).unwrap_or_default()
}

/// What a million tokens cost a person.
pub(super) fn per_million(rate: Rate, markup: BasisPoints) -> NanoUsd {
    charged(rate, MILLION, markup)
}

/// What a million tokens cost a person, exactly.
pub(super) fn million_text(rate: Rate, markup: BasisPoints) -> String {
    rounded_up(per_million(rate, markup), PLACES_MAX)
}

/// What one use of a tool costs a person, exactly.
pub(super) fn use_text(rate: Rate, markup: BasisPoints) -> String {
    rounded_up(charged(rate, Tokens::new(1), markup), PLACES_MAX)
}

/// What a request of this size costs a person; nothing where the sum does not fit.
pub(super) fn of_request(app: &App, model: &Model, size: Size) -> NanoUsd {
    let mut usage = Usage::default();
    usage.set(Bucket::InputUncached, Tokens::new(size.input));
    if model.bills(Bucket::Output) {
        usage.set(Bucket::Output, Tokens::new(size.output));
    }
    let terms = Terms { markup: markup(app, model), partner_share: BasisPoints::ZERO };
    plain_price(model, &usage, terms).unwrap_or_default()
}

/// A charge as it is shown.
pub(super) fn shown(app: &App, amount: NanoUsd) -> Money {
    Money::of(amount, app.settings.credit_price, Rounding::Up)
}

/// The price of a credit, such as `$0.01`.
pub(super) fn of_credit(app: &App) -> String {
    Money::of(app.settings.credit_price.get(), app.settings.credit_price, Rounding::Up).exact_dollars
}
