//! Authorization requests (RFC 6749, section 4.1.1, with the rules of OAuth 2.1).

use super::bearer::Bearer;
use super::form::{Form, invalid};
use super::issuer::Issuer;
use super::pkce::CodeChallenge;
use super::redirect::{redirect_matches, with_parameters};
use super::refusal::{OauthError, OauthRefusal};
use opencredits_keys::Secret;

/// The longest state of a client, in bytes.
const STATE_BYTES_MAX: usize = 1_024;
/// The longest client id, in bytes.
const CLIENT_ID_BYTES_MAX: usize = 500;
/// The most scopes, or resources, of a request.
pub(super) const NAMES_MAX: usize = 16;

/// A client as it was registered. It is public: it has no secret, and proves itself by PKCE.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// Its id.
    pub id: &'a str,
    /// Where people may be sent back to.
    pub redirect_urls: &'a [String],
}

/// What there is to ask for.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The scopes. A request without one gets all of them.
    pub scopes: &'a [&'a str],
    /// The resources (RFC 8707): the URLs of our APIs.
    pub resources: &'a [&'a str],
}

/// The parameters of a request, before anything in them is believed.
#[derive(Clone)]
pub struct Asked(Form);

/// A request that may be shown to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the person is sent back to. It is registered.
    pub redirect_url: String,
    /// What the client wants back.
    pub state: Option<Secret<String>>,
    /// What the code is bound to.
    pub challenge: CodeChallenge,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// For which resources.
    pub resources: Vec<String>,
}

/// A request that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationRefusal {
    /// The client or the redirect is not known. The person is told on a page of ours, and sent nowhere (RFC 6749, section
    /// 4.1.2.1).
    Shown(OauthRefusal),
    /// The client is told, at a redirect that is registered.
    Redirected {
        /// What is wrong.
        refusal: OauthRefusal,
        /// Where to.
        redirect_url: String,
        /// What the client wants back.
        state: Option<Secret<String>>,
    },
}

impl AuthorizationRefusal {
    /// Where to send the person; none where they are shown a page.
    #[must_use]
    pub fn location(&self, issuer: &Issuer) -> Option<String> {
        match self {
            Self::Shown(_) => None,
            Self::Redirected { refusal, redirect_url, state } => {
                let parameters = [("error", refusal.error.name()), ("error_description", refusal.error_description)];
                Some(answer(redirect_url, &parameters, state.as_ref(), issuer))
            }
        }
    }
}

impl Asked {
    /// Reads a query, without the question mark.
    ///
    /// # Errors
    /// [`AuthorizationRefusal::Shown`] where it is too long.
    pub fn read(query: &str) -> Result<Self, AuthorizationRefusal> {
        Form::read(query).map(Self).map_err(AuthorizationRefusal::Shown)
    }

    /// Who asks, to look the client up.
    ///
    /// # Errors
    /// [`AuthorizationRefusal::Shown`] where it is not said, or said twice.
    pub fn client_id(&self) -> Result<&str, AuthorizationRefusal> {
        let id = self.0.required("client_id", "client_id is missing").map_err(AuthorizationRefusal::Shown)?;
        if id.len() > CLIENT_ID_BYTES_MAX {
            return Err(AuthorizationRefusal::Shown(invalid("client_id is too long")));
        }
        Ok(id)
    }

    /// The request of `client`, which is the one that [`Asked::client_id`] names.
    ///
    /// # Errors
    /// [`AuthorizationRefusal`], which says whether the client may be told.
    pub fn check(&self, client: &Client<'_>, offer: &Offer<'_>) -> Result<AuthorizationRequest, AuthorizationRefusal> {
        if self.client_id()? != client.id {
            let refusal = OauthRefusal::new(OauthError::InvalidClient, "client_id names another client");
            return Err(AuthorizationRefusal::Shown(refusal));
        }
        let redirect_url = self.redirect_url(client).map_err(AuthorizationRefusal::Shown)?;
        // From here on the client may be told, with its state, unless that is what is wrong.
        let state = self.state();
        let told = state.as_ref().ok().cloned().flatten();
        let rest = state.and_then(|state| self.rest(client, offer, (redirect_url, state)));
        rest.map_err(|refusal| AuthorizationRefusal::Redirected {
            refusal,
            redirect_url: redirect_url.to_owned(),
            state: told,
        })
    }

    /// The redirect, which may be left out where just one is registered (OAuth 2.1, section 4.1.1).
    fn redirect_url<'a>(&'a self, client: &Client<'a>) -> Result<&'a str, OauthRefusal> {
        let asked = match (self.0.one("redirect_uri")?, client.redirect_urls) {
            (Some(asked), _) => asked,
            (None, [only]) => only.as_str(),
            (None, _) => return Err(invalid("redirect_uri is missing, and the client has not just one")),
        };
        if client.redirect_urls.iter().any(|listed| redirect_matches(listed, asked)) {
            return Ok(asked);
        }
        Err(invalid("redirect_uri is not registered for this client; compare it letter by letter"))
    }

