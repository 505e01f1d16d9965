//! Partners apply, and the operator decides.

use super::people::check_name;
use super::publishable::{PublishableKeyEdit, listed};
use super::{Accounts, AccountsError, Actor, NewPartner, NewTestKey, TestDesk};
use crate::partners::{origin_problem, redirect_problem};
use crate::ports::fresh_id;
use opencredits_store::{ApplicationState, Partner, PartnerApplication};
use opencredits_units::{BasisPoints, PartnerId, UserId};

/// The most applications of a person that are not decided.
const OPEN_MAX: u32 = 3;
/// A person's applications that are listed.
const LISTED_MAX: u32 = 100;
/// The longest address or reason, in bytes.
const TEXT_BYTES_MAX: usize = 500;

/// An application to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApplication {
    /// The person who will own the partner.
    pub applicant: UserId,
    /// The name of the app.
    pub name: String,
    /// The app's page.
    pub url: String,
    /// The origins whose pages may use its publishable key.
    pub origins: Vec<String>,
    /// Where people may be sent back to.
    pub redirect_urls: Vec<String>,
}

/// An application was made.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The application.
    pub application: PartnerApplication,
    /// What its developers can begin with, where test mode is on.
    pub test: Option<NewTestKey>,
}

/// What the operator decides with an approval.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approval {
    /// Another name than the one that was applied for.
    pub name: Option<String>,
    /// The share of the markup; the config's where `None`.
    pub share: Option<BasisPoints>,
    /// The markup on requests through it; the operator's where `None`.
    pub markup: Option<BasisPoints>,
}

impl Accounts {
    /// Makes what partners get of test mode by this desk.
    #[must_use]
    pub fn with_test_desk(mut self, desk: Option<TestDesk>) -> Self {
        self.test_desk = desk;
        self
    }

    /// What gives partners their part of test mode; `None` where test mode is off.
    #[must_use]
    pub const fn test_desk(&self) -> Option<&TestDesk> {
        self.test_desk.as_ref()
    }

    /// Makes an application. Until it is approved, the partner is one in test mode only.
    ///
    /// # Errors
    /// When the person is unknown or has three that are open, a partner has the name, a value is out of bounds, or ledger or
    /// store fail.
    pub async fn apply(&self, new: NewApplication, actor: Actor) -> Result<Applied, AccountsError> {
        check_name("the name", &new.name)?;
        if redirect_problem(&new.url).is_some() || !new.url.starts_with("https://") {
            let problem = "is no https address; write it as https://app.example (any will do for a trial)";
            return Err(AccountsError::Invalid { field: "the url", problem });
        }
        let origins = listed("an origin", Some(new.origins), origin_problem)?.unwrap_or_default();
        let redirect_urls = listed("a redirect URL", Some(new.redirect_urls), redirect_problem)?.unwrap_or_default();
        self.find_user(&new.applicant.to_string()).await?;
        // The approval would be refused for it.
        if self.tables.partners.partner_by_name(&new.name).await?.is_some() {
            return Err(AccountsError::PartnerExists { name: new.name });
        }
        let now = self.now();
        let application = PartnerApplication {
            id: fresh_id(now, &*self.entropy),
            applicant: new.applicant,
            name: new.name,
            url: new.url,
            origins,
            redirect_urls,
            state: ApplicationState::Open,
            reason: String::new(),
            created_at: now,
            decided_at: None,
        };
        if !self.tables.applications.add_application(&application, OPEN_MAX).await? {
            let problem = "has three applications that are not decided; wait for the operator";
            return Err(AccountsError::Invalid { field: "the applicant", problem });
        }
        self.record((actor, "partner.apply"), &application.id.to_string(), application.name.clone()).await?;
        let test = match &self.test_desk {
            Some(desk) => Some(desk.issue(application.id, &application.name, "first".to_owned()).await?),
            None => None,
        };
        Ok(Applied { application, test })
    }

