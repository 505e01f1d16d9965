//! The token endpoint, and revocation.

use super::error::INVALID_GRANT;
use super::issue::AppKey;
use super::{AppClient, ConnectionError, Connections, records};
use crate::accounts::{AccountsError, Actor, Rotated};
use opencredits_identity::oauth::{
    Bearer, BearerKind, CodeVerifier, OauthError, OauthRefusal, Redeemed, Redemption, Refreshed, RevocationRequest,
    RevokedToken, TokenAnswer, TokenFamily, TokenRequest, asked_resources, is_within, redirect_host,
};
use opencredits_keys::{IssuedKey, KeyDigest};
use opencredits_store::{CodeGives, CodeRecord, GrantId, Key};
use opencredits_units::UnixMs;

/// How often a change of a family is tried again where another one came first.
const TRIES_MAX: usize = 8;

impl Connections {
    /// Answers a request to the token endpoint.
    ///
    /// # Errors
    /// [`ConnectionError::Oauth`] where it does not hold; or when ledger or store fail.
    pub async fn tokens(&self, form: &str) -> Result<TokenAnswer, ConnectionError> {
        let asked = self.with_offer(|offer| asked_resources(form, offer))?;
        match TokenRequest::read(form)? {
            TokenRequest::Code { client_id, code, verifier, redirect_url } => {
                let app = self.client(&client_id).await?;
                let redemption =
                    Redemption { client_id: &client_id, redirect_url: redirect_url.as_deref(), verifier: &verifier };
                self.exchange(&app, &code, &redemption, &asked).await
            }
            TokenRequest::Refresh { client_id, token } => {
                self.client(&client_id).await?;
                self.refresh(&client_id, &token, &asked).await
            }
            TokenRequest::Device { client_id, code } => {
                let app = self.client(&client_id).await?;
                self.poll(&app, &code, &asked).await
            }
        }
    }

    async fn exchange(
        &self,
        app: &AppClient,
        digest: &KeyDigest,
        redemption: &Redemption<'_>,
        asked: &[String],
    ) -> Result<TokenAnswer, ConnectionError> {
        let record = self.parts.tables.grants.code(digest).await?;
        let record = record.filter(|record| record.gives == CodeGives::Tokens).ok_or(INVALID_GRANT)?;
        let now = self.now();
        let consent = records::code(&record).consent;
        let resources = narrowed(&consent.resources, asked)?;
        let refresh = Bearer::generate(BearerKind::Refresh, self.random());
        let family = TokenFamily::new(record.family.cast(), consent, &refresh, now);
        self.redeem(&record, redemption, &family, now).await?;
        self.first_tokens(app, &family, (&refresh, now), resources).await
    }

    /// Uses a code up and begins its family, in one step. What was used before is used twice now, and all of it ends.
    async fn redeem(
        &self,
        record: &CodeRecord,
        redemption: &Redemption<'_>,
        family: &TokenFamily,
        now: UnixMs,
    ) -> Result<(), ConnectionError> {
        let mut code = records::code(record);
        let redeemed = code.redeem(redemption, now);
        let begun = records::family_record(family, 0, &self.lifetimes);
        let grants = &self.parts.tables.grants;
        let is_first = match redeemed {
            Redeemed::Granted(_) => grants.use_code(&record.digest, now, Some(&begun)).await?,
            Redeemed::Refused if code.used_at != record.used_at => grants.use_code(&record.digest, now, None).await?,
            Redeemed::Refused => return Err(INVALID_GRANT.into()),
            Redeemed::Reused(_) => false,
        };
        if !is_first {
            self.end_family(record.family, Actor::App).await?;
        }
        match redeemed {
            Redeemed::Granted(_) if is_first => Ok(()),
            _ => Err(INVALID_GRANT.into()),
        }
    }

    /// The first tokens of a family that was just begun.
    pub(super) async fn first_tokens(
        &self,
        app: &AppClient,
        family: &TokenFamily,
        (refresh, now): (&Bearer, UnixMs),
        resources: Vec<String>,
    ) -> Result<TokenAnswer, ConnectionError> {
        let expires_at = family.access_until(&self.lifetimes, now);
        let issued = self.issue(AppKey {
            user: family.consent.user,
            client_id: family.consent.client_id.clone(),
            partner: Some(app.partner.id),
            name: app.partner.name.clone(),
            cap: None,
            expires_at: Some(expires_at),
            family: Some(family.id.cast()),
            session: None,
            resources,
        });
        let (_, secret) = issued.await?.ok_or(INVALID_GRANT)?;
        Ok(TokenAnswer::new(family, (&secret, expires_at), refresh, now))
    }

