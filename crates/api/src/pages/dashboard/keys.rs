//! A person's keys.

use super::figures::percent_of_amount;
use super::links::Link;
use super::person::Person;
use super::sorting::{SORTED_MAX, SortKey, Sorting, paged};
use crate::errors::{ErrorType, Problem};
use crate::pages::PageRequest;
use opencredits_pages::views::dashboard::{KeyForm, KeyPage, KeyRow, Keys, LimitLeft};
use opencredits_pages::when::When;
use opencredits_service::{LimitBalance, Period};
use opencredits_store::{Days, Key, LimitReset, SpendingLimit, UsageBy, UsageFilter};
use opencredits_units::{KeyId, NanoUsd, PartnerId};
use std::collections::HashMap;
use std::num::NonZeroU32;

const PATH: &str = "/dashboard/keys";
/// The last part of the path of a new key.
const NEW: &str = "new";
/// Keys on a page.
const PAGE: u32 = 50;
/// The columns by which keys are sorted.
const COLUMNS: [&str; 5] = ["created", "name", "-limit", "-month", "-total"];
/// Models whose names a form proposes.
const OFFERED_MAX: usize = 500;

/// What keys have spent.
struct Spent {
    month: HashMap<KeyId, NanoUsd>,
    total: HashMap<KeyId, NanoUsd>,
}

impl Spent {
    /// What all keys of this filter have spent.
    async fn of(person: &Person<'_>, filter: UsageFilter) -> Result<Self, Problem> {
        let _behind = person.usage().refresh().await.map_err(|fault| person.problem(fault))?;
        let first = Period::of(LimitReset::Monthly, person.now).from.day();
        let mut all = Vec::with_capacity(2);
        for days in [Days { from: first, ..Days::ALL }, Days::ALL] {
            let groups = person.sums(filter.clone(), days, &[UsageBy::Key]).await?;
            let of_key = groups.into_iter().filter_map(|group| Some((group.key?, group.sums.charged)));
            all.push(of_key.collect::<HashMap<_, _>>());
        }
        let (total, month) = (all.pop().unwrap_or_default(), all.pop().unwrap_or_default());
        Ok(Self { month, total })
    }
}

pub(super) async fn all(request: PageRequest) -> Result<Keys, Problem> {
    let person = Person::of(&request).await?;
    let sorting = Sorting::of(person.asked("sort"), &COLUMNS);
    let spent = Spent::of(&person, person.everything()).await?;
    let (found, next_href) = match sorting.is_usual() {
        true => by_creation(&person).await?,
        false => sorted(&person, sorting, &spent).await?,
    };
    let mut rows = Vec::with_capacity(found.len());
    for key in &found {
        rows.push(row(&person, key, &spent).await?);
    }
    Ok(Keys { balance: person.balance(), rows, sorting: sorting.shown(&Link::to(PATH)), next_href })
}

/// A page of keys in the order in which they were made, and what leads to the next.
async fn by_creation(person: &Person<'_>) -> Result<(Vec<Key>, Option<String>), Problem> {
    let after = person.asked("cursor").and_then(|id| id.parse().ok()).unwrap_or_default();
    let found = person.app.accounts.keys_page(person.user.id, after, PAGE).await;
    let found = found.map_err(|error| person.of_accounts(error))?;
    let is_full = u32::try_from(found.len()).is_ok_and(|count| count >= PAGE);
    let next_href = found.last().filter(|_| is_full).map(|last| Link::to(PATH).with("cursor", last.id).text());
    Ok((found, next_href))
}

/// A page of keys in another order.
async fn sorted(person: &Person<'_>, sorting: Sorting, spent: &Spent) -> Result<(Vec<Key>, Option<String>), Problem> {
    let mut keys = person.app.accounts.list_keys(person.user.id).await.map_err(|error| person.of_accounts(error))?;
    keys.retain(|key| key.revoked_at.is_none());
    keys.truncate(SORTED_MAX);
    let of = |all: &HashMap<KeyId, NanoUsd>, key: &Key| all.get(&key.id).copied().unwrap_or_default();
    sorting.sort(&mut keys, |key| match sorting.by() {
        "name" => SortKey::text(&key.name),
        // No limit is the highest.
        "limit" => SortKey::number(key.limit.map_or(i64::MAX, |limit| limit.amount.get())),
        "month" => SortKey::number(of(&spent.month, key).get()),
        "total" => SortKey::number(of(&spent.total, key).get()),
        _ => SortKey::number(key.created_at.get()),
    });
    let page = paged(keys, person.asked("page"), usize::try_from(PAGE).unwrap_or(SORTED_MAX));
    let next_href = page.next.map(|number| sorting.on(Link::to(PATH)).with("page", number).text());
    Ok((page.rows, next_href))
}

