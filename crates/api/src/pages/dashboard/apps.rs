//! The apps that a person has connected.

use super::keys::shown;
use super::links::Link;
use super::names::Names;
use super::person::Person;
use super::sorting::{SortKey, Sorting};
use crate::errors::Problem;
use crate::pages::PageRequest;
use opencredits_pages::views::dashboard::{AppRow, Apps};
use opencredits_service::day_text;
use opencredits_store::{Days, LimitOwner, UsageBy, UsageGroup};
use opencredits_units::{NanoUsd, PartnerId};
use std::collections::BTreeMap;

const PATH: &str = "/dashboard/apps";
/// Apps on the page.
const APPS_MAX: usize = 100;
/// By what apps are sorted.
const COLUMNS: [&str; 3] = ["-spent", "name", "-last_used"];

pub(super) async fn page(request: PageRequest) -> Result<Apps, Problem> {
    let person = Person::of(&request).await?;
    let names = Names::of(&person, []).await?;
    let mut keys: BTreeMap<PartnerId, usize> = BTreeMap::new();
    for app in names.keys.iter().filter(|key| key.revoked_at.is_none()).filter_map(|key| key.partner) {
        let count = keys.entry(app).or_default();
        *count = count.saturating_add(1);
    }
    let _behind = person.usage().refresh().await.map_err(|fault| person.problem(fault))?;
    let used = person.sums(person.everything(), Days::ALL, &[UsageBy::Day, UsageBy::Partner]).await?;
    let mut rows = Vec::with_capacity(keys.len());
    for (app, count) in keys.into_iter().take(APPS_MAX) {
        let of_app: Vec<&UsageGroup> = used.iter().filter(|group| group.partner == Some(app)).collect();
        let add = |sum: NanoUsd, group: &&UsageGroup| sum.checked_add(group.sums.charged).unwrap_or(sum);
        let spent = of_app.iter().fold(NanoUsd::ZERO, add);
        let cap = person.app.accounts.limit(LimitOwner::Grant(person.user.id, app)).await;
        let cap = cap.map_err(|error| person.of_accounts(error))?;
        let row = AppRow {
            id: app.to_string(),
            name: names.app(app),
            cap_usd: cap.as_ref().map(|cap| cap.limit.amount.to_string()).unwrap_or_default(),
            cap: cap.as_ref().map(|cap| shown(&person, cap)),
            spent: person.charged(spent),
            // The latest day is first.
            last_used: of_app.first().and_then(|group| group.day).map(day_text),
            keys: count,
            requests_href: Link::to("/dashboard/requests").with("app_id", app).text(),
            activity_href: Link::to("/dashboard/activity").with("app_id", app).with("days", 90).text(),
        };
        rows.push((spent, row));
    }
    let sorting = Sorting::of(person.asked("sort"), &COLUMNS);
    sorting.sort(&mut rows, |(spent, row)| match sorting.by() {
        "name" => SortKey::text(&row.name),
        "last_used" => SortKey::text(row.last_used.as_deref().unwrap_or_default()),
        _ => SortKey::number(spent.get()),
    });
    Ok(Apps {
        balance: person.balance(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        sorting: sorting.shown(&Link::to(PATH)),
    })
}