    async fn refresh(
        &self,
        client_id: &str,
        token: &KeyDigest,
        asked: &[String],
    ) -> Result<TokenAnswer, ConnectionError> {
        for _ in 0..TRIES_MAX {
            let record = self.parts.tables.grants.family_of_token(token).await?.ok_or(INVALID_GRANT)?;
            let (mut family, now) = (records::family(&record), self.now());
            let resources = narrowed(&family.consent.resources, asked)?;
            let next = Bearer::generate(BearerKind::Refresh, self.random());
            match family.refresh(token, client_id, &next, (&self.lifetimes, now)) {
                Refreshed::Refused => return Err(INVALID_GRANT.into()),
                Refreshed::Reused => {
                    self.end_family(record.id, Actor::App).await?;
                    return Err(INVALID_GRANT.into());
                }
                Refreshed::Granted => {}
            }
            let changed = records::family_record(&family, record.version, &self.lifetimes);
            if self.parts.tables.grants.update_family(&changed).await? {
                let expires_at = family.access_until(&self.lifetimes, now);
                let secret = self.renewed(record.id, expires_at, &resources).await?;
                return Ok(TokenAnswer::new(&family, (&secret, expires_at), &next, now));
            }
        }
        // Whoever asks so often at once has another answer by now.
        Err(INVALID_GRANT.into())
    }

    /// A new secret for the family's key. Where the person has revoked the key, the family ends.
    async fn renewed(
        &self,
        family: GrantId,
        expires_at: UnixMs,
        resources: &[String],
    ) -> Result<IssuedKey, ConnectionError> {
        for key in self.parts.tables.connected.keys_of_family(family).await? {
            // Before the new secret is there, which ends what is remembered of the key.
            self.parts.tables.connected.set_resources(key, resources).await?;
            match self.parts.accounts.renew_app_key(key, expires_at).await {
                Ok(Rotated { secret, .. }) => return Ok(secret),
                Err(AccountsError::NoKey { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.end_family(family, Actor::App).await?;
        Err(INVALID_GRANT.into())
    }

    /// Exchanges a code of a callback for a key that lasts.
    ///
    /// # Errors
    /// [`ConnectionError::Oauth`] where it does not hold; or when ledger or store fail.
    pub async fn exchange_for_key(
        &self,
        code: &str,
        verifier: &CodeVerifier,
    ) -> Result<(Key, IssuedKey), ConnectionError> {
        let digest = Bearer::digest_of(BearerKind::Code, code).ok_or(INVALID_GRANT)?;
        let record = self.parts.tables.grants.code(&digest).await?;
        let record = record.filter(|record| record.gives == CodeGives::Key).ok_or(INVALID_GRANT)?;
        let (now, consent) = (self.now(), records::code(&record).consent);
        let app = match record.cap {
            Some(_) => None,
            None => Some(self.client(&consent.client_id).await?),
        };
        // It has no refresh token: the family is what a second use of the code revokes.
        let family = TokenFamily {
            id: record.family.cast(),
            consent: consent.clone(),
            current: Vec::new(),
            replaced: None,
            created_at: now,
            refreshed_at: now,
            revoked_at: None,
        };
        let redemption = Redemption { client_id: &consent.client_id, redirect_url: None, verifier };
        self.redeem(&record, &redemption, &family, now).await?;
        let resources = consent.resources.clone();
        let name = app.as_ref().map_or_else(|| redirect_host(&record.redirect_url), |app| app.partner.name.clone());
        let issued = self.issue(AppKey {
            user: consent.user,
            client_id: consent.client_id,
            partner: app.map(|app| app.partner.id),
            name,
            cap: record.cap,
            expires_at: None,
            family: Some(record.family),
            session: None,
            resources,
        });
        Ok(issued.await?.ok_or(INVALID_GRANT)?)
    }

    /// Revokes what a client does not need any more. What is not known, or another client's, is answered in the same way.
    ///
    /// # Errors
    /// [`ConnectionError::Oauth`] for a form that is malformed and for an unknown client; or when the store fails.
    pub async fn revoke(&self, form: &str) -> Result<(), ConnectionError> {
        let RevocationRequest { client_id, token } = RevocationRequest::read(form)?;
        self.client(&client_id).await?;
        match token {
            Some(RevokedToken::Refresh(digest)) => {
                let family = self.parts.tables.grants.family_of_token(&digest).await?;
                match family.filter(|family| family.consent.client_id == client_id) {
                    Some(family) => self.end_family(family.id, Actor::App).await,
                    None => Ok(()),
                }
            }
            Some(RevokedToken::Access(digest)) => {
                let Some(key) = self.parts.accounts.key_with(&digest).await? else { return Ok(()) };
                let connected = self.parts.tables.connected.connected_key(key).await?;
                match connected.filter(|connected| connected.client_id == client_id) {
                    Some(_) => self.end_key(key, Actor::App).await,
                    None => Ok(()),
                }
            }
            None => Ok(()),
        }
    }
}

/// The resources of a token: those that are asked for, where the person agreed to them, and else all that they agreed to.
pub(super) fn narrowed(granted: &[String], asked: &[String]) -> Result<Vec<String>, ConnectionError> {
    if asked.is_empty() {
        return Ok(granted.to_vec());
    }
    if asked.iter().all(|resource| is_within(granted, resource)) {
        return Ok(asked.to_vec());
    }
    let outside = "the person agreed to other resources; ask for one of those, or for none";
    Err(OauthRefusal::new(OauthError::InvalidTarget, outside).into())
}
