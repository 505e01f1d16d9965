//! Applications of partners, and the people whom partners brought.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::{PartnerId, UnixMs, UserId};

/// How far an application is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationState {
    /// The operator has not decided.
    Open,
    /// The applicant runs a partner.
    Approved,
    /// The operator does not want it.
    Rejected,
}

/// A person's wish to run a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerApplication {
    /// The id, which the partner will have.
    pub id: PartnerId,
    /// The person.
    pub applicant: UserId,
    /// The name of the app.
    pub name: String,
    /// The app's page.
    pub url: String,
    /// The origins whose pages may use its publishable key.
    pub origins: Vec<String>,
    /// Where people may be sent back to.
    pub redirect_urls: Vec<String>,
    /// How far it is.
    pub state: ApplicationState,
    /// Why it was rejected.
    pub reason: String,
    /// The time of creation.
    pub created_at: UnixMs,
    /// The time of the decision.
    pub decided_at: Option<UnixMs>,
}

/// Applications of partners.
#[async_trait]
pub trait PartnerApplications: Send + Sync {
    /// Adds an application unless its applicant has so many open ones; returns whether it was added. The applicant exists,
    /// and no other application has its id.
    async fn add_application(&self, new: &PartnerApplication, open_max: u32) -> Result<bool, StoreError>;
    /// The application with this id.
    async fn application(&self, id: PartnerId) -> Result<Option<PartnerApplication>, StoreError>;
    /// At most `max` applications in a state, or in any, by id, those above `after`.
    async fn applications(
        &self,
        state: Option<ApplicationState>,
        after: PartnerId,
        max: u32,
    ) -> Result<Vec<PartnerApplication>, StoreError>;
    /// A person's newest applications, at most `max`.
    async fn applications_of(&self, applicant: UserId, max: u32) -> Result<Vec<PartnerApplication>, StoreError>;
    /// Decides an open application; returns whether it was one.
    async fn decide_application(
        &self,
        id: PartnerId,
        state: ApplicationState,
        (reason, now): (String, UnixMs),
    ) -> Result<bool, StoreError>;
}

/// The people who came through a partner in one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralMonth {
    /// The month, such as `2026-11`, UTC.
    pub month: String,
    /// The people whose first key through the partner is of that month.
    pub people: u64,
    /// Those of them who have ever paid for credits.
    pub buyers: u64,
}

/// The people whom partners brought.
#[async_trait]
pub trait Referrals: Send + Sync {
    /// The people who got a first key through a partner before `before`, by month; its owner does not count.
    async fn referrals(&self, partner: PartnerId, before: UnixMs) -> Result<Vec<ReferralMonth>, StoreError>;
}
