//! The leases of jobs.

use super::SqliteStore;
use super::rows::{count, number, time_or_none};
use crate::jobs::{Acquired, JobLease, JobLeases, JobOutcome, JobRecord, JobReport, JobRun};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;
use rusqlite::{Error, Row, TransactionBehavior, params};

const ACQUIRE: &str = "
    INSERT INTO jobs (name, holder, token, leased_until, leased_at) VALUES (?1, ?2, 1, ?4, ?3)
    ON CONFLICT (name) DO UPDATE SET holder = ?2, token = token + 1, leased_until = ?4, leased_at = ?3
    WHERE coalesce(leased_until, 0) <= ?3 RETURNING token";
const REPORT: &str = "
    UPDATE jobs SET leased_until = CASE WHEN holder IS NULL THEN NULL ELSE ?3 END,
        holder = CASE WHEN ?3 IS NULL THEN NULL ELSE holder END, started_at = ?4, ended_at = ?5, outcome = ?6, detail = ?7, runs = runs + ?8, failures = ?9
    WHERE name = ?1 AND token = ?2";
const RELEASE: &str = "UPDATE jobs SET holder = NULL, leased_until = NULL WHERE name = ?1 AND token = ?2";
const END_ALL: &str = "
    UPDATE jobs SET holder = NULL, leased_until = NULL, token = token + 1 WHERE leased_until IS NOT NULL";
const JOBS: &str = "
    SELECT name, holder, token, leased_until, leased_at, started_at, ended_at, outcome, detail, runs, failures FROM jobs";

#[async_trait]
impl JobLeases for SqliteStore {
    async fn acquire_job(&self, job: &str, holder: &str, now: UnixMs, ms: u64) -> Result<Acquired, StoreError> {
        let (job, holder, until) = (job.to_owned(), holder.to_owned(), now.saturating_add_ms(ms));
        self.run(move |connection| {
            // Another process may use the file, too.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let values = params![job, holder, number(now.get()), number(until.get())];
            let token =
                transaction.prepare_cached(ACQUIRE)?.query_map(values, |row| count(row, 0))?.next().transpose()?;
            let acquired = match token {
                Some(token) => Acquired::New(JobLease { job, holder, token, until }),
                None => {
                    let mut statement = transaction.prepare_cached(&format!("{JOBS} WHERE name = ?1"))?;
                    let record = statement.query_row([&job], read)?;
                    Acquired::Held(record.lease.ok_or(StoreError::Damaged { table: "jobs" })?)
                }
            };
            transaction.commit()?;
            Ok(acquired)
        })
        .await
    }

    async fn renew_job(&self, lease: &JobLease, now: UnixMs, ms: u64) -> Result<bool, StoreError> {
        let (job, token, until) = (lease.job.clone(), lease.token, now.saturating_add_ms(ms));
        self.run(move |connection| {
            let renewed = connection
                .prepare_cached(
                    "UPDATE jobs SET leased_until = ?4 WHERE name = ?1 AND token = ?2 AND leased_until > ?3",
                )?
                .execute(params![job, number(token), number(now.get()), number(until.get())])?;
            Ok(renewed == 1)
        })
        .await
    }

    async fn report_job(
        &self,
        lease: &JobLease,
        report: &JobReport,
        now: UnixMs,
        keep_ms: Option<u64>,
    ) -> Result<bool, StoreError> {
        let (job, token, report) = (lease.job.clone(), lease.token, report.clone());
        let keep = keep_ms.map(|ms| number(now.saturating_add_ms(ms).get()));
        self.run(move |connection| {
            let reported = connection.prepare_cached(REPORT)?.execute(params![
                job,
                number(token),
                keep,
                number(report.run.started_at.get()),
                number(report.run.ended_at.get()),
                report.run.outcome.name(),
                report.run.detail,
                number(report.runs),
                number(report.failures),
            ])?;
            Ok(reported == 1)
        })
        .await
    }

    async fn release_job(&self, lease: &JobLease) -> Result<bool, StoreError> {
        let (job, token) = (lease.job.clone(), lease.token);
        self.run(move |connection| Ok(connection.prepare_cached(RELEASE)?.execute(params![job, number(token)])? == 1))
            .await
    }

    async fn end_job_leases(&self) -> Result<u64, StoreError> {
        self.run(|connection| Ok(u64::try_from(connection.execute(END_ALL, [])?).unwrap_or(u64::MAX))).await
    }

    async fn jobs(&self) -> Result<Vec<JobRecord>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(&format!("{JOBS} ORDER BY name"))?;
            let rows = statement.query_map([], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn job_clock(&self, now: UnixMs) -> Result<UnixMs, StoreError> {
        Ok(now)
    }
}

fn read(row: &Row<'_>) -> Result<JobRecord, Error> {
    let name: String = row.get(0)?;
    let holder: Option<String> = row.get(1)?;
    let token = count(row, 2)?;
    let lease = holder.zip(time_or_none(row, 3)?);
    let outcome: Option<String> = row.get(7)?;
    let last = match (time_or_none(row, 5)?, time_or_none(row, 6)?, outcome) {
        (Some(started_at), Some(ended_at), Some(outcome)) => {
            let outcome = JobOutcome::of_name(&outcome).ok_or(Error::InvalidQuery)?;
            Some(JobRun { started_at, ended_at, outcome, detail: row.get(8)? })
        }
        _ => None,
    };
    Ok(JobRecord {
        lease: lease.map(|(holder, until)| JobLease { job: name.clone(), holder, token, until }),
        name,
        leased_at: time_or_none(row, 4)?,
        last,
        runs: count(row, 9)?,
        failures: count(row, 10)?,
    })
}
