//! Executes requests about alarms.

use super::alarm_views::AlarmRequest;
use super::answer::{Admin, Answer};
use super::reply::{AdminReply, Refusal};
use opencredits_service::accounts::AccountsError;
use opencredits_service::alarms::Alarms;
use std::sync::Arc;

const NO_GATEWAY: &str =
    "alarms are told by the gateway of the live mode, and none runs on this folder: start it, and ask again";

impl Admin {
    /// Answers about alarms by these.
    #[must_use]
    pub fn of_alarms(mut self, alarms: Arc<Alarms>) -> Self {
        self.alarms = Some(alarms);
        self
    }

    pub(super) async fn alarms(&self, request: AlarmRequest) -> Answer {
        match (request, &self.alarms, &self.stored) {
            (AlarmRequest::List, Some(alarms), _) => {
                Ok(AdminReply::Alarms { alarms: alarms.list().into_iter().map(Into::into).collect() })
            }
            (AlarmRequest::List, None, Some(store)) => {
                let rows = store.alarms().await.map_err(AccountsError::from)?;
                let firing = rows.into_iter().filter(|row| row.ended_at.is_none());
                Ok(AdminReply::Alarms { alarms: firing.map(Into::into).collect() })
            }
            (AlarmRequest::Test, Some(alarms), _) => {
                let answers = alarms.test().await;
                Ok(AdminReply::AlarmsTested { answers: answers.into_iter().map(Into::into).collect() })
            }
            (AlarmRequest::List | AlarmRequest::Test, None, _) => Err(Refusal::invalid(NO_GATEWAY)),
        }
    }
}
