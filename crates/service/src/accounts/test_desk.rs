//! What partners get of test mode: a publishable key, and keys with play credits.

use super::{Accounts, AccountsError, Grant, NewKey, NewPartner, NewUser, PublishableKeyEdit};
use opencredits_keys::{IssuedKey, Mode};
use opencredits_store::{Key, Partner, PublishableKeyRecord, Rates, Standing, User};
use opencredits_units::{KeyId, NanoUsd, PartnerId};
use std::num::NonZeroU32;
use std::sync::Arc;

/// How fast a test key may send at first: the sandbox can be told to wait, and to write long texts.
const TEST_RATES: Rates =
    Rates { requests_per_minute: None, tokens_per_minute: None, parallel_max: NonZeroU32::new(20) };

/// A test key that was just made.
#[derive(Debug, Clone)]
pub struct NewTestKey {
    /// The partner, in test mode.
    pub partner: Partner,
    /// The person of test mode who has the play credits.
    pub user: User,
    /// The record.
    pub key: Key,
    /// The key, which is shown once.
    pub secret: IssuedKey,
}

/// Gives partners what they need of test mode.
#[derive(Clone)]
pub struct TestDesk {
    accounts: Arc<Accounts>,
    play_credits: NanoUsd,
}

impl TestDesk {
    /// On accounts of test mode; `None` where these are not.
    #[must_use]
    pub fn new(accounts: Arc<Accounts>, play_credits: NanoUsd) -> Option<Self> {
        (accounts.mode() == Mode::Test).then_some(Self { accounts, play_credits })
    }

    /// The partner of this id in test mode, which is added unless it is there.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn partner(&self, id: PartnerId, name: &str) -> Result<Partner, AccountsError> {
        match self.accounts.find_partner(&id.to_string()).await {
            Err(AccountsError::NoPartner { .. }) => {}
            found => return found,
        }
        let new = |name: String| NewPartner { name, share: None, markup: None };
        match self.accounts.insert_partner(Some(id), new(name.to_owned()), None).await {
            // Names are unique among partners of each mode; here it is the id that counts.
            Err(AccountsError::PartnerExists { .. }) => {
                self.accounts.insert_partner(Some(id), new(with_id(name, &id.to_string())), None).await
            }
            added => added,
        }
    }

    /// Gives a partner of test mode the share and the markup of the live one, so that charges and commission are the same.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn adopt(&self, live: &Partner) -> Result<Partner, AccountsError> {
        let partner = Partner { share: live.share, markup: live.markup, ..self.partner(live.id, &live.name).await? };
        self.accounts.put_partner(&partner).await?;
        Ok(partner)
    }

    /// Suspends whoever spends the play credits of this applicant.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn close(&self, id: PartnerId) -> Result<(), AccountsError> {
        let person = id.cast::<opencredits_units::User>().to_string();
        match self.accounts.set_standing(&person, Standing::Suspended, "rejected".to_owned()).await {
            // There is nobody where test mode was off when the application came.
            Ok(_) | Err(AccountsError::NoUser { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A new key with which a partner's developers send requests in test mode. All keys of a partner spend one balance of
    /// play credits, which the first one brings.
    ///
    /// # Errors
    /// When the name is out of bounds, or ledger or store fail.
    pub async fn issue(&self, id: PartnerId, name: &str, key_name: String) -> Result<NewTestKey, AccountsError> {
        let partner = self.partner(id, name).await?;
        let user = self.person(&partner).await?;
        let reason = "play credits".to_owned();
        let grant = Grant { user: user.id, amount: self.play_credits, id: Some(id.cast()), reason };
        // The entry has the partner's id: the second key brings no further credits, also where the setting has changed.
        if self.accounts.entry(id.cast()).await?.is_none() {
            self.accounts.grant_credits(grant).await?;
        }
        let new = NewKey {
            user: user.id,
            partner: Some(partner.id),
            name: key_name,
            limit: None,
            expires_at: None,
            allowed_models: None,
            rates: TEST_RATES,
        };
        let (key, secret) = self.accounts.add_key(new).await?;
        Ok(NewTestKey { partner, user, key, secret })
    }

    /// The keys of a partner's developers that are not revoked, in the order of their creation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keys(&self, id: PartnerId) -> Result<Vec<Key>, AccountsError> {
        let keys = self.accounts.list_keys(id.cast()).await?;
        Ok(keys.into_iter().filter(|key| key.revoked_at.is_none()).collect())
    }

    /// Revokes one of these keys.
    ///
    /// # Errors
    /// When there is no such key of this partner, or the store fails.
    pub async fn revoke(&self, id: PartnerId, key: KeyId) -> Result<Key, AccountsError> {
        self.accounts.key_in_force(key, Some(id.cast())).await?;
        self.accounts.revoke_key(key).await
    }

    /// The key that names the partner in test mode.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn publishable_key(&self, id: PartnerId, name: &str) -> Result<PublishableKeyRecord, AccountsError> {
        let partner = self.partner(id, name).await?;
        let keys = self.accounts.publishable_keys(&partner.id.to_string()).await?;
        let first = keys.into_iter().find(|key| key.key == partner.publishable_key);
        first.ok_or(AccountsError::NoKey { id: id.cast() })
    }

    /// Changes the pages that may use that key.
    ///
    /// # Errors
    /// When an origin is out of bounds, or ledger or store fail.
    pub async fn edit_publishable_key(
        &self,
        (id, name): (PartnerId, &str),
        edit: PublishableKeyEdit,
    ) -> Result<PublishableKeyRecord, AccountsError> {
        let key = self.publishable_key(id, name).await?;
        self.accounts.edit_publishable_key(key.id, edit).await
    }

    async fn person(&self, partner: &Partner) -> Result<User, AccountsError> {
        let id = Some(partner.id.cast());
        match self.accounts.find_user(&partner.id.cast::<opencredits_units::User>().to_string()).await {
            Err(AccountsError::NoUser { .. }) => {}
            found => return found,
        }
        match self.accounts.add_user(NewUser { id, label: partner.name.clone() }).await {
            Err(AccountsError::UserExists { .. }) => {
                let label = with_id(&partner.name, &partner.id.to_string());
                self.accounts.add_user(NewUser { id, label }).await
            }
            added => added,
        }
    }
}

/// A name that nobody else has.
fn with_id(name: &str, id: &str) -> String {
    let short = name.get(..name.floor_char_boundary(100)).unwrap_or_default();
    format!("{short} ({id})")
}