    fn state(&self) -> Result<Option<Secret<String>>, OauthRefusal> {
        state(&self.0)
    }

    fn rest(
        &self,
        client: &Client<'_>,
        offer: &Offer<'_>,
        (redirect_url, state): (&str, Option<Secret<String>>),
    ) -> Result<AuthorizationRequest, OauthRefusal> {
        if self.0.required("response_type", "response_type is missing; it is code")? != "code" {
            return Err(OauthRefusal::new(OauthError::UnsupportedResponseType, "the only response_type is code"));
        }
        if self.0.one("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(invalid("the only response_mode is query"));
        }
        if self.0.all("request").chain(self.0.all("request_uri")).next().is_some() {
            return Err(invalid("request objects are not read; send the parameters themselves"));
        }
        Ok(AuthorizationRequest {
            client_id: client.id.to_owned(),
            redirect_url: redirect_url.to_owned(),
            state,
            challenge: self.challenge()?,
            scopes: scopes(self.0.one("scope")?, offer)?,
            resources: resources(self.0.all("resource"), offer)?,
        })
    }

    fn challenge(&self) -> Result<CodeChallenge, OauthRefusal> {
        challenge(&self.0)
    }
}

/// What a client wants back.
pub(super) fn state(form: &Form) -> Result<Option<Secret<String>>, OauthRefusal> {
    match form.one("state")? {
        Some(state) if state.len() > STATE_BYTES_MAX => Err(invalid("state has more than 1024 bytes")),
        state => Ok(state.map(|state| Secret::new(state.to_owned()))),
    }
}

/// The challenge of a request, which is made with S256.
pub(super) fn challenge(form: &Form) -> Result<CodeChallenge, OauthRefusal> {
    let text = form.required("code_challenge", "code_challenge is missing; PKCE is required")?;
    // Without a method it would be `plain` (RFC 7636, section 4.3).
    let method = form.required("code_challenge_method", "code_challenge_method is missing; it is S256")?;
    if method != "S256" {
        return Err(invalid("the only code_challenge_method is S256"));
    }
    CodeChallenge::parse(text).ok_or(invalid("code_challenge is no SHA-256 in base64url without padding"))
}

impl AuthorizationRequest {
    /// Where to send a person who agreed, with the code.
    #[must_use]
    pub fn granted(&self, code: &Bearer, issuer: &Issuer) -> String {
        answer(&self.redirect_url, &[("code", code.reveal())], self.state.as_ref(), issuer)
    }

    /// Where to send a person who did not, or whom we failed.
    #[must_use]
    pub fn refused(&self, refusal: &OauthRefusal, issuer: &Issuer) -> String {
        let parameters = [("error", refusal.error.name()), ("error_description", refusal.error_description)];
        answer(&self.redirect_url, &parameters, self.state.as_ref(), issuer)
    }
}

/// Each answer names its issuer, so that a client of several servers cannot be made to mix them up (RFC 9207).
pub(super) fn answer(
    redirect_url: &str,
    parameters: &[(&str, &str)],
    state: Option<&Secret<String>>,
    issuer: &Issuer,
) -> String {
    let state = state.map(|state| ("state", state.reveal().as_str()));
    let parameters: Vec<(&str, &str)> =
        parameters.iter().copied().chain(state).chain([("iss", issuer.as_str())]).collect();
    with_parameters(redirect_url, &parameters)
}

/// The scopes that are asked for (RFC 6749, section 3.3).
pub(super) fn scopes(asked: Option<&str>, offer: &Offer<'_>) -> Result<Vec<String>, OauthRefusal> {
    let Some(asked) = asked else {
        return Ok(offer.scopes.iter().map(|scope| (*scope).to_owned()).collect());
    };
    let mut scopes: Vec<String> = Vec::new();
    for scope in asked.split(' ').filter(|scope| !scope.is_empty()) {
        if !offer.scopes.contains(&scope) || scopes.len() >= NAMES_MAX {
            return Err(OauthRefusal::new(OauthError::InvalidScope, "there is no such scope; see scopes_supported"));
        }
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    if scopes.is_empty() { Err(invalid("scope names none; leave it out for all")) } else { Ok(scopes) }
}

/// The resources that are asked for (RFC 8707, section 2).
pub(super) fn resources<'a>(
    asked: impl Iterator<Item = &'a str>,
    offer: &Offer<'_>,
) -> Result<Vec<String>, OauthRefusal> {
    let mut resources: Vec<String> = Vec::new();
    for resource in asked {
        // A URL and the same one with a slash are one resource: clients write both.
        let plain = resource.trim_end_matches('/');
        let known = offer.resources.iter().find(|known| known.trim_end_matches('/') == plain);
        let known = known.filter(|_| resources.len() < NAMES_MAX).copied();
        let known = known.ok_or(OauthRefusal::new(OauthError::InvalidTarget, "there is no such resource here"))?;
        if !resources.iter().any(|listed| listed == known) {
            resources.push(known.to_owned());
        }
    }
    Ok(resources)
}
