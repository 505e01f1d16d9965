//! What was spent, on what.

use super::figures::{median, nano_credits, percent, percent_of_amount, seconds, sum};
use super::links::{Link, Selection};
use super::names::Names;
use super::person::Person;
use super::range::Span;
use crate::errors::Problem;
use crate::pages::PageRequest;
use opencredits_pages::chart::{Bars, Data, Day, Series, Unit};
use opencredits_pages::figures::Count;
use opencredits_pages::views::dashboard::{
    Activity, Breakdown, BreakdownRow, CacheFigures, Choice, FirstToken, Grouping, Headline,
};
use opencredits_service::{GenerationFilter, GenerationStatus, day_text};
use opencredits_store::{UsageBy, UsageFilter, UsageGroup, UsageSums};
use opencredits_units::{Bucket, NanoUsd, PicoUsd};
use std::collections::BTreeMap;

const PATH: &str = "/dashboard/activity";
const REQUESTS: &str = "/dashboard/requests";
/// What a chart may be stacked by: the value in the URL, and the property.
const STACKS: [(&str, UsageBy); 3] = [("model", UsageBy::Model), ("key", UsageBy::Key), ("app", UsageBy::Partner)];
/// Rows of a breakdown.
const ROWS_MAX: usize = 12;
/// Days above which a bar is a week.
const BARS_MAX: u64 = 92;
const WEEK: u64 = 7;
/// The latest requests whose first token is timed.
const TIMED_MAX: usize = 200;

/// What is asked for.
struct Asked {
    span: Span,
    selection: Selection,
    /// What the chart is stacked by, and its value in the URL.
    stack: (&'static str, UsageBy),
}

impl Asked {
    fn of(person: &Person<'_>) -> Self {
        let selection = Selection::of(|name| person.asked(name));
        let stack = person.asked("group").and_then(|name| STACKS.into_iter().find(|(value, _)| *value == name));
        let [first, ..] = STACKS;
        Self { span: Span::of(|name| person.asked(name), person.now), selection, stack: stack.unwrap_or(first) }
    }

    /// The page with these filters.
    fn page(&self, selection: &Selection) -> Link {
        selection.on(self.span.on(Link::to(PATH)).with("group", self.stack.0))
    }

    /// The requests of these filters.
    fn requests(&self, selection: &Selection) -> Link {
        selection.on(self.span.dated(Link::to(REQUESTS)))
    }

    fn filter(&self, person: &Person<'_>) -> UsageFilter {
        let Selection { model, key, app } = self.selection.clone();
        UsageFilter { model, key, partner: app, ..person.everything() }
    }

