//! The requests of a person, the newest first or sorted by a column.

use super::links::{Link, Selection};
use super::names::Names;
use super::person::Person;
use super::rows::row;
use super::sorting::{Paged, SORTED_MAX, SortKey, Sorting, paged};
use crate::errors::Problem;
use crate::history::read_mark;
use crate::pages::PageRequest;
use opencredits_pages::views::dashboard::{Choice, Range, Requests, Sorting as SortingShown};
use opencredits_service::{Generation, GenerationFilter, GenerationStatus, RequestPage, day_or_time, day_text};
use opencredits_store::{RequestMark, UsageFilter};
use opencredits_units::{Tokens, UnixMs};

const PATH: &str = "/dashboard/requests";
/// Requests on a page.
const PAGE: usize = 50;
/// How requests end; the first is any way.
const STATUSES: [&str; 4] = ["any", "completed", "cancelled", "empty"];

/// The columns by which requests are sorted.
const COLUMNS: [&str; 6] = ["-at", "model", "key", "-input", "-output", "-charged"];

/// What is asked for.
struct Asked {
    selection: Selection,
    sorting: Sorting,
    /// The first and the last day.
    days: (Option<u64>, Option<u64>),
    status: Option<GenerationStatus>,
    cursor: Option<RequestMark>,
}

impl Asked {
    fn of(person: &Person<'_>) -> Self {
        let day = |name: &str| person.asked(name).and_then(day_or_time).map(|(begin, _)| begin.day());
        let days = match (day("from"), day("to")) {
            (Some(first), Some(last)) => (Some(first.min(last)), Some(first.max(last))),
            other => other,
        };
        Self {
            selection: Selection::of(|name| person.asked(name)),
            sorting: Sorting::of(person.asked("sort"), &COLUMNS),
            days,
            status: person.asked("status").and_then(GenerationStatus::parse),
            cursor: person.asked("cursor").and_then(read_mark),
        }
    }

    /// The dates, the status and the order, on a link.
    fn on(&self, link: Link) -> Link {
        self.sorting.on(self.unsorted(link))
    }

    fn unsorted(&self, link: Link) -> Link {
        let link = link.maybe("from", self.days.0.map(day_text)).maybe("to", self.days.1.map(day_text));
        link.maybe("status", self.status.map(GenerationStatus::name))
    }

    fn filter(&self, person: &Person<'_>) -> GenerationFilter {
        let Selection { model, key, app } = self.selection.clone();
        let at = |day: u64| UnixMs::new(day.saturating_mul(UnixMs::DAY_MS));
        GenerationFilter {
            usage: UsageFilter { model, key, partner: app, ..person.everything() },
            status: self.status,
            from: self.days.0.map(at).unwrap_or_default(),
            until: self.days.1.map(|day| at(day.saturating_add(1))),
        }
    }
}

/// What was found for a page.
struct Found {
    requests: Vec<Generation>,
    older_href: Option<String>,
    newest_href: Option<String>,
    /// The requests that were sorted, where there are more.
    cut_at: usize,
}

/// A page of the newest requests, or of those that were sorted otherwise.
async fn find(person: &Person<'_>, asked: &Asked) -> Result<Found, Problem> {
    let first = asked.selection.on(asked.on(Link::to(PATH)));
    let (cursor, max) = if asked.sorting.is_usual() { (asked.cursor, PAGE) } else { (None, SORTED_MAX) };
    let found = person.usage().generations(asked.filter(person), cursor, max).await;
    let RequestPage { mut requests, next } = found.map_err(|fault| person.problem(fault))?;
    if asked.sorting.is_usual() {
        let older = |mark: RequestMark| first.clone().with("cursor", format!("{:016x}", mark.bits())).text();
        let newest_href = asked.cursor.map(|_| first.text());
        return Ok(Found { requests, older_href: next.map(older), newest_href, cut_at: 0 });
    }
    let names = match asked.sorting.by() {
        "key" => Some(Names::of(person, []).await?),
        _ => None,
    };
    asked.sorting.sort(&mut requests, |request| key_of(asked.sorting.by(), request, names.as_ref()));
    let cut_at = next.map_or(0, |_| requests.len());
    let Paged { rows: requests, next, is_first } = paged(requests, person.asked("page"), PAGE);
    let older_href = next.map(|page| first.clone().with("page", page).text());
    Ok(Found { requests, older_href, newest_href: (!is_first).then(|| first.text()), cut_at })
}

fn key_of(by: &str, request: &Generation, names: Option<&Names>) -> SortKey {
    let usage = request.record.usage();
    let count = |tokens: Option<Tokens>| SortKey::number(tokens.map_or(0, Tokens::get));
    match by {
        "model" => SortKey::text(&request.record.model),
        "key" => SortKey::text(&names.map(|names| names.key(request.record.key)).unwrap_or_default()),
        "input" => count(usage.input_total()),
        "output" => count(usage.output_total()),
        "charged" => SortKey::number(request.collected.get()),
        _ => SortKey::number(request.id.made_at().get()),
    }
}

pub(super) async fn page(request: PageRequest) -> Result<Requests, Problem> {
    let person = Person::of(&request).await?;
    let asked = Asked::of(&person);
    let behind = person.usage().refresh().await.map_err(|fault| person.problem(fault))?;
    let found = find(&person, &asked).await?;
    let apps = found.requests.iter().filter_map(|request| request.partner);
    let names = Names::of(&person, apps.chain(asked.selection.app)).await?;
    let name_of = |selection: &Selection| {
        let key = selection.key.map(|key| names.key(key)).unwrap_or_default();
        (key, selection.app.map(|app| names.app(app)).unwrap_or_default())
    };
    let is_filtered = asked.selection != Selection::default() || asked.days != (None, None) || asked.status.is_some();
    let unsorted = asked.selection.on(asked.unsorted(Link::to(PATH)));
    Ok(Requests {
        balance: person.balance(),
        range: Range {
            from: asked.days.0.map(day_text).unwrap_or_default(),
            to: asked.days.1.map(day_text).unwrap_or_default(),
            ..Range::default()
        },
        filters: asked.selection.shown(&asked.on(Link::to(PATH)), name_of),
        statuses: statuses(&asked),
        sorting: SortingShown { cut_at: found.cut_at, ..asked.sorting.shown(&unsorted) },
        is_filtered,
        rows: found.requests.iter().map(|request| row(&person, &names, request)).collect(),
        older_href: found.older_href,
        newest_href: found.newest_href,
        exports: exports(&asked),
        behind,
    })
}

fn statuses(asked: &Asked) -> Vec<Choice> {
    let choice = |status: &str| Choice {
        value: status.to_owned(),
        href: asked.selection.on(asked.on(Link::to(PATH))).with("status", status).text(),
        is_current: asked.status.map_or(status == "any", |current| current.name() == status),
    };
    STATUSES.map(choice).to_vec()
}

/// The same requests from the API, which pages them.
fn exports(asked: &Asked) -> Vec<Choice> {
    let link = asked.selection.on(asked.unsorted(Link::to("/v1/generations"))).with("limit", 100);
    let export = |form: &str| Choice {
        value: form.to_owned(),
        href: link.clone().with("format", form).text(),
        is_current: false,
    };
    ["csv", "ndjson", "json"].map(export).to_vec()
}
