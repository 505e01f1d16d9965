//! The requests of a person.

use super::links::{Link, Selection};
use super::names::Names;
use super::person::Person;
use super::rows::row;
use crate::errors::Problem;
use crate::history::read_mark;
use crate::pages::PageRequest;
use opencredits_pages::views::dashboard::{Choice, Range, Requests};
use opencredits_service::{GenerationFilter, GenerationStatus, day_or_time, day_text};
use opencredits_store::{RequestMark, UsageFilter};
use opencredits_units::UnixMs;

const PATH: &str = "/dashboard/requests";
/// Requests on a page.
const PAGE: usize = 50;
/// How requests end; the first is any way.
const STATUSES: [&str; 4] = ["any", "completed", "cancelled", "empty"];

/// What is asked for.
struct Asked {
    selection: Selection,
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
            days,
            status: person.asked("status").and_then(GenerationStatus::parse),
            cursor: person.asked("cursor").and_then(read_mark),
        }
    }

    /// The dates and the status, on a link.
    fn on(&self, link: Link) -> Link {
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

pub(super) async fn page(request: PageRequest) -> Result<Requests, Problem> {
    let person = Person::of(&request).await?;
    let asked = Asked::of(&person);
    let behind = person.usage().refresh().await.map_err(|fault| person.problem(fault))?;
    let found = person.usage().generations(asked.filter(&person), asked.cursor, PAGE).await;
    let found = found.map_err(|fault| person.problem(fault))?;
    let apps = found.requests.iter().filter_map(|request| request.partner);
    let names = Names::of(&person, apps.chain(asked.selection.app)).await?;
    let name_of = |selection: &Selection| {
        let key = selection.key.map(|key| names.key(key)).unwrap_or_default();
        (key, selection.app.map(|app| names.app(app)).unwrap_or_default())
    };
    let newest = asked.selection.on(asked.on(Link::to(PATH)));
    let older = |mark: RequestMark| newest.clone().with("cursor", format!("{:016x}", mark.bits())).text();
    let is_filtered = asked.selection != Selection::default() || asked.days != (None, None) || asked.status.is_some();
    Ok(Requests {
        balance: person.balance(),
        range: Range {
            from: asked.days.0.map(day_text).unwrap_or_default(),
            to: asked.days.1.map(day_text).unwrap_or_default(),
            ..Range::default()
        },
        filters: asked.selection.shown(&asked.on(Link::to(PATH)), name_of),
        statuses: statuses(&asked),
        is_filtered,
        rows: found.requests.iter().map(|request| row(&person, &names, request)).collect(),
        older_href: found.next.map(older),
        newest_href: asked.cursor.map(|_| newest.text()),
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
    let link = asked.selection.on(asked.on(Link::to("/v1/generations"))).with("limit", 100);
    let export = |form: &str| Choice {
        value: form.to_owned(),
        href: link.clone().with("format", form).text(),
        is_current: false,
    };
    ["csv", "ndjson", "json"].map(export).to_vec()
}
