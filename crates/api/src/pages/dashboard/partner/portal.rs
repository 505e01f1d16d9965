//! The partner that a page of the portal is about.

use super::super::figures::percent_of;
use super::super::links::Link;
use super::super::person::Person;
use crate::errors::{ErrorType, Problem};
use crate::pages::PageRequest;
use opencredits_pages::views::dashboard::Choice;
use opencredits_pages::views::partner::{PartnerHead, PartnerTermsShown};
use opencredits_service::accounts::Managed;
use opencredits_store::{Partner, Standing};
use opencredits_units::BasisPoints;

/// A person who opens the portal.
pub(super) struct Portal<'a> {
    pub(super) person: Person<'a>,
    /// The partner that the page is about; `None` for who runs none.
    pub(super) current: Option<Managed>,
    all: Vec<Managed>,
    path: &'static str,
}

impl<'a> Portal<'a> {
    /// Who asks for the page at this path, and about which of their partners: the one of the query, else the newest, an
    /// approved one before an application.
    pub(super) async fn of(request: &'a PageRequest, path: &'static str) -> Result<Self, Problem> {
        let person = Person::of(request).await?;
        let all = person.app.accounts.managed_by(person.user.id).await;
        let all = all.map_err(|error| person.of_accounts(error))?;
        let current = match person.asked("partner") {
            Some(id) => {
                let named = all.iter().find(|one| one.id().to_string() == id);
                Some(named.ok_or_else(|| Problem::new(ErrorType::NotFound, "you run no such partner"))?)
            }
            None => all.iter().find(|one| one.partner().is_some()).or_else(|| all.first()),
        };
        let current = current.cloned();
        Ok(Self { person, current, all, path })
    }

    /// The partner; `None` where there is none, or an application only.
    pub(super) fn partner(&self) -> Option<&Partner> {
        self.current.as_ref().and_then(Managed::partner)
    }

    /// What the page begins with.
    pub(super) fn head(&self) -> PartnerHead {
        let state = match &self.current {
            None => "none",
            Some(Managed::Applied(_)) => "applied",
            Some(Managed::Partner(Partner { standing: Standing::Suspended, .. })) => "suspended",
            Some(Managed::Partner(_)) => "active",
        };
        let id = self.current.as_ref().map(Managed::id);
        let choice = |one: &Managed| Choice {
            value: one.name().to_owned(),
            href: Link::to(self.path).with("partner", one.id()).text(),
            is_current: Some(one.id()) == id,
        };
        let is_many = self.all.len() > 1;
        PartnerHead {
            balance: self.person.balance(),
            id: id.map(|id| id.to_string()).unwrap_or_default(),
            name: self.current.as_ref().map(|one| one.name().to_owned()).unwrap_or_default(),
            state: state.to_owned(),
            choices: self.all.iter().filter(|_| is_many).map(choice).collect(),
        }
    }

    /// What is agreed with the partner, or what the service offers.
    pub(super) fn terms(&self) -> PartnerTermsShown {
        let terms = self.person.app.accounts.partner_terms();
        let partner = self.partner();
        PartnerTermsShown {
            share: percent_of(partner.and_then(|partner| partner.share).unwrap_or(terms.share_default).get()),
            markup: partner.and_then(|partner| partner.markup).map(BasisPoints::get).map(percent_of),
            matures_days: terms.matures_days,
        }
    }
}
