//! Requests to the token endpoint (RFC 6749, sections 4.1.3 and 6; RFC 8628, section 3.4).

use super::authorize::{Offer, resources, scopes};
use super::bearer::{Bearer, BearerKind};
use super::form::{Form, invalid};
use super::pkce::CodeVerifier;
use super::refusal::{OauthError, OauthRefusal};
use opencredits_keys::{KeyDigest, UserKey};

pub(super) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(super) const REFRESH_TOKEN: &str = "refresh_token";
pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A request for tokens, as far as it can be read without a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// A code is exchanged.
    Code {
        /// Who asks.
        client_id: String,
        /// The digest of the code.
        code: KeyDigest,
        /// The proof.
        verifier: CodeVerifier,
        /// Where the code came to, if it is said.
        redirect_url: Option<String>,
    },
    /// Tokens are refreshed.
    Refresh {
        /// Who asks.
        client_id: String,
        /// The digest of the refresh token.
        token: KeyDigest,
    },
    /// A terminal asks whether the person has decided.
    Device {
        /// Who asks.
        client_id: String,
        /// The digest of the device code.
        code: KeyDigest,
    },
}

impl TokenRequest {
    /// Reads a form. Clients are public and name themselves by `client_id`; the scopes cannot be narrowed here.
    ///
    /// # Errors
    /// [`OauthRefusal`] for a form that is malformed, a grant type that is not known, and a secret that none of ours looks
    /// like.
    pub fn read(form: &str) -> Result<Self, OauthRefusal> {
        let form = Form::read(form)?;
        let grant_type = form.required("grant_type", "grant_type is missing")?;
        let client_id = || form.required("client_id", "client_id is missing").map(str::to_owned);
        match grant_type {
            AUTHORIZATION_CODE => Ok(Self::Code {
                client_id: client_id()?,
                code: secret(BearerKind::Code, form.required("code", "code is missing")?)?,
                verifier: verifier(form.required("code_verifier", "code_verifier is missing; PKCE is required")?)?,
                redirect_url: form.one("redirect_uri")?.map(str::to_owned),
            }),
            REFRESH_TOKEN => Ok(Self::Refresh {
                client_id: client_id()?,
                token: secret(BearerKind::Refresh, form.required("refresh_token", "refresh_token is missing")?)?,
            }),
            DEVICE_CODE => Ok(Self::Device {
                client_id: client_id()?,
                code: secret(BearerKind::Device, form.required("device_code", "device_code is missing")?)?,
            }),
            _ => Err(OauthRefusal::new(OauthError::UnsupportedGrantType, "see grant_types_supported")),
        }
    }
}

/// A terminal's request for a device code (RFC 8628, section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequest {
    /// Who asks.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// For which resources.
    pub resources: Vec<String>,
}

impl DeviceRequest {
    /// Reads a form.
    ///
    /// # Errors
    /// [`OauthRefusal`] for a form that is malformed, a scope and a resource that do not exist.
    pub fn read(form: &str, offer: &Offer<'_>) -> Result<Self, OauthRefusal> {
        let form = Form::read(form)?;
        Ok(Self {
            client_id: form.required("client_id", "client_id is missing")?.to_owned(),
            scopes: scopes(form.one("scope")?, offer)?,
            resources: resources(form.all("resource"), offer)?,
        })
    }
}

/// A token that is to be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedToken {
    /// A refresh token.
    Refresh(KeyDigest),
    /// An access token: a user key.
    Access(KeyDigest),
}

/// A request to revoke a token (RFC 7009, section 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRequest {
    /// Who asks. Revoke nothing of another client.
    pub client_id: String,
    /// The token. None where it is none of ours, which is answered as if it had been revoked (section 2.2).
    pub token: Option<RevokedToken>,
}

impl RevocationRequest {
    /// Reads a form. The hint is not needed: the prefix tells what a token is.
    ///
    /// # Errors
    /// [`OauthRefusal`] for a form that is malformed.
    pub fn read(form: &str) -> Result<Self, OauthRefusal> {
        let form = Form::read(form)?;
        let text = form.required("token", "token is missing")?;
        let refresh = Bearer::digest_of(BearerKind::Refresh, text).map(RevokedToken::Refresh);
        let token = refresh.or_else(|| UserKey::digest_of(text).ok().map(RevokedToken::Access));
        Ok(Self { client_id: form.required("client_id", "client_id is missing")?.to_owned(), token })
    }
}

fn secret(kind: BearerKind, text: &str) -> Result<KeyDigest, OauthRefusal> {
    let refusal = OauthRefusal::new(OauthError::InvalidGrant, "it is not known, or not any more; ask the person again");
    Bearer::digest_of(kind, text).ok_or(refusal)
}

fn verifier(text: &str) -> Result<CodeVerifier, OauthRefusal> {
    CodeVerifier::parse(text).ok_or(invalid("code_verifier is not 43 to 128 characters of the unreserved ones"))
}
