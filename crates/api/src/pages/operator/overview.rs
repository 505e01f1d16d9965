//! What is spent now, and what needs a look.

use super::desk::{Desk, person_href};
use crate::admin::Refusal;
use opencredits_ledger::EntryKind;
use opencredits_pages::figures::Count;
use opencredits_pages::views::operator::{
    Cell, Column, Fact, Figure, Hour, OperatorPage, Remark, Row, Section, Table, Tone,
};
use opencredits_service::accounts::{AccountsError, EntryFilter};
use opencredits_store::{ApplicationState, Days, UsageBy};
use opencredits_units::{EntryId, NanoUsd, UnixMs, UserId};

/// Entries of today that are read, in pages of so many.
const PAGES_MAX: usize = 20;
const PAGE: usize = 1_000;
/// Rows of a list.
const ROWS: u32 = 10;
const HOUR_MS: u64 = 3_600_000;
const HOURS: usize = 24;
/// The width of an hour in the chart.
const HOUR_WIDTH: u32 = 10;
/// Below this share of served requests, in hundredths of a percent, a route is in trouble.
const UPTIME_MIN: u64 = 9_500;

pub(super) async fn page(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let today = Today::read(desk).await?;
    let holds = desk.accounts().holds().await?;
    let held = holds.iter().try_fold(NanoUsd::ZERO, |sum, hold| sum.checked_add(hold.amount)).unwrap_or_default();
    let figure = |state: &str, cell: Cell| Figure { state: state.to_owned(), cell, href: None };
    let (charged, requests, uncharged) = today.totals();
    let figures = vec![
        figure("charged_today", desk.charged(charged)),
        figure("requests_today", Cell::many(requests)),
        figure("uncharged_today", Cell::many(uncharged)),
        figure("held_now", desk.has(held)),
        figure("holds_now", Cell::many(u64::try_from(holds.len()).unwrap_or(u64::MAX))),
    ];
    let sections = vec![
        Section::Figures { figures },
        Section::Hours { hours: today.hours(desk), is_cut: today.is_cut },
        spenders(desk).await?.into(),
        vendors(desk).await?.into(),
        Section::facts(
            "more",
            vec![
                Fact::of("ledger", Cell::go("open_it", "/operator/ledger")),
                Fact::of("changes", Cell::go("open_it", "/operator/changes")),
            ],
        ),
    ];
    Ok(OperatorPage { remarks: remarks(desk).await?, sections, ..OperatorPage::of("overview") })
}

/// What an hour of today has.
#[derive(Clone, Copy, Default)]
struct OfHour {
    charged: NanoUsd,
    requests: u64,
    uncharged: u64,
}

/// Today's requests, as far as they are read.
struct Today {
    of_hours: [OfHour; HOURS],
    is_cut: bool,
}