pub(super) async fn one(request: PageRequest) -> Result<KeyPage, Problem> {
    let person = Person::of(&request).await?;
    let base_url = format!("{}/v1", person.app.pages.pages.site().url);
    let text = request.uri.path().rsplit('/').next().unwrap_or_default();
    if text == NEW {
        let form = KeyForm { offered: offered(&person), ..KeyForm::default() };
        return Ok(KeyPage { balance: person.balance(), form, base_url, ..KeyPage::default() });
    }
    let unknown = || Problem::new(ErrorType::NotFound, "you have no such key");
    let id: KeyId = text.parse().map_err(|_| unknown())?;
    let key = person.app.accounts.key_in_force(id, Some(person.user.id)).await;
    let key = key.map_err(|error| person.of_accounts(error))?;
    let filter = UsageFilter { key: Some(id), ..person.everything() };
    let spent = Spent::of(&person, filter).await?;
    Ok(KeyPage {
        balance: person.balance(),
        id: Some(id.to_string()),
        form: form(&person, &key),
        key: Some(row(&person, &key, &spent).await?),
        requests_href: Link::to("/dashboard/requests").with("key_id", id).text(),
        activity_href: Link::to("/dashboard/activity").with("key_id", id).text(),
        base_url,
    })
}

async fn row(person: &Person<'_>, key: &Key, spent: &Spent) -> Result<KeyRow, Problem> {
    let of = |all: &HashMap<KeyId, NanoUsd>| person.charged(all.get(&key.id).copied().unwrap_or_default());
    let is_expired = key.expires_at.is_some_and(|end| end <= person.now);
    Ok(KeyRow {
        href: format!("{PATH}/{}", key.id),
        name: key.name.clone(),
        hint: key.hint.clone(),
        state: match (is_expired, key.disabled) {
            (true, _) => "expired",
            (false, true) => "off",
            (false, false) => "active",
        }
        .to_owned(),
        app: match key.partner {
            Some(partner) => app_name(person, partner).await?,
            None => None,
        },
        limit: left(person, key.limit).await?,
        month: of(&spent.month),
        total: of(&spent.total),
        expires_at: key.expires_at.map(When::from),
        created_at: key.created_at.into(),
    })
}

async fn app_name(person: &Person<'_>, id: PartnerId) -> Result<Option<String>, Problem> {
    let found = person.app.partners.partner(id).await.map_err(|error| person.problem(error))?;
    Ok(found.map(|partner| partner.name))
}

/// What is left of a limit.
pub(super) async fn left(person: &Person<'_>, limit: Option<SpendingLimit>) -> Result<Option<LimitLeft>, Problem> {
    let left = person.app.accounts.left_of(limit).await.map_err(|error| person.of_accounts(error))?;
    Ok(left.map(|left| shown(person, &left)))
}

/// A limit as a page shows it.
pub(super) fn shown(person: &Person<'_>, left: &LimitBalance) -> LimitLeft {
    let spent = left.limit.amount.checked_sub(left.available).unwrap_or_default();
    LimitLeft {
        limit: person.has(left.limit.amount),
        left: person.has(left.available),
        spent_percent: percent_of_amount(spent, left.limit.amount).min(100),
        reset: left.limit.reset.map(LimitReset::name).map(str::to_owned),
        resets_at: left.resets_at.map(When::from),
    }
}

fn form(person: &Person<'_>, key: &Key) -> KeyForm {
    let number = |rate: Option<NonZeroU32>| rate.map(|rate| rate.to_string()).unwrap_or_default();
    let price = person.app.settings.credit_price;
    KeyForm {
        name: key.name.clone(),
        limit: key.limit.map(|limit| price.show(limit.amount).to_string()).unwrap_or_default(),
        reset: key.limit.and_then(|limit| limit.reset).map(LimitReset::name).unwrap_or_default().to_owned(),
        expires: key.expires_at.map(|end| When::from(end).date).unwrap_or_default(),
        models: key.allowed_models.as_deref().unwrap_or_default().join("\n"),
        requests_per_minute: number(key.rates.requests_per_minute),
        tokens_per_minute: number(key.rates.tokens_per_minute),
        parallel_max: number(key.rates.parallel_max),
        offered: offered(person),
    }
}

fn offered(person: &Person<'_>) -> Vec<String> {
    person.app.gateway.catalog().models().iter().take(OFFERED_MAX).map(|model| model.id.to_string()).collect()
}
