//! Applying, and what a partner earns.

use super::super::figures::nano_credits;
use super::super::links::Link;
use super::super::person::Person;
use super::super::range::Span;
use super::portal::Portal;
use crate::errors::Problem;
use crate::pages::PageRequest;
use crate::state::{App, TestApp};
use opencredits_pages::chart::{Bars, Data, Day, Series, Unit};
use opencredits_pages::figures::Count;
use opencredits_pages::views::dashboard::Choice;
use opencredits_pages::views::partner::{ApplicationRow, Earned, ModelUsage, PartnerOverview, ReferralRow};
use opencredits_service::partners::{PEOPLE_MIN, ReferralGroup, last_matured_day, month_of_text, month_text};
use opencredits_service::{Fault, day_text};
use opencredits_store::{
    ApplicationState, Days, Partner, PartnerApplication, UsageBy, UsageFilter, UsageGroup, UsageOf, UsageOrder,
    UsageQuery, UsageSums,
};
use opencredits_units::NanoUsd;
use std::collections::BTreeMap;

pub(super) const PATH: &str = "/partner";
/// Applications of a person that may be open.
const OPEN_MAX: usize = 3;
/// Applications that are listed.
const LISTED_MAX: usize = 20;
/// The most days of a page.
const DAYS_MAX: u64 = 92;
/// The days in which commission counts as maturing soon.
const SOON_DAYS: u64 = 30;
/// Rows of the table of models.
const MODELS_MAX: usize = 50;
/// Groups of a query.
const GROUPS_MAX: u32 = 10_000;

pub(super) async fn page(request: PageRequest) -> Result<PartnerOverview, Problem> {
    let portal = Portal::of(&request, PATH).await?;
    let person = &portal.person;
    let all = person.app.accounts.applications_of(person.user.id).await.map_err(|error| person.of_accounts(error))?;
    let open = all.iter().filter(|one| one.state == ApplicationState::Open).count();
    let listed = all.iter().filter(|one| one.state != ApplicationState::Approved).take(LISTED_MAX);
    let earned = match portal.partner() {
        Some(partner) => Some(earned(&portal, partner).await?),
        None => None,
    };
    Ok(PartnerOverview {
        head: portal.head(),
        terms: portal.terms(),
        applications: listed.map(application).collect(),
        may_apply: open < OPEN_MAX,
        has_test_mode: person.app.accounts.test_desk().is_some(),
        earned,
    })
}

fn application(application: &PartnerApplication) -> ApplicationRow {
    ApplicationRow {
        id: application.id.to_string(),
        name: application.name.clone(),
        url: application.url.clone(),
        state: if application.state == ApplicationState::Open { "open" } else { "rejected" }.to_owned(),
        reason: application.reason.clone(),
        created_at: application.created_at.into(),
        decided_at: application.decided_at.map(Into::into),
        guide_href: Link::to("/partner/guide").with("partner", application.id).text(),
    }
}

/// The sums of a day and of a model; of several models where none is named.
type OfDay = (u64, Option<String>, UsageSums);

/// The books of one mode, and the partner in it.
struct Books<'a> {
    person: &'a Person<'a>,
    app: &'a App,
    partner: Partner,
    is_test: bool,
}

impl<'a> Books<'a> {
    /// Those of test mode where the query asks for them and there are some, else the live ones.
    async fn of(person: &'a Person<'a>, live: &Partner) -> Result<Self, Problem> {
        let test = person.app.test.as_ref().map(TestApp::app).filter(|_| person.asked("mode") == Some("test"));
        let Some(app) = test else {
            return Ok(Self { person, app: person.app, partner: live.clone(), is_test: false });
        };
        let of_test = person.app.accounts.test_partner(live).await.map_err(|error| person.of_accounts(error))?;
        Ok(Self { person, app, partner: of_test.unwrap_or_else(|| live.clone()), is_test: true })
    }

    /// Sums of the usage through the partner.
    async fn sums(&self, days: Days, by: &[UsageBy]) -> Result<Vec<UsageGroup>, Problem> {
        let filter = UsageFilter { partner: Some(self.partner.id), ..UsageFilter::of(UsageOf::All) };
        let query = UsageQuery { filter, days, by: by.to_vec(), order: UsageOrder::Newest, max: GROUPS_MAX };
        self.app.gateway.usage().sums(query).await.map_err(|fault| self.person.problem(fault))
    }

    /// What is shown by day and model: of test mode everything, for there is one person only, and it is the partner's own.
    async fn shown(&self, days: Days) -> Result<Vec<OfDay>, Problem> {
        if self.is_test {
            let groups = self.sums(days, &[UsageBy::Day, UsageBy::Model]).await?;
            return Ok(groups.into_iter().filter_map(|group| Some((group.day?, group.model, group.sums))).collect());
        }
        // Of a day that goes on, two pages could differ by one person's requests.
        let days = Days { to: days.to.min(self.person.now.day().saturating_sub(1)), ..days };
        let found = self.app.gateway.usage().audiences(self.partner.id, days).await;
        let found = found.map_err(|fault| self.person.problem(fault))?;
        Ok(found.into_iter().map(|one| (one.day, one.model, one.sums)).collect())
    }

