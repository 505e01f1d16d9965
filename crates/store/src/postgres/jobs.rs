//! The leases of jobs.

use super::PostgresStore;
use super::cells::Cells;
use super::values::v;
use crate::jobs::{Acquired, JobLease, JobLeases, JobOutcome, JobRecord, JobReport, JobRun};
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;

const ACQUIRE: &str = "
    INSERT INTO jobs (name, holder, token, leased_until, leased_at) VALUES ($1, $2, 1, $4, $3)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = jobs.token + 1,
        leased_until = excluded.leased_until, leased_at = excluded.leased_at
    WHERE coalesce(jobs.leased_until, 0) <= $3 RETURNING token";
const REPORT: &str = "
    UPDATE jobs SET leased_until = CASE WHEN holder IS NULL THEN NULL ELSE CAST($3 AS bigint) END,
        holder = CASE WHEN CAST($3 AS bigint) IS NULL THEN NULL ELSE holder END, started_at = $4, ended_at = $5,
        outcome = $6, detail = $7, runs = runs + $8, failures = $9
    WHERE name = $1 AND token = $2";
const RELEASE: &str = "UPDATE jobs SET holder = NULL, leased_until = NULL WHERE name = $1 AND token = $2";
const END_ALL: &str = "
    UPDATE jobs SET holder = NULL, leased_until = NULL, token = token + 1 WHERE leased_until IS NOT NULL";
const JOBS: &str = "
    SELECT name, holder, token, leased_until, leased_at, started_at, ended_at, outcome, detail, runs, failures FROM jobs";

#[async_trait]
impl JobLeases for PostgresStore {
    async fn acquire_job(&self, job: &str, holder: &str, now: UnixMs, until: UnixMs) -> Result<Acquired, StoreError> {
        loop {
            let values = [v(job), v(holder), v(now), v(until)];
            if let Some(token) = self.write_one(ACQUIRE, &values, |cells| cells.count(0)).await? {
                let (job, holder) = (job.to_owned(), holder.to_owned());
                return Ok(Acquired::New(JobLease { job, holder, token, until }));
            }
            let record = self.one(&format!("{JOBS} WHERE name = $1"), &[v(job)], read).await?;
            // One that was given back in between can be taken.
            if let Some(lease) = record.and_then(|record| record.lease) {
                return Ok(Acquired::Held(lease));
            }
        }
    }

    async fn renew_job(&self, lease: &JobLease, now: UnixMs, until: UnixMs) -> Result<bool, StoreError> {
        let sql = "UPDATE jobs SET leased_until = $4 WHERE name = $1 AND token = $2 AND leased_until > $3";
        Ok(self.execute(sql, &[v(&lease.job), v(lease.token), v(now), v(until)]).await? == 1)
    }

    async fn report_job(&self, lease: &JobLease, report: &JobReport, keep: Option<UnixMs>) -> Result<bool, StoreError> {
        let values = [
            v(&lease.job),
            v(lease.token),
            v(keep),
            v(report.run.started_at),
            v(report.run.ended_at),
            v(report.run.outcome.name()),
            v(&report.run.detail),
            v(report.runs),
            v(report.failures),
        ];
        Ok(self.execute(REPORT, &values).await? == 1)
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
