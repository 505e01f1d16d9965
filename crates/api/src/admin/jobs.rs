//! Executes requests about recurring jobs.

use super::answer::{Admin, Answer};
use super::job_views::JobRequest;
use super::reply::{AdminReply, Refusal, RefusalCode};
use opencredits_service::accounts::{AccountsError, Actor};
use opencredits_service::jobs::JobsError;

const NO_GATEWAY: &str = "jobs run within the gateway, and none runs on this folder: start it, and ask again";

impl Admin {
    pub(super) async fn jobs(&self, request: JobRequest) -> Answer {
        match (request, &self.jobs, &self.stored) {
            (JobRequest::List, Some(jobs), _) => {
                Ok(AdminReply::Jobs { jobs: jobs.list().await?.into_iter().map(Into::into).collect() })
            }
            (JobRequest::List, None, Some(store)) => {
                let records = store.jobs().await.map_err(AccountsError::from)?;
                Ok(AdminReply::Jobs { jobs: records.into_iter().map(Into::into).collect() })
            }
            (JobRequest::Run { name }, Some(jobs), _) => {
                let run = jobs.run_now_watched(&name, &self.progress).await?;
                let detail = format!("{}: {}", run.outcome.name(), run.detail);
                self.accounts.record_change((Actor::Operator, "job.run"), &name, detail).await?;
                Ok(AdminReply::JobRan { name, run: run.into() })
            }
            (JobRequest::List | JobRequest::Run { .. }, None, _) => Err(Refusal::invalid(NO_GATEWAY)),
        }
    }
}

impl From<JobsError> for Refusal {
    fn from(error: JobsError) -> Self {
        let code = match &error {
            JobsError::Unknown { .. } => RefusalCode::NotFound,
            JobsError::Held { .. } | JobsError::NotServed { .. } => RefusalCode::Conflict,
            _ => RefusalCode::Failed,
        };
        Self { code, refused: error.to_string() }
    }
}
