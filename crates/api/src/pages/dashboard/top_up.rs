//! Buying credits, and having the balance topped up by itself.

use super::figures::priced;
use super::links::Link;
use super::person::Person;
use crate::errors::Problem;
use crate::pages::PageRequest;
use crate::payment_app::PaymentApp;
use crate::payments::{problem_of, status};
use crate::quotes::plain_price;
use opencredits_billing::{Currency, Money};
use opencredits_catalog::{Model, ModelKind, Terms};
use opencredits_pages::figures::Count;
use opencredits_pages::views::dashboard::{Buys, CurrencyChoice, Offered, OrderSeen, Quote, QuoteError, Rule, TopUp};
use opencredits_service::config::minor;
use opencredits_service::purchases::{CurrencyTerms, NotSold, Price};
use opencredits_store::{Days, OrderState, Payer, TopUpState, UsageBy};
use opencredits_units::{BasisPoints, Bucket, NanoUsd, OrderId, Tokens, Usage};
use std::sync::Arc;

const PATH: &str = "/dashboard/top-up";
/// Models that say what an amount is good for.
const MODELS: usize = 3;
/// The days in which a person's own models are looked for.
const MODEL_DAYS: u64 = 90;
/// The size of a request, in tokens of each kind.
const ASSUMED_TOKENS: u64 = 2_500;

pub(super) async fn page(request: PageRequest) -> Result<TopUp, Problem> {
    let person = Person::of(&request).await?;
    let balance = person.wallet;
    let page = TopUp { balance: person.has(balance.available), owed: person.owed().await?, ..TopUp::default() };
    match person.app.payments.clone() {
        Some(payments) => sold(&person, &payments, (page, balance.available)).await,
        None => Ok(page),
    }
}

async fn sold(person: &Person<'_>, payments: &PaymentApp, (page, balance): (TopUp, NanoUsd)) -> Result<TopUp, Problem> {
    let purchases = &payments.purchases;
    let terms = purchases.terms();
    let wanted = person.asked("currency").and_then(Currency::from_code);
    let Some(sold) = terms.of(wanted).or_else(|| terms.of(None)) else { return Ok(page) };
    let (currency, code) = (sold.currency, sold.currency.code());
    let amount = person.asked("amount").map_or_else(|| default_amount(sold), str::to_owned);
    let price = minor(&amount).map(|minor| terms.price(Money::new(minor, currency)));
    let price_of = |minor: i64| terms.price(Money::new(minor, currency)).ok().map(|price| (minor, price));
    let payer = purchases.payer(person.user.id).await.map_err(|error| problem_of(person.app, error))?;
    let email = payments.emails.email_of(person.user.id).await.map_err(|error| person.problem(error))?;
    let (quote, error) = match price {
        Some(Ok(price)) => (Some(quoted(person, (minor(&amount).unwrap_or_default(), price), balance).await?), None),
        Some(Err(why)) => (None, Some(not_sold(why, code))),
        None => (None, Some(QuoteError { kind: "amount".to_owned(), bound: priced(sold.amount_minor_min, code) })),
    };
    Ok(TopUp {
        is_sold: true,
        currencies: terms.currencies.iter().map(|of| choice(of, currency)).collect(),
        currency: code.to_uppercase(),
        currency_value: code.to_owned(),
        offered: sold
            .suggested_minor
            .iter()
            .filter_map(|minor| price_of(*minor))
            .map(|offer| offered(person, offer, (code, minor(&amount))))
            .collect(),
        bounds: (short(sold.amount_minor_min, code), short(sold.amount_minor_max, code)),
        quote,
        error,
        rule: rule(person, payer.as_ref()),
        order: seen(person, payments).await?,
        is_back: person.asked("back").is_some(),
        is_cancelled: person.asked("cancelled").is_some(),
        email: email.filter(|email| email.bounced_at.is_none()).map(|email| email.address),
        amount,
        ..page
    })
}

/// The second suggestion, since the first is the least; else the least that is sold.
fn default_amount(terms: &CurrencyTerms) -> String {
    let minor = terms.suggested_minor.get(1).or_else(|| terms.suggested_minor.first());
    plain(minor.copied().unwrap_or(terms.amount_minor_min))
}

/// An amount of money without decimals that say nothing.
fn short(minor: i64, code: &str) -> String {
    priced(minor, code).replace(".00", "")
}

/// Minor units as they are typed: `25`, `12.50`.
fn plain(minor: i64) -> String {
    let (whole, part) = (minor.div_euclid(100), minor.rem_euclid(100));
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:02}") }
}

fn choice(terms: &CurrencyTerms, chosen: Currency) -> CurrencyChoice {
    let value = terms.currency.code();
    CurrencyChoice {
        code: value.to_uppercase(),
        value: value.to_owned(),
        href: Link::to(PATH).with("currency", value).text(),
        is_current: terms.currency == chosen,
    }
}

fn offered(person: &Person<'_>, (minor, price): (i64, Price), (code, chosen): (&str, Option<i64>)) -> Offered {
    Offered {
        amount: short(minor, code),
        credits: person.has(price.credits),
        href: Link::to(PATH).with("amount", plain(minor)).with("currency", code).text(),
        is_current: chosen == Some(minor),
    }
}

