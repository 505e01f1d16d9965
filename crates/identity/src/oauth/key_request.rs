//! Two ways to a key besides the authorization request: a callback that gets a code (the form of key exchange that apps of
//! other gateways use), and an app on the person's own machine that gets the key itself.

use super::authorize::{AuthorizationRequest, Client, answer, challenge, state};
use super::form::{Form, invalid};
use super::issuer::Issuer;
use super::redirect::{is_on_machine, redirect_matches, redirect_problem, with_parameters};
use super::refusal::{OauthError, OauthRefusal};
use opencredits_keys::{Secret, SecretKey};

/// What a client id that stands for an unregistered callback begins with. No client that is registered has such an id.
const CALLBACK_ID: &str = "callback:";

/// A request for a key by a callback: `callback_url` and a PKCE challenge. Who asks need not be registered, so nothing here is
/// repeated to a person as a name.
#[derive(Clone)]
pub struct CallbackAsked {
    form: Form,
    callback_url: String,
}

impl CallbackAsked {
    /// Reads a query, without the question mark.
    ///
    /// # Errors
    /// [`OauthRefusal`] where the callback is missing or is no URL to send people back to. The person is sent nowhere.
    pub fn read(query: &str) -> Result<Self, OauthRefusal> {
        let form = Form::read(query)?;
        let callback_url = form.required("callback_url", "callback_url is missing")?.to_owned();
        match redirect_problem(&callback_url) {
            None => Ok(Self { form, callback_url }),
            Some(_) => Err(invalid("callback_url is neither https nor on the machine itself")),
        }
    }

    /// Where the person is to be sent back to.
    #[must_use]
    pub fn callback_url(&self) -> &str {
        &self.callback_url
    }

    /// The client that is named, if one is.
    ///
    /// # Errors
    /// [`OauthRefusal`] where it is named twice.
    pub fn client_id(&self) -> Result<Option<&str>, OauthRefusal> {
        self.form.one("client_id")
    }

    /// The request, of the registered client whose callback it is, or of nobody who is registered.
    ///
    /// # Errors
    /// [`OauthRefusal`] where the callback is not the client's, the challenge is not made with S256, or an app's own scheme
    /// is not registered: any program of the machine can claim one.
    pub fn check(&self, client: Option<&Client<'_>>) -> Result<AuthorizationRequest, OauthRefusal> {
        let client_id = match client {
            Some(client) if client.redirect_urls.iter().any(|listed| redirect_matches(listed, &self.callback_url)) => {
                client.id.to_owned()
            }
            Some(_) => return Err(invalid("callback_url is not registered for this client")),
            None if self.callback_url.starts_with("http") => format!("{CALLBACK_ID}{}", self.callback_url),
            None => return Err(invalid("a scheme of an app's own must be registered; use https or loopback")),
        };
        Ok(AuthorizationRequest {
            client_id,
            redirect_url: self.callback_url.clone(),
            state: state(&self.form)?,
            challenge: challenge(&self.form)?,
            scopes: Vec::new(),
            resources: Vec::new(),
        })
    }
}

impl AuthorizationRequest {
    /// Whether it comes from nobody who is registered.
    #[must_use]
    pub fn is_of_unregistered(&self) -> bool {
        self.client_id.starts_with(CALLBACK_ID)
    }
}

/// A request of an app on the person's own machine for a key in its redirect.
#[derive(Clone)]
pub struct KeyAsked(Form);

/// Such a request that may be shown to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the key goes. It is registered, and on the person's own machine.
    pub redirect_url: String,
    /// What the app wants back.
    pub state: Option<Secret<String>>,
}

impl KeyAsked {
    /// Reads a query, without the question mark.
    ///
    /// # Errors
    /// [`OauthRefusal`] where it is too long.
    pub fn read(query: &str) -> Result<Self, OauthRefusal> {
        Form::read(query).map(Self)
    }

    /// Who asks, to look the client up.
    ///
    /// # Errors
    /// [`OauthRefusal`] where it is not said, or said twice.
    pub fn client_id(&self) -> Result<&str, OauthRefusal> {
        self.0.required("publishable_key", "publishable_key is missing")
    }

    /// The request of `client`.
    ///
    /// # Errors
    /// [`OauthRefusal`] where the redirect is not the client's, or leaves the machine. The person is sent nowhere.
    pub fn check(&self, client: &Client<'_>) -> Result<KeyRequest, OauthRefusal> {
        if self.client_id()? != client.id {
            return Err(OauthRefusal::new(OauthError::InvalidClient, "publishable_key names another client"));
        }
        let asked = self.0.required("redirect_url", "redirect_url is missing")?;
        if !client.redirect_urls.iter().any(|listed| redirect_matches(listed, asked)) {
            return Err(invalid(
                "redirect_url is not registered for this publishable key; compare it letter by letter",
            ));
        }
        if !is_on_machine(asked) {
            return Err(invalid("a key goes to an app on the machine itself only; use /oauth/authorize for a website"));
        }
        Ok(KeyRequest { client_id: client.id.to_owned(), redirect_url: asked.to_owned(), state: state(&self.0)? })
    }
}

impl KeyRequest {
    /// Where to send a person who agreed. The URL has the key: it is written to no log.
    #[must_use]
    pub fn granted<K>(&self, key: &SecretKey<K>) -> String {
        let state = self.state.as_ref().map(|state| ("state", state.reveal().as_str()));
        let parameters: Vec<(&str, &str)> = [("key", key.reveal())].into_iter().chain(state).collect();
        with_parameters(&self.redirect_url, &parameters)
    }

    /// Where to send a person who did not.
    #[must_use]
    pub fn refused(&self, refusal: &OauthRefusal, issuer: &Issuer) -> String {
        let parameters = [("error", refusal.error.name()), ("error_description", refusal.error_description)];
        answer(&self.redirect_url, &parameters, self.state.as_ref(), issuer)
    }
}
