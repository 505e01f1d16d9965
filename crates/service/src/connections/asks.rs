//! What an app asks a person for, and what the person decides.

use super::error::{DENIED, INVALID_CLIENT};
use super::{AppClient, ConnectionError, Connections, Unregistered, records};
use crate::accounts::{Actor, Edit};
use crate::ports::fresh_id;
use opencredits_identity::oauth::{
    Asked, AuthorizationCode, AuthorizationRefusal, AuthorizationRequest, Bearer, BearerKind, CallbackAsked, KeyAsked,
    KeyRequest, redirect_host,
};
use opencredits_store::{CodeGives, LimitReset, Partner, SessionId};
use opencredits_units::{NanoUsd, UserId};

/// How an app asks by a page of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// OAuth's authorization request: a code for tokens.
    Authorize,
    /// A callback that gets a code for a key that lasts.
    Callback,
    /// An app on the person's own machine that gets the key itself.
    HandOver,
}

/// Who decides: a signed-in person, in one of their browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// The person.
    pub user: UserId,
    /// Their session.
    pub session: SessionId,
}

impl Person {
    pub(super) const fn actor(self) -> Actor {
        Actor::Session(self.session)
    }
}

/// The cap that a person chooses for an app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapChoice {
    /// The amount; the one of before, or else the operator's default, where `None`.
    pub amount: Option<NanoUsd>,
    /// When it begins anew.
    pub reset: Edit<LimitReset>,
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The app gets what it asks for.
    Allow(CapChoice),
    /// It does not.
    Deny,
}

/// What is shown to a person before they decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The app; `None` where it is not registered.
    pub partner: Option<Partner>,
    /// The host that they are sent to, or the scheme of an app on their machine.
    pub host: String,
    /// The cap where they choose none.
    pub cap_default: NanoUsd,
    /// The highest one that they may choose.
    pub cap_max: NanoUsd,
}

/// A request that holds.
enum Held {
    Code(AuthorizationRequest, AppClient),
    Callback(AuthorizationRequest, Option<AppClient>),
    Key(KeyRequest, AppClient),
}

impl Connections {
    /// What an app asks for by this query, without the question mark.
    ///
    /// # Errors
    /// When it does not hold, or the store fails.
    pub async fn ask(&self, way: Way, query: &str) -> Result<Ask, ConnectionError> {
        Ok(match self.held(way, query).await? {
            Held::Code(request, app) | Held::Callback(request, Some(app)) => {
                self.ask_of(Some(app.partner), redirect_host(&request.redirect_url))
            }
            Held::Callback(request, None) => self.ask_of(None, redirect_host(&request.redirect_url)),
            Held::Key(request, app) => self.ask_of(Some(app.partner), redirect_host(&request.redirect_url)),
        })
    }

    pub(super) fn ask_of(&self, partner: Option<Partner>, host: String) -> Ask {
        let terms = self.terms();
        let (cap_default, cap_max) = match (&partner, terms.unregistered) {
            (None, Unregistered::CapMax(max)) => (terms.cap_default.min(max), max),
            _ => (terms.cap_default, terms.cap_max),
        };
        Ask { partner, host, cap_default, cap_max }
    }

    /// Does what a person decided, and returns where to send them. The query is read again: nothing that a page says of it is
    /// believed.
    ///
    /// # Errors
    /// When the request does not hold, the cap is out of bounds, or ledger or store fail.
    pub async fn decide(
        &self,
        (way, query): (Way, &str),
        person: Person,
        decision: Decision,
    ) -> Result<String, ConnectionError> {
        let held = self.held(way, query).await?;
        let Decision::Allow(cap) = decision else {
            return Ok(match held {
                Held::Code(request, _) | Held::Callback(request, _) => request.refused(&DENIED, self.issuer()),
                Held::Key(request, _) => request.refused(&DENIED, self.issuer()),
            });
        };
        match held {
            Held::Code(request, app) => {
                self.set_cap(person, &app.partner, cap).await?;
                self.code_for(&request, person, (CodeGives::Tokens, None)).await
            }
            Held::Callback(request, Some(app)) => {
                self.set_cap(person, &app.partner, cap).await?;
                self.code_for(&request, person, (CodeGives::Key, None)).await
            }
            Held::Callback(request, None) => {
                let amount = self.unregistered_cap(cap)?;
                self.code_for(&request, person, (CodeGives::Key, Some(amount))).await
            }
            Held::Key(request, app) => {
                self.set_cap(person, &app.partner, cap).await?;
                let (_, secret) = self.plain_key(person.user, &app, None).await?;
                Ok(request.granted(&secret))
            }
        }
    }

    async fn held(&self, way: Way, query: &str) -> Result<Held, ConnectionError> {
        match way {
            Way::Authorize => {
                let asked = Asked::read(query).map_err(|refusal| self.told(&refusal))?;
                let id = asked.client_id().map_err(|refusal| self.told(&refusal))?;
                let app = self.client(id).await?;
                let request = self.with_offer(|offer| asked.check(&app.client(), offer));
                Ok(Held::Code(request.map_err(|refusal| self.told(&refusal))?, app))
            }
            Way::Callback => self.held_callback(&CallbackAsked::read(query)?).await,
            Way::HandOver => {
                let asked = KeyAsked::read(query)?;
                let app = self.client(asked.client_id()?).await?;
                Ok(Held::Key(asked.check(&app.client())?, app))
            }
        }
    }

    async fn held_callback(&self, asked: &CallbackAsked) -> Result<Held, ConnectionError> {
        let app = match asked.client_id()? {
            Some(id) => Some(self.client(id).await?),
            None => self.app_of_callback(asked.callback_url()).await?,
        };
        if app.is_none() && self.terms().unregistered == Unregistered::Refused {
            return Err(ConnectionError::Unregistered);
        }
        let request = asked.check(app.as_ref().map(AppClient::client).as_ref())?;
        Ok(Held::Callback(request, app))
    }

    /// Where a refusal goes: to the client, or to a page of ours.
    fn told(&self, refusal: &AuthorizationRefusal) -> ConnectionError {
        match (refusal.location(self.issuer()), refusal) {
            (Some(location), _) => ConnectionError::Redirected { location },
            (None, AuthorizationRefusal::Shown(refusal)) => (*refusal).into(),
            // A refusal without a location is one that is shown.
            (None, AuthorizationRefusal::Redirected { .. }) => INVALID_CLIENT.into(),
        }
    }

    async fn code_for(
        &self,
        request: &AuthorizationRequest,
        person: Person,
        (gives, cap): (CodeGives, Option<NanoUsd>),
    ) -> Result<String, ConnectionError> {
        let now = self.now();
        let bearer = Bearer::generate(BearerKind::Code, self.random());
        let family = fresh_id(now, &*self.parts.entropy);
        let code = AuthorizationCode::new(&bearer, request, person.user, family, now);
        self.parts.tables.grants.add_code(&records::code_record(&code, gives, cap)).await?;
        Ok(request.granted(&bearer, self.issuer()))
    }

    fn unregistered_cap(&self, cap: CapChoice) -> Result<NanoUsd, ConnectionError> {
        let Unregistered::CapMax(max) = self.terms().unregistered else {
            return Err(ConnectionError::Unregistered);
        };
        let amount = cap.amount.unwrap_or(self.terms().cap_default.min(max));
        if amount <= NanoUsd::ZERO || amount > max { Err(ConnectionError::Cap { max }) } else { Ok(amount) }
    }
}
