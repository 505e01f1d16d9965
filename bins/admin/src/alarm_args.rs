//! The commands about alarms.

use clap::Subcommand;
use opencredits_api::admin::{AdminRequest, AlarmRequest};

#[derive(Subcommand)]
pub(crate) enum AlarmCommand {
    /// Lists the alarms that wait or fire.
    List,
    /// Tells the webhook and each address a notice that says nothing, and shows what they answered.
    Test,
}

impl AlarmCommand {
    pub(crate) fn request(&self) -> AdminRequest {
        AdminRequest::Alarms(match self {
            Self::List => AlarmRequest::List,
            Self::Test => AlarmRequest::Test,
        })
    }
}
