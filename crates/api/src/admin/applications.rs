//! Becoming a partner, and what partners get of test mode.

use super::answer::{Admin, Answer, most};
use super::application_views::ApplicationRequest;
use super::reply::AdminReply;
use opencredits_service::accounts::{Actor, Applied, Approval, NewApplication};
use opencredits_store::{ApplicationState, Partner};

impl Admin {
    pub(super) async fn applications(&self, request: ApplicationRequest) -> Answer {
        match request {
            ApplicationRequest::Apply { name, owner, url, origins, redirect_urls } => {
                let applicant = self.accounts.find_user(&owner).await?.id;
                let new = NewApplication { applicant, name, url, origins, redirect_urls };
                let Applied { application, test } = self.accounts.apply(new, Actor::Operator).await?;
                let test = test.map(|test| Box::new(test.into()));
                Ok(AdminReply::Applied { application: Box::new(application.into()), test })
            }
            ApplicationRequest::List { all, after, max } => {
                let state = (!all).then_some(ApplicationState::Open);
                let max = most(max);
                let found = self.accounts.applications(state, after.unwrap_or_default(), max).await?;
                let is_full = u32::try_from(found.len()).is_ok_and(|len| len >= max);
                let next = found.last().filter(|_| is_full).map(|last| last.id);
                Ok(AdminReply::Applications { applications: found.into_iter().map(Into::into).collect(), next })
            }
            ApplicationRequest::Approve { id, name, share_bps: share, markup_bps: markup } => {
                self.added(self.accounts.approve_application(id, Approval { name, share, markup }).await?).await
            }
            ApplicationRequest::Reject { id, reason } => {
                let rejected = self.accounts.reject_application(id, reason).await?;
                Ok(AdminReply::ApplicationRejected { application: Box::new(rejected.into()) })
            }
            ApplicationRequest::TestKey { partner, name } => {
                let test = self.accounts.add_test_key(&partner, name).await?;
                Ok(AdminReply::TestKeyAdded { test: Box::new(test.into()) })
            }
        }
    }

    /// A partner that is there now, with its key in test mode.
    pub(super) async fn added(&self, partner: Partner) -> Answer {
        let test = self.accounts.test_partner(&partner).await?;
        let test_publishable_key = test.map(|test| test.publishable_key);
        Ok(AdminReply::PartnerAdded { partner: partner.into(), test_publishable_key })
    }
}