    /// The same filters and this property of a group; `None` where a group cannot be asked for.
    fn narrowed(&self, by: UsageBy, group: &UsageGroup) -> Option<Selection> {
        let mut selection = self.selection.clone();
        match by {
            UsageBy::Model => selection.model = Some(group.model.clone()?),
            UsageBy::Key => selection.key = Some(group.key?),
            UsageBy::Partner => selection.app = Some(group.partner?),
            UsageBy::Day | UsageBy::User | UsageBy::Vendor => return None,
        }
        Some(selection)
    }
}

pub(super) async fn page(request: PageRequest) -> Result<Activity, Problem> {
    let person = Person::of(&request).await?;
    let asked = Asked::of(&person);
    let behind = person.usage().refresh().await.map_err(|fault| person.problem(fault))?;
    let (filter, days) = (asked.filter(&person), asked.span.days);
    let by_day = person.sums(filter.clone(), days, &[UsageBy::Day, asked.stack.1]).await?;
    let mut groups = Vec::with_capacity(STACKS.len());
    for (name, by) in STACKS {
        groups.push((name, by, person.sums(filter.clone(), days, &[by]).await?));
    }
    let apps = groups.iter().flat_map(|(_, _, groups)| groups).filter_map(|group| group.partner);
    let names = Names::of(&person, apps.chain(asked.selection.app)).await?;
    let by_model = groups.first().map(|(_, _, groups)| groups.as_slice()).unwrap_or_default();
    let all = sum(by_model.iter().map(|group| &group.sums));
    let Asked { span, selection, stack } = &asked;
    let base = span.on(Link::to(PATH)).with("group", stack.0);
    let name_of = |selection: &Selection| {
        let key = selection.key.map(|key| names.key(key)).unwrap_or_default();
        (key, selection.app.map(|app| names.app(app)).unwrap_or_default())
    };
    Ok(Activity {
        balance: person.balance(),
        range: span.shown(&selection.on(Link::to(PATH).with("group", stack.0))),
        filters: selection.shown(&base, name_of),
        grouping: grouping(&asked),
        headline: headline(&person, &asked, (&all, by_model)).await?,
        chart: chart(&person, (&asked, &names), &by_day),
        is_weekly: span.count() > BARS_MAX,
        breakdowns: match all.requests {
            0 => Vec::new(),
            _ => groups.iter().map(|group| breakdown(&person, (&asked, &names), group, all.charged)).collect(),
        },
        requests_href: asked.requests(selection).text(),
        exports: exports(&asked),
        behind,
    })
}

fn grouping(asked: &Asked) -> Grouping {
    let choice = |(value, by): (&str, UsageBy)| Choice {
        value: value.to_owned(),
        href: asked.page(&asked.selection).with("group", value).text(),
        is_current: by == asked.stack.1,
    };
    Grouping { value: asked.stack.0.to_owned(), choices: STACKS.map(choice).to_vec() }
}

fn exports(asked: &Asked) -> Vec<Choice> {
    let link = asked.selection.on(asked.span.dated(Link::to("/v1/activity")));
    let link = link.with("group_by", format!("day,{}", asked.stack.0));
    let export = |form: &str| Choice {
        value: form.to_owned(),
        href: link.clone().with("format", form).text(),
        is_current: false,
    };
    ["csv", "ndjson", "json"].map(export).to_vec()
}

async fn headline(
    person: &Person<'_>,
    asked: &Asked,
    (all, by_model): (&UsageSums, &[UsageGroup]),
) -> Result<Headline, Problem> {
    let saved = saved(person, by_model);
    Ok(Headline {
        spent: person.charged(all.charged),
        requests: Count::of(all.requests),
        tokens: Count::of(all.input_tokens.saturating_add(all.output_tokens)),
        input: Count::of(all.input_tokens),
        output: Count::of(all.output_tokens),
        first_token: first_token(person, asked).await?,
        cache: CacheFigures {
            tokens: Count::of(all.cache_read_tokens),
            percent: percent(all.cache_read_tokens, all.input_tokens),
            saved: saved.filter(|saved| *saved > NanoUsd::ZERO).map(|saved| person.has(saved)),
        },
    })
}

/// The median time to the first token of the latest requests that produced something.
async fn first_token(person: &Person<'_>, asked: &Asked) -> Result<Option<FirstToken>, Problem> {
    let (from, until) = asked.span.times();
    let filter = GenerationFilter { usage: asked.filter(person), status: None, from, until: Some(until) };
    let page = person.usage().generations(filter, None, TIMED_MAX).await.map_err(|fault| person.problem(fault))?;
    let produced =
        page.requests.iter().filter(|request| GenerationStatus::of(&request.record) != GenerationStatus::Empty);
    let times: Vec<u32> = produced.map(|request| request.record.latency_ms).collect();
    let requests = u64::try_from(times.len()).unwrap_or(u64::MAX);
    Ok(median(times).map(|ms| FirstToken { median_s: seconds(ms), requests }))
}

/// What cached input cost less than other input would, at the prices of today; `None` where it does not fit.
fn saved(person: &Person<'_>, by_model: &[UsageGroup]) -> Option<NanoUsd> {
    let catalog = person.app.gateway.catalog();
    let mut saved = NanoUsd::ZERO;
    for group in by_model.iter().filter(|group| group.sums.cache_read_tokens > 0) {
        // A model that is not on sale any more has no price of today.
        let Some(model) = group.model.as_deref().and_then(|name| catalog.get_hidden(name)) else { continue };
        let rate = |bucket| model.route.card.rate(bucket);
        let Some(less) = rate(Bucket::InputUncached).get().checked_sub(rate(Bucket::CacheRead).get()) else { continue };
        let cost = PicoUsd::new(i128::from(less).checked_mul(i128::from(group.sums.cache_read_tokens))?);
        saved = saved.checked_add(cost.marked_up_to_nano(person.app.gateway.markup(None, model))?)?;
    }
    Some(saved)
}

/// The name of a group; `None` for requests without an app.
fn name(names: &Names, by: UsageBy, group: &UsageGroup) -> Option<String> {
    match by {
        UsageBy::Model => group.model.clone(),
        UsageBy::Key => group.key.map(|key| names.key(key)),
        UsageBy::Partner => group.partner.map(|app| names.app(app)),
        UsageBy::Day | UsageBy::User | UsageBy::Vendor => None,
    }
}

fn breakdown(
    person: &Person<'_>,
    (asked, names): (&Asked, &Names),
    (name_of_by, by, groups): &(&'static str, UsageBy, Vec<UsageGroup>),
    all: NanoUsd,
) -> Breakdown {
    let row = |group: &UsageGroup| {
        let narrowed = asked.narrowed(*by, group);
        let UsageSums { requests, input_tokens, output_tokens, charged, .. } = group.sums;
        BreakdownRow {
            name: name(names, *by, group),
            href: narrowed.as_ref().map(|selection| asked.page(selection).text()),
            requests_href: narrowed.as_ref().map(|selection| asked.requests(selection).text()),
            requests: Count::of(requests),
            tokens: Count::of(input_tokens.saturating_add(output_tokens)),
            spent: person.charged(charged),
            percent: percent_of_amount(charged, all),
        }
    };
    Breakdown {
        by: (*name_of_by).to_owned(),
        rows: groups.iter().take(ROWS_MAX).map(row).collect(),
        more: groups.len().saturating_sub(ROWS_MAX),
    }
}

/// The bars, which are days, or weeks where there would be too many days.
fn chart(person: &Person<'_>, (asked, names): (&Asked, &Names), by_day: &[UsageGroup]) -> Bars {
    let span = asked.span;
    let width = if span.count() > BARS_MAX { WEEK } else { 1 };
    let bars = span.count().div_ceil(width);
    let by = asked.stack.1;
    let mut series: BTreeMap<(Option<String>, String), Vec<u64>> = BTreeMap::new();
    for group in by_day {
        let place = group.day.and_then(|day| day.checked_sub(span.days.from)).and_then(|day| day.checked_div(width));
        let Some(place) = place.filter(|place| *place < bars).and_then(|place| usize::try_from(place).ok()) else {
            continue;
        };
        let href = asked.narrowed(by, group).map(|selection| asked.page(&selection).text()).unwrap_or_default();
        let values = series.entry((name(names, by, group), href)).or_default();
        values.resize(values.len().max(place.saturating_add(1)), 0);
        if let Some(value) = values.get_mut(place) {
            *value = value.saturating_add(nano_credits(group.sums.charged, person.app.settings.credit_price));
        }
    }
    let day = |place: u64| {
        let first = span.days.from.saturating_add(place.saturating_mul(width));
        let last = first.saturating_add(width.saturating_sub(1)).min(span.days.to);
        let link = asked.selection.on(Link::to(REQUESTS).with("from", day_text(first)).with("to", day_text(last)));
        Day { date: day_text(first), href: link.text() }
    };
    let named = |((name, href), values): ((Option<String>, String), Vec<u64>)| Series {
        name: name.unwrap_or_default(),
        href,
        values,
    };
    Bars::of(Data {
        days: (0..bars).map(day).collect(),
        series: series.into_iter().map(named).collect(),
        ends_today: span.days.to >= person.now.day(),
        unit: Unit::NanoCredits,
    })
}
