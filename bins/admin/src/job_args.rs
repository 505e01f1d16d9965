//! The commands about recurring jobs.

use clap::Subcommand;
use opencredits_api::admin::{AdminRequest, JobRequest};

#[derive(Subcommand)]
pub(crate) enum JobCommand {
    /// Lists the jobs, how they last ran, and who runs them.
    List,
    /// Runs a job now, and says what it did.
    Run {
        /// Its name, as `job list` shows it.
        name: String,
    },
}

impl JobCommand {
    pub(crate) fn request(&self) -> AdminRequest {
        AdminRequest::Jobs(match self {
            Self::List => JobRequest::List,
            Self::Run { name } => JobRequest::Run { name: name.clone() },
        })
    }
}