    /// A further test key of a partner, by id or name, or of an applicant, by the application's id.
    ///
    /// # Errors
    /// When there is neither, test mode is off, the key's name is out of bounds, or ledger or store fail.
    pub async fn add_test_key(&self, partner: &str, key_name: String) -> Result<NewTestKey, AccountsError> {
        let desk = self.test_desk.as_ref();
        let problem = "is switched off; set test.enabled = true, and restart the gateway";
        let desk = desk.ok_or(AccountsError::Invalid { field: "test mode", problem })?;
        let (id, name) = match (self.find_partner(partner).await, partner.parse::<PartnerId>()) {
            (Ok(found), _) => (found.id, found.name),
            (Err(AccountsError::NoPartner { .. }), Ok(id)) => {
                let application = self.application(id).await?;
                if application.state == ApplicationState::Rejected {
                    return Err(undecidable());
                }
                (id, application.name)
            }
            (Err(error), _) => return Err(error),
        };
        let issued = desk.issue(id, &name, key_name).await?;
        self.record((Actor::Operator, "partner.test_key"), &issued.key.id.to_string(), id.to_string()).await?;
        Ok(issued)
    }

    /// The partner of this id in test mode; `None` where test mode is off.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn test_partner(&self, partner: &Partner) -> Result<Option<Partner>, AccountsError> {
        match &self.test_desk {
            Some(desk) => desk.partner(partner.id, &partner.name).await.map(Some),
            None => Ok(None),
        }
    }

    /// At most `max` applications, by their time, those after `after`; only open ones where there is a state.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn applications(
        &self,
        state: Option<ApplicationState>,
        after: PartnerId,
        max: u32,
    ) -> Result<Vec<PartnerApplication>, AccountsError> {
        Ok(self.tables.applications.applications(state, after, max).await?)
    }

    /// A person's newest applications, a hundred at most.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn applications_of(&self, applicant: UserId) -> Result<Vec<PartnerApplication>, AccountsError> {
        Ok(self.tables.applications.applications_of(applicant, LISTED_MAX).await?)
    }

    /// Makes an applicant a partner, with the id of the application. Repeating it changes nothing.
    ///
    /// # Errors
    /// When there is no such application or it was rejected, the name is taken, the share or the markup out of bounds, or ledger or
    /// store fail.
    pub async fn approve_application(&self, id: PartnerId, approval: Approval) -> Result<Partner, AccountsError> {
        self.check_share(approval.share)?;
        self.check_markup(approval.markup)?;
        let _one = self.deciding.lock().await;
        let application = self.application(id).await?;
        match application.state {
            ApplicationState::Open => {}
            ApplicationState::Approved => return self.find_partner(&id.to_string()).await,
            ApplicationState::Rejected => return Err(undecidable()),
        }
        // A call before this one may have ended in between.
        if self.tables.partners.partner(id).await?.is_none() {
            let name = approval.name.unwrap_or_else(|| application.name.clone());
            let new = NewPartner { name, share: approval.share, markup: approval.markup };
            self.insert_partner(Some(id), new, Some(application.applicant)).await?;
        }
        let (origins, redirect_urls) = (Some(application.origins), Some(application.redirect_urls));
        self.edit_publishable_key(id.cast(), PublishableKeyEdit { name: None, origins, redirect_urls }).await?;
        self.decide(id, ApplicationState::Approved, String::new()).await?;
        let partner = self.find_partner(&id.to_string()).await?;
        if let Some(desk) = &self.test_desk {
            desk.adopt(&partner).await?;
        }
        Ok(partner)
    }

    /// Rejects an application. Its test keys work no more.
    ///
    /// # Errors
    /// When there is no such application that is open, the reason is too long, or the store fails.
    pub async fn reject_application(&self, id: PartnerId, reason: String) -> Result<PartnerApplication, AccountsError> {
        if reason.len() > TEXT_BYTES_MAX {
            let problem = "is longer than 500 bytes; shorten it";
            return Err(AccountsError::Invalid { field: "the reason", problem });
        }
        let _one = self.deciding.lock().await;
        self.decide(id, ApplicationState::Rejected, reason).await?;
        if let Some(desk) = &self.test_desk {
            desk.close(id).await?;
        }
        self.application(id).await
    }

    async fn application(&self, id: PartnerId) -> Result<PartnerApplication, AccountsError> {
        self.tables.applications.application(id).await?.ok_or_else(undecidable)
    }

    async fn decide(&self, id: PartnerId, state: ApplicationState, reason: String) -> Result<(), AccountsError> {
        if !self.tables.applications.decide_application(id, state, (reason.clone(), self.now())).await? {
            return Err(undecidable());
        }
        let action = match state {
            ApplicationState::Approved => "partner.approve",
            _ => "partner.reject",
        };
        self.record((Actor::Operator, action), &id.to_string(), reason).await
    }
}

const fn undecidable() -> AccountsError {
    let problem = "is not there, or it is decided; list them with `opencredits-admin partner applications`";
    AccountsError::Invalid { field: "the application", problem }
}