impl Today {
    async fn read(desk: &Desk<'_>) -> Result<Self, Refusal> {
        let midnight = UnixMs::new(desk.now.day().saturating_mul(UnixMs::DAY_MS));
        let mut today = Self { of_hours: [OfHour::default(); HOURS], is_cut: false };
        let mut cursor: Option<EntryId> = None;
        for _ in 0..PAGES_MAX {
            let page = desk.accounts().latest_entries(EntryFilter::default(), (midnight, None), cursor, PAGE).await?;
            for entry in &page.entries {
                let hour = entry.id.made_at().ms_since(midnight).checked_div(HOUR_MS).unwrap_or_default();
                let hour = usize::try_from(hour).ok().and_then(|hour| today.of_hours.get_mut(hour));
                let Some(hour) = hour else { continue };
                match entry.kind {
                    EntryKind::Capture => {
                        let paid = entry.legs.first().and_then(|(_, amount)| amount.checked_neg()).unwrap_or_default();
                        hour.charged = hour.charged.checked_add(paid).unwrap_or(hour.charged);
                        hour.requests = hour.requests.saturating_add(1);
                    }
                    EntryKind::Void => hour.uncharged = hour.uncharged.saturating_add(1),
                    EntryKind::Transfer => {}
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(today);
            }
        }
        today.is_cut = true;
        Ok(today)
    }

    fn totals(&self) -> (NanoUsd, u64, u64) {
        self.of_hours.iter().fold((NanoUsd::ZERO, 0, 0), |(charged, requests, uncharged), hour| {
            (
                charged.checked_add(hour.charged).unwrap_or(charged),
                u64::saturating_add(requests, hour.requests),
                u64::saturating_add(uncharged, hour.uncharged),
            )
        })
    }

    /// The hours until now; none where there was no request.
    fn hours(&self, desk: &Desk<'_>) -> Vec<Hour> {
        let (_, requests, uncharged) = self.totals();
        if requests == 0 && uncharged == 0 {
            return Vec::new();
        }
        let unsigned = |amount: NanoUsd| u128::try_from(amount.get()).unwrap_or_default();
        let highest = self.of_hours.iter().map(|hour| unsigned(hour.charged)).max().unwrap_or_default();
        let hour = |(at, hour): (u32, &OfHour)| Hour {
            hour: format!("{at:02}"),
            charged: desk.money(hour.charged),
            requests: Count::of(hour.requests),
            uncharged: Count::of(hour.uncharged),
            x: at.saturating_mul(HOUR_WIDTH),
            percent: unsigned(hour.charged)
                .saturating_mul(100)
                .checked_div(highest)
                .and_then(|percent| u64::try_from(percent).ok())
                .unwrap_or_default(),
        };
        let midnight = UnixMs::new(desk.now.day().saturating_mul(UnixMs::DAY_MS));
        let so_far = desk.now.ms_since(midnight).checked_div(HOUR_MS).unwrap_or_default();
        let so_far = usize::try_from(so_far).unwrap_or(HOURS).saturating_add(1);
        (0..).zip(&self.of_hours).take(so_far).map(hour).collect()
    }
}

async fn spenders(desk: &Desk<'_>) -> Result<Table, Refusal> {
    let day = desk.now.day();
    let report = desk.accounts().usage_report(UsageBy::User, Days { from: day, to: day }, ROWS).await?;
    let row = |group: &opencredits_service::accounts::NamedUsage| {
        let name = group.name.clone();
        let person = |user: UserId| Cell::link(name.unwrap_or_else(|| user.to_string()), person_href(user));
        Row::of([
            group.group.user.map_or(Cell::Nothing, person),
            Cell::many(group.group.sums.requests),
            desk.charged(group.group.sums.charged),
        ])
    };
    let columns = [Column::of("person"), Column::right("requests"), Column::right("charged")];
    Ok(Table::of("spenders", columns).with(report.groups.iter().map(row).collect()))
}

async fn vendors(desk: &Desk<'_>) -> Result<Table, Refusal> {
    let day = desk.now.day();
    let report = desk.accounts().usage_report(UsageBy::Vendor, Days { from: day, to: day }, ROWS).await?;
    let row = |group: &opencredits_service::accounts::NamedUsage| {
        let sums = &group.group.sums;
        let margin = sums.charged.checked_sub(sums.cost).and_then(|rest| rest.checked_sub(sums.commission));
        Row::of([
            Cell::text(group.group.vendor.clone().unwrap_or_default()),
            Cell::many(sums.requests),
            desk.charged(sums.charged),
            desk.charged(sums.cost),
            desk.charged(sums.commission),
            desk.has(margin.unwrap_or_default()),
        ])
    };
    let columns = [
        Column::of("vendor"),
        Column::right("requests"),
        Column::right("charged"),
        Column::right("cost"),
        Column::right("commission"),
        Column::right("margin"),
    ];
    Ok(Table::of("vendors_today", columns).with(report.groups.iter().map(row).collect()))
}

/// What needs a look, the worst first; where nothing does, that is said.
async fn remarks(desk: &Desk<'_>) -> Result<Vec<Remark>, Refusal> {
    let mut remarks = Vec::new();
    let mut tell = |state: &str, class: Tone, detail: String, href: Option<&str>| {
        remarks.push(Remark { state: state.to_owned(), class, detail, href: href.map(str::to_owned) });
    };
    let state = desk.state();
    if !state.app.gateway.ledger().is_sound() {
        tell("ledger_unsound", Tone::Bad, String::new(), Some("/operator/ledger?verify=1"));
    }
    if let Some(jobs) = &state.admin.jobs {
        let failing = jobs.list().await?.into_iter();
        let failing = failing.filter(|job| job.record.as_ref().is_some_and(|record| record.failures > 0));
        let names: Vec<&str> = failing.map(|job| job.terms.name).collect();
        if !names.is_empty() {
            tell("jobs_fail", Tone::Bad, names.join(", "), Some("/operator/jobs"));
        }
    }
    let troubled = troubled(desk);
    if !troubled.is_empty() {
        tell("vendors_fail", Tone::Bad, troubled.join(", "), Some("/operator/routes?sort=state"));
    }
    if let Some(store) = &state.admin.stored {
        let mails = store.counts(desk.now).await.map_err(AccountsError::from)?;
        if mails.failed > 0 {
            tell("mails_failed", Tone::Warn, mails.failed.to_string(), Some("/operator/jobs"));
        }
        if mails.waiting > 0 {
            tell("mails_wait", Tone::Plain, mails.waiting.to_string(), Some("/operator/jobs"));
        }
    }
    let open = desk.accounts().applications(Some(ApplicationState::Open), Default::default(), ROWS).await?;
    if !open.is_empty() {
        tell("applications_wait", Tone::Warn, open.len().to_string(), Some("/operator/partners"));
    }
    let implausible = state.app.gateway.implausible_usages();
    if implausible > 0 {
        tell("implausible", Tone::Warn, implausible.to_string(), None);
    }
    let behind = state.app.gateway.usage().behind().await.map_err(AccountsError::from)?;
    if behind > 0 {
        tell("behind", Tone::Warn, behind.to_string(), Some("/operator/jobs"));
    }
    if remarks.is_empty() {
        remarks.push(Remark { state: "all_good".to_owned(), class: Tone::Good, ..Remark::default() });
    }
    Ok(remarks)
}

/// Vendors with a route whose circuit is open, or that fails often.
fn troubled(desk: &Desk<'_>) -> Vec<String> {
    let gateway = &desk.state().app.gateway;
    let catalog = gateway.catalog();
    let mut found = Vec::new();
    for model in catalog.models() {
        for (_, vendor, health) in gateway.route_health(model) {
            let is_bad = health.is_out || health.uptime.is_some_and(|uptime| uptime < UPTIME_MIN);
            if is_bad && !found.iter().any(|name| *name == *vendor.id) {
                found.push(vendor.id.to_string());
            }
        }
    }
    found
}
