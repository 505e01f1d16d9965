//! The leases of jobs, by the clock of the database: those of the processes may differ by minutes.

use super::PostgresStore;
use super::cells::Cells;
use super::rates::{CLOCK, NOW};
use super::values::v;
use crate::jobs::{Acquired, JobLease, JobLeases, JobOutcome, JobRecord, JobReport, JobRun};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;

const RELEASE: &str = "UPDATE jobs SET holder = NULL, leased_until = NULL WHERE name = $1 AND token = $2";
const END_ALL: &str = "
    UPDATE jobs SET holder = NULL, leased_until = NULL, token = token + 1 WHERE leased_until IS NOT NULL";
const JOBS: &str = "
    SELECT name, holder, token, leased_until, leased_at, started_at, ended_at, outcome, detail, runs, failures FROM jobs";

/// The end of a lease that lasts $3 ms. A statement that waited for the row of the job counts from then.
fn end() -> String {
    format!("{CLOCK} + CAST($3 AS bigint)")
}

fn acquire() -> String {
    let end = end();
    format!(
        "INSERT INTO jobs (name, holder, token, leased_until, leased_at) VALUES ($1, $2, 1, {end}, {CLOCK})
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = jobs.token + 1,
            leased_until = {end}, leased_at = {CLOCK}
         WHERE coalesce(jobs.leased_until, 0) <= {CLOCK} RETURNING token"
    )
}

/// Who has a lease, its token, and how many ms of it are left.
fn held() -> String {
    format!(
        "SELECT holder, token, greatest(leased_until - {CLOCK}, 0) FROM jobs
         WHERE name = $1 AND holder IS NOT NULL AND leased_until IS NOT NULL"
    )
}

fn renew() -> String {
    let end = end();
    format!("UPDATE jobs SET leased_until = {end} WHERE name = $1 AND token = $2 AND leased_until > {CLOCK}")
}

/// The times $4 and $5 are by a clock that is at $10 now.
fn reported() -> String {
    let (end, ahead) = (end(), format!("({NOW} - CAST($10 AS bigint))"));
    format!(
        "UPDATE jobs SET leased_until = CASE WHEN holder IS NULL THEN NULL ELSE {end} END,
            holder = CASE WHEN CAST($3 AS bigint) IS NULL THEN NULL ELSE holder END,
            started_at = greatest(CAST($4 AS bigint) + {ahead}, 0), ended_at = greatest(CAST($5 AS bigint) + {ahead}, 0),
            outcome = $6, detail = $7, runs = runs + $8, failures = $9
         WHERE name = $1 AND token = $2"
    )
}

#[async_trait]
impl JobLeases for PostgresStore {
    async fn acquire_job(&self, job: &str, holder: &str, now: UnixMs, ms: u64) -> Result<Acquired, StoreError> {
        loop {
            let values = [v(job), v(holder), v(ms)];
            if let Some(token) = self.write_one(&acquire(), &values, |cells| cells.count(0)).await? {
                let (job, holder, until) = (job.to_owned(), holder.to_owned(), now.saturating_add_ms(ms));
                return Ok(Acquired::New(JobLease { job, holder, token, until }));
            }
            // One that was given back in between can be taken.
            if let Some((holder, token, left_ms)) = self.one(&held(), &[v(job)], read_held).await? {
                let (job, until) = (job.to_owned(), now.saturating_add_ms(left_ms));
                return Ok(Acquired::Held(JobLease { job, holder, token, until }));
            }
        }
    }

    async fn renew_job(&self, lease: &JobLease, _: UnixMs, ms: u64) -> Result<bool, StoreError> {
        Ok(self.execute(&renew(), &[v(&lease.job), v(lease.token), v(ms)]).await? == 1)
    }

    async fn report_job(
        &self,
        lease: &JobLease,
        report: &JobReport,
        now: UnixMs,
        keep_ms: Option<u64>,
    ) -> Result<bool, StoreError> {
        let values = [
            v(&lease.job),
            v(lease.token),
            v(keep_ms),
            v(report.run.started_at),
            v(report.run.ended_at),
            v(report.run.outcome.name()),
            v(&report.run.detail),
            v(report.runs),
            v(report.failures),
            v(now),
        ];
        Ok(self.execute(&reported(), &values).await? == 1)
    }

    async fn release_job(&self, lease: &JobLease) -> Result<bool, StoreError> {
        Ok(self.execute(RELEASE, &[v(&lease.job), v(lease.token)]).await? == 1)
    }

    async fn end_job_leases(&self) -> Result<u64, StoreError> {
        self.execute(END_ALL, &[]).await
    }

    async fn jobs(&self) -> Result<Vec<JobRecord>, StoreError> {
        let mut jobs = self.all(JOBS, &[], read).await?;
        jobs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(jobs)
    }

    async fn job_clock(&self, _: UnixMs) -> Result<UnixMs, StoreError> {
        let clock = self.one(&format!("SELECT {CLOCK}"), &[], |cells| cells.time(0)).await?;
        clock.ok_or(StoreError::Damaged { table: "jobs" })
    }
}

fn read_held(cells: &Cells<'_>) -> Result<(String, u64, u64), StoreError> {
    Ok((cells.text(0)?, cells.count(1)?, cells.count(2)?))
}

fn read(cells: &Cells<'_>) -> Result<JobRecord, StoreError> {
    let (name, token) = (cells.text(0)?, cells.count(2)?);
    let lease = cells.text_or_none(1)?.zip(cells.time_or_none(3)?);
    let last = match (cells.time_or_none(5)?, cells.time_or_none(6)?, cells.text_or_none(7)?) {
        (Some(started_at), Some(ended_at), Some(outcome)) => {
            let outcome = cells.known(JobOutcome::of_name(&outcome))?;
            Some(JobRun { started_at, ended_at, outcome, detail: cells.text(8)? })
        }
        _ => None,
    };
    Ok(JobRecord {
        lease: lease.map(|(holder, until)| JobLease { job: name.clone(), holder, token, until }),
        name,
        leased_at: cells.time_or_none(4)?,
        last,
        runs: cells.count(9)?,
        failures: cells.count(10)?,
    })
}