fn not_sold(why: NotSold, code: &str) -> QuoteError {
    let (kind, bound) = match why {
        NotSold::Below(least) => ("below", priced(least, code)),
        NotSold::Above(most) => ("above", priced(most, code)),
        NotSold::Currency => ("amount", String::new()),
    };
    QuoteError { kind: kind.to_owned(), bound }
}

async fn quoted(person: &Person<'_>, (minor, price): (i64, Price), balance: NanoUsd) -> Result<Quote, Problem> {
    let code = price.total.currency();
    let bought = price.credits.checked_add(price.bonus).unwrap_or(price.credits);
    let owed = match person.app.payments.as_deref() {
        Some(payments) => payments.purchases.owed(person.user.id).await.unwrap_or_default(),
        None => NanoUsd::ZERO,
    };
    let after = balance.checked_add(bought).and_then(|sum| sum.checked_sub(owed.min(bought))).unwrap_or(balance);
    Ok(Quote {
        amount: priced(minor, code.code()),
        fee: priced(price.fee_minor, code.code()),
        has_fee: price.fee_minor > 0,
        total: priced(price.total.minor(), code.code()),
        credits: person.has(price.credits),
        bonus: (price.bonus > NanoUsd::ZERO).then(|| person.has(price.bonus)),
        balance_after: person.has(after),
        buys: buys(person, bought).await?,
    })
}

/// What credits are good for: requests to the models that the person uses most, else to those that are listed first.
async fn buys(person: &Person<'_>, credits: NanoUsd) -> Result<Vec<Buys>, Problem> {
    let today = person.now.day();
    let days = Days { from: today.saturating_sub(MODEL_DAYS), to: today };
    let used = person.sums(person.everything(), days, &[UsageBy::Model]).await?;
    let catalog = person.app.gateway.catalog();
    let own = used.iter().filter_map(|group| catalog.get(group.model.as_deref()?)).cloned();
    let listed = catalog.models().iter().filter(|model| model.kind == ModelKind::Chat && !model.deprecated).cloned();
    let mut models: Vec<Arc<Model>> = Vec::with_capacity(MODELS);
    for model in own.chain(listed) {
        if models.len() < MODELS && models.iter().all(|known| known.id != model.id) {
            models.push(model);
        }
    }
    Ok(models.iter().filter_map(|model| good_for(person, model, credits)).collect())
}

fn good_for(person: &Person<'_>, model: &Model, credits: NanoUsd) -> Option<Buys> {
    let mut usage = Usage::default();
    usage.set(Bucket::InputUncached, Tokens::new(ASSUMED_TOKENS));
    usage.set(Bucket::Output, Tokens::new(ASSUMED_TOKENS));
    let markup = person.app.gateway.markup(None, model);
    let price = plain_price(model, &usage, Terms { markup, partner_share: BasisPoints::ZERO })?;
    let requests = credits.get().checked_div(price.get())?;
    Some(Buys { model: model.name.clone(), requests: Count::of(u64::try_from(requests).ok()?) })
}

/// How a balance is topped up by itself.
pub(super) fn rule(person: &Person<'_>, payer: Option<&Payer>) -> Rule {
    let state = match payer.map_or(TopUpState::Off, |payer| payer.top_up) {
        TopUpState::Off => "off",
        TopUpState::On => "on",
        TopUpState::Declined => "declined",
        TopUpState::ActionRequired => "action_required",
        TopUpState::Disputed => "disputed",
    };
    let off = Rule {
        state: state.to_owned(),
        has_method: payer.is_some_and(|payer| payer.method.is_some()),
        ..Rule::default()
    };
    let Some(set) = payer.filter(|payer| payer.amount_minor > 0) else { return off };
    Rule {
        threshold: person.app.settings.credit_price.show(set.threshold).to_string(),
        amount: plain(set.amount_minor),
        monthly_max: plain(set.monthly_max_minor),
        currency: set.currency.to_uppercase(),
        currency_value: set.currency.clone(),
        charged: priced(set.month_minor, &set.currency),
        ..off
    }
}

/// The purchase that the URL names, as the payment processor says that it stands; `None` for another person's.
async fn seen(person: &Person<'_>, payments: &PaymentApp) -> Result<Option<OrderSeen>, Problem> {
    let Some(id) = person.asked("order").and_then(|id| id.parse::<OrderId>().ok()) else { return Ok(None) };
    let Ok(order) = payments.purchases.order(id).await else { return Ok(None) };
    if order.user != person.user.id {
        return Ok(None);
    }
    let order = payments.purchases.poll(order).await.map_err(|error| problem_of(person.app, error))?;
    let is_open = order.state == OrderState::Open;
    let page = order.page.as_ref().filter(|page| is_open && page.expires_at > person.now);
    Ok(Some(OrderSeen {
        id: order.id.to_string(),
        state: status(&order).to_owned(),
        is_awaited: is_open,
        credits: person.has(order.credits.checked_add(order.bonus).unwrap_or(order.credits)),
        total: priced(order.amount_minor, &order.currency),
        pay_url: page.map(|page| page.url.clone()),
    }))
}
