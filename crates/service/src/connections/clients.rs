//! Clients: an app is registered as a partner, and its publishable keys are its client ids.

use super::error::INVALID_CLIENT;
use super::{ConnectionError, Connections};
use opencredits_identity::oauth::Client;
use opencredits_store::{Partner, PublishableKeyRecord, Standing};

/// A registered app, by one of its publishable keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppClient {
    /// The key, with what is registered for it.
    pub key: PublishableKeyRecord,
    /// The partner.
    pub partner: Partner,
}

impl AppClient {
    pub(super) fn client(&self) -> Client<'_> {
        Client { id: &self.key.key, redirect_urls: &self.key.redirect_urls }
    }
}

impl Connections {
    /// The app with this publishable key.
    ///
    /// # Errors
    /// [`ConnectionError::NoApp`] where it is unknown or revoked or its partner is suspended; or when the store fails.
    pub async fn app(&self, publishable_key: &str) -> Result<AppClient, ConnectionError> {
        let found = self.parts.tables.publishable.publishable_key(publishable_key).await?;
        let key = found.filter(|key| key.revoked_at.is_none()).ok_or(ConnectionError::NoApp)?;
        let partner = self.parts.tables.partners.partner(key.partner).await?;
        let partner = partner.filter(|partner| partner.standing == Standing::Good).ok_or(ConnectionError::NoApp)?;
        Ok(AppClient { key, partner })
    }

    /// The same for a client, which is told by OAuth's own error.
    pub(super) async fn client(&self, client_id: &str) -> Result<AppClient, ConnectionError> {
        match self.app(client_id).await {
            Err(ConnectionError::NoApp) => Err(INVALID_CLIENT.into()),
            found => found,
        }
    }

    /// The one app that has registered a callback, where no client is named. A loopback address may be registered by many
    /// apps, and so by itself names none.
    pub(super) async fn app_of_callback(&self, url: &str) -> Result<Option<AppClient>, ConnectionError> {
        if url.starts_with("http:") {
            return Ok(None);
        }
        let mut owners: Vec<AppClient> = Vec::new();
        for key in self.parts.tables.connected.clients_with_redirect(url).await? {
            match self.app(&key).await {
                Ok(app) if owners.iter().any(|other| other.partner.id == app.partner.id) => {}
                Ok(app) => owners.push(app),
                Err(ConnectionError::NoApp) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(owners.pop().filter(|_| owners.is_empty()))
    }
}
