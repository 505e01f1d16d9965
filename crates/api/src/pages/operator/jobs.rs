//! Recurring jobs.

use super::desk::{Desk, by_number, by_text, link, maybe_at};
use crate::admin::Refusal;
use opencredits_pages::views::operator::{Act, Cell, Column, Fact, OperatorPage, Row, Section, Table, Tone};
use opencredits_service::accounts::AccountsError;
use opencredits_service::jobs::JobStatus;
use opencredits_store::JobOutcome;

pub(super) async fn page(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let mut sections = Vec::new();
    if let Some(jobs) = &desk.state().admin.jobs {
        let rows = jobs.list().await?.iter().map(row).collect();
        let columns = [
            Column::of("job"),
            Column::of("state"),
            Column::of("last"),
            Column::of("did"),
            Column::of("next"),
            Column::right("runs"),
            Column::right("failures"),
        ];
        let table = Table::of("jobs", columns).with(rows);
        sections.push(table.sorted(desk.asked("sort"), |by| link("/operator/jobs", &[("sort", by)])).into());
    }
    if let Some(store) = &desk.state().admin.stored {
        let mails = store.counts(desk.now).await.map_err(AccountsError::from)?;
        let facts = [
            ("mails_waiting", mails.waiting),
            ("mails_leased", mails.leased),
            ("mails_sent", mails.sent),
            ("mails_failed", mails.failed),
        ];
        let facts = facts.map(|(key, count)| Fact::of(key, Cell::many(count))).to_vec();
        sections.push(Section::facts("mails", facts));
    }
    Ok(OperatorPage { sections, ..OperatorPage::of("jobs") })
}

fn row(job: &JobStatus) -> Row {
    let (runs, failures) = job.record.as_ref().map_or((0, 0), |record| (record.runs, record.failures));
    let last = job.last.as_ref();
    let outcome = last.map(|run| run.outcome);
    let state = match (job.running_since, outcome) {
        (Some(_), _) => Cell::word("running"),
        (None, Some(JobOutcome::Failed)) => Cell::toned("failed", Tone::Bad),
        (None, Some(outcome)) => Cell::toned(outcome.name(), Tone::Good),
        (None, None) => Cell::word("not_yet"),
    };
    let next_at = job.next_at.filter(|_| job.running_since.is_none());
    let cells = [
        Cell::text(job.terms.name),
        state,
        maybe_at(last.map(|run| run.started_at)),
        Cell::text(last.map_or("", |run| run.detail.as_str())),
        maybe_at(next_at),
        Cell::many(runs),
        Cell::many(failures),
    ];
    let time = |at: Option<opencredits_units::UnixMs>| by_number(at.map_or(0, |at| i128::from(at.get())));
    let orders = vec![
        by_text(job.terms.name),
        by_text(outcome.map_or("", JobOutcome::name)),
        time(last.map(|run| run.started_at)),
        by_text(last.map_or("", |run| run.detail.as_str())),
        time(next_at),
        by_number(i128::from(runs)),
        by_number(i128::from(failures)),
    ];
    let run = Act::on("run_job", ("job", job.terms.name)).named(job.terms.name);
    Row { acts: vec![run], orders, ..Row::of(cells) }
}
