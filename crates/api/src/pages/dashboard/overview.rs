//! What a person has, and what happened lately.

use super::figures::{nano_credits, percent_of_amount, sum};
use super::links::Link;
use super::names::Names;
use super::person::Person;
use super::rows::row;
use super::top_up::rule;
use crate::errors::Problem;
use crate::pages::PageRequest;
use opencredits_pages::chart::{Bars, Data, Day, Series, Unit};
use opencredits_pages::figures::Count;
use opencredits_pages::views::dashboard::{NearLimit, Overview, Rule};
use opencredits_service::{GenerationFilter, day_text};
use opencredits_store::{Days, Key, LimitReset, Standing, TopUpState, UsageBy, UsageGroup};
use opencredits_units::{NanoUsd, UnixMs};

/// The days of the chart.
const DAYS: u64 = 30;
/// The latest requests.
const LATEST: usize = 8;
/// Keys whose limits are shown, those of which most was spent.
const NEAR_MAX: usize = 5;
/// From so many percent on, a limit is near.
const NEAR_PERCENT: u64 = 80;

pub(super) async fn page(request: PageRequest) -> Result<Overview, Problem> {
    let person = Person::of(&request).await?;
    let app = person.app;
    // What was just spent is in it.
    let _behind = person.usage().refresh().await.map_err(|fault| person.problem(fault))?;
    let today = person.now.day();
    let days = Days { from: today.saturating_sub(DAYS.saturating_sub(1)), to: today };
    let by_day = person.sums(person.everything(), days, &[UsageBy::Day]).await?;
    let usage = person.everything();
    let (from, until) = (UnixMs::new(days.from.saturating_mul(UnixMs::DAY_MS)), None);
    let latest = GenerationFilter { usage, status: None, from, until };
    let latest = person.usage().generations(latest, None, LATEST).await.map_err(|fault| person.problem(fault))?;
    let names = Names::of(&person, latest.requests.iter().filter_map(|request| request.partner)).await?;
    let balance = person.wallet;
    let sums = sum(by_day.iter().map(|group| &group.sums));
    Ok(Overview {
        balance: person.has(balance.available),
        held: (balance.held > NanoUsd::ZERO).then(|| person.charged(balance.held)),
        owed: person.owed().await?,
        is_suspended: person.user.standing == Standing::Suspended,
        is_sold: app.payments.is_some(),
        rule: own_rule(&person).await?,
        spent: person.charged(sums.charged),
        requests: Count::of(sums.requests),
        days: DAYS,
        chart: chart(&person, days, &by_day),
        latest: latest.requests.iter().map(|request| row(&person, &names, request)).collect(),
        near: near(&person, &names.keys).await?,
        has_key: names.keys.iter().any(|key| key.revoked_at.is_none()),
        base_url: format!("{}/v1", app.pages.pages.site().url),
        first_model: app.gateway.catalog().models().first().map(|model| model.id.to_string()).unwrap_or_default(),
    })
}

async fn own_rule(person: &Person<'_>) -> Result<Option<Rule>, Problem> {
    let Some(payments) = person.app.payments.as_deref() else { return Ok(None) };
    let payer = payments.purchases.payer(person.user.id).await;
    let payer = payer.map_err(|error| crate::payments::problem_of(person.app, error))?;
    Ok(payer.filter(|payer| payer.top_up != TopUpState::Off).map(|payer| rule(person, Some(&payer))))
}

fn chart(person: &Person<'_>, days: Days, by_day: &[UsageGroup]) -> Bars {
    let price = person.app.settings.credit_price;
    let spent = |day: u64| {
        let of_day = by_day.iter().filter(|group| group.day == Some(day));
        nano_credits(sum(of_day.map(|group| &group.sums)).charged, price)
    };
    let link = |day: u64| Link::to("/dashboard/requests").with("from", day_text(day)).with("to", day_text(day)).text();
    let all = || days.from..=days.to;
    Bars::of(Data {
        days: all().map(|day| Day { date: day_text(day), href: link(day) }).collect(),
        series: vec![Series { values: all().map(spent).collect(), ..Series::default() }],
        ends_today: true,
        unit: Unit::NanoCredits,
    })
}

/// The keys in use of whose limits little is left, those of which most was spent first.
async fn near(person: &Person<'_>, keys: &[Key]) -> Result<Vec<NearLimit>, Problem> {
    let mut found = Vec::new();
    for key in keys.iter().filter(|key| key.revoked_at.is_none() && !key.disabled) {
        let left = person.app.accounts.left_of(key.limit).await.map_err(|error| person.of_accounts(error))?;
        let Some(left) = left else { continue };
        let spent = left.limit.amount.checked_sub(left.available).unwrap_or_default();
        let spent_percent = percent_of_amount(spent, left.limit.amount).min(100);
        if spent_percent >= NEAR_PERCENT {
            found.push(NearLimit {
                name: key.name.clone(),
                href: format!("/dashboard/keys/{}", key.id),
                left: person.has(left.available),
                limit: person.has(left.limit.amount),
                spent_percent,
                reset: left.limit.reset.map(LimitReset::name).map(str::to_owned),
            });
        }
    }
    found.sort_by_key(|near| std::cmp::Reverse(near.spent_percent));
    found.truncate(NEAR_MAX);
    Ok(found)
}