    /// Commission that matures within the next days.
    async fn maturing(&self) -> Result<NanoUsd, Problem> {
        let matures_days = self.app.accounts.partner_terms().matures_days;
        let from = last_matured_day(self.person.now, matures_days).map_or(0, |last| last.saturating_add(1));
        let to = from.saturating_add(SOON_DAYS).saturating_sub(1);
        let groups = self.sums(Days { from, to }, &[]).await?;
        Ok(groups.first().map(|group| group.sums.commission).unwrap_or_default())
    }

    /// Commission of the month that goes on.
    async fn month(&self) -> Result<NanoUsd, Problem> {
        let overflow = || self.person.problem(Fault::Overflow);
        let month = month_of_text(&month_text(self.person.now.day())).ok_or_else(overflow)?;
        let statement = self.app.accounts.partner_statement(&self.partner, month).await;
        Ok(statement.map_err(|error| self.person.of_accounts(error))?.commission)
    }

    async fn referrals(&self) -> Result<Vec<ReferralRow>, Problem> {
        if self.is_test {
            return Ok(Vec::new());
        }
        let found = self.app.accounts.referrals(&self.partner).await.map_err(|error| self.person.of_accounts(error))?;
        let row = |group: ReferralGroup| ReferralRow {
            month: group.month,
            people: Count::of(group.people),
            buyers: Count::of(group.buyers),
        };
        Ok(found.into_iter().map(row).collect())
    }
}

async fn earned(portal: &Portal<'_>, live: &Partner) -> Result<Earned, Problem> {
    let person = &portal.person;
    let books = Books::of(person, live).await?;
    let behind = books.app.gateway.usage().refresh().await.map_err(|fault| person.problem(fault))?;
    let earnings = books.app.accounts.earnings_of(&books.partner).await;
    let earnings = earnings.map_err(|error| person.of_accounts(error))?;
    let kind = if books.is_test { "test" } else { "live" };
    let span = Span::of(|name| person.asked(name), person.now).within(DAYS_MAX);
    let days = span.days;
    let base = Link::to(PATH).with("partner", live.id).maybe("mode", books.is_test.then_some("test"));
    let shown = books.shown(days).await?;
    let mode = |value: &str| Choice {
        value: value.to_owned(),
        href: span.on(Link::to(PATH).with("partner", live.id).with("mode", value)).text(),
        is_current: value == kind,
    };
    let mut range_kept = vec![("partner".to_owned(), live.id.to_string())];
    range_kept.extend(books.is_test.then(|| ("mode".to_owned(), "test".to_owned())));
    Ok(Earned {
        kind: kind.to_owned(),
        modes: if person.app.test.is_some() { ["live", "test"].map(mode).to_vec() } else { Vec::new() },
        month: person.has(books.month().await?),
        matured: person.has(earnings.matured),
        next: person.has(books.maturing().await?),
        next_days: SOON_DAYS,
        paid_out: person.has(earnings.paid_out),
        balance: person.has(earnings.balance),
        taken_back: (earnings.taken_back > NanoUsd::ZERO).then(|| person.has(earnings.taken_back)),
        range: span.shown(&base),
        range_kept,
        chart: chart(&books, days, &base, (&shown, Unit::NanoCredits)),
        usage: chart(&books, days, &base, (&shown, Unit::Count)),
        models: models(person, &shown),
        referrals: books.referrals().await?,
        people_min: PEOPLE_MIN,
        behind,
    })
}

/// By day: commission where the unit is money, else requests.
fn chart(books: &Books<'_>, days: Days, base: &Link, (shown, unit): (&[OfDay], Unit)) -> Bars {
    let price = books.person.app.settings.credit_price;
    let mut by_day: BTreeMap<u64, u64> = BTreeMap::new();
    for (day, _, sums) in shown {
        let value = by_day.entry(*day).or_default();
        *value = value.saturating_add(match unit {
            Unit::NanoCredits => nano_credits(sums.commission, price),
            Unit::Count => sums.requests,
        });
    }
    let all = days.from..=days.to;
    let bar = |day: u64| {
        let date = day_text(day);
        Day { href: base.clone().with("from", &date).with("to", &date).text(), date }
    };
    let values = all.clone().map(|day| by_day.get(&day).copied().unwrap_or_default()).collect();
    Bars::of(Data {
        days: all.map(bar).collect(),
        series: vec![Series { name: String::new(), href: String::new(), values }],
        ends_today: days.to >= books.person.now.day(),
        unit,
    })
}

/// The models of the days, the highest commission first.
fn models(person: &Person<'_>, shown: &[OfDay]) -> Vec<ModelUsage> {
    let mut by_model: BTreeMap<Option<&str>, UsageSums> = BTreeMap::new();
    for (_, model, sums) in shown {
        let of_model = by_model.entry(model.as_deref()).or_default();
        *of_model = of_model.checked_add(sums).unwrap_or(*of_model);
    }
    let mut rows: Vec<(Option<&str>, UsageSums)> = by_model.into_iter().collect();
    rows.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.commission));
    let row = |(model, sums): (Option<&str>, UsageSums)| ModelUsage {
        model: model.map(str::to_owned),
        requests: Count::of(sums.requests),
        tokens: Count::of(sums.input_tokens.saturating_add(sums.output_tokens)),
        charged: person.has(sums.charged),
        commission: person.has(sums.commission),
    };
    rows.into_iter().take(MODELS_MAX).map(row).collect()
}
