//! Keys for apps, and the end of what was issued.

use super::{AppClient, CapChoice, ConnectionError, Connections, Person};
use crate::accounts::{AccountsError, Actor, Edit, NewKey, NewLimit};
use opencredits_keys::IssuedKey;
use opencredits_store::{ConnectedKey, GrantId, Key, LimitOwner, Partner, Rates, SessionId};
use opencredits_units::{KeyId, NanoUsd, PartnerId, UnixMs, UserId};

/// Keys of one app that a person has at once. For one more, the oldest is revoked: somebody who connects a new machine must not
/// be refused for the sake of one that is long gone.
const KEYS_OF_APP_MAX: usize = 50;
/// Keys on a page.
const PAGE: u32 = 100;
/// Pages of a person's keys that are read at most.
const PAGES_MAX: usize = 100;

/// A key to make for an app.
pub(super) struct AppKey {
    pub(super) user: UserId,
    pub(super) client_id: String,
    pub(super) partner: Option<PartnerId>,
    pub(super) name: String,
    /// What it may spend itself, where no grant of a partner bounds it.
    pub(super) cap: Option<NanoUsd>,
    pub(super) expires_at: Option<UnixMs>,
    pub(super) family: Option<GrantId>,
    pub(super) session: Option<SessionId>,
    /// Where it may be used; none for everywhere here.
    pub(super) resources: Vec<String>,
}

impl Connections {
    /// Makes a key for an app in a person's name, with the cap that they choose. It replaces the one that was made in the same
    /// session before.
    ///
    /// # Errors
    /// When the cap is out of bounds, or ledger or store fail.
    pub async fn connect(
        &self,
        person: Person,
        app: &AppClient,
        cap: CapChoice,
    ) -> Result<(Key, IssuedKey), ConnectionError> {
        self.set_cap(person, &app.partner, cap).await?;
        let made = self.parts.tables.connected.connected_keys_of(person.user, self.now()).await?;
        let is_replaced = |key: &ConnectedKey| {
            key.session == Some(person.session) && key.client_id == app.key.key && key.family.is_none()
        };
        let before: Vec<KeyId> = made.into_iter().filter(|(key, _)| is_replaced(key)).map(|(key, _)| key.key).collect();
        let new = self.plain_key(person.user, app, Some(person.session)).await?;
        self.parts.accounts.revoke_app_keys(&before, person.actor()).await?;
        Ok(new)
    }

    /// A key of a registered app that does not expire.
    pub(super) async fn plain_key(
        &self,
        user: UserId,
        app: &AppClient,
        session: Option<SessionId>,
    ) -> Result<(Key, IssuedKey), ConnectionError> {
        let issued = self.issue(AppKey {
            user,
            client_id: app.key.key.clone(),
            partner: Some(app.partner.id),
            name: app.partner.name.clone(),
            cap: None,
            expires_at: None,
            family: None,
            session,
            resources: Vec::new(),
        });
        // Without a family nothing can have been revoked meanwhile.
        issued.await?.ok_or(ConnectionError::NotConnected)
    }

    /// Makes a key and links it; none where its family was revoked meanwhile.
    pub(super) async fn issue(&self, new: AppKey) -> Result<Option<(Key, IssuedKey)>, ConnectionError> {
        let AppKey { user, client_id, partner, name, cap, expires_at, family, session, resources } = new;
        self.make_room(user, partner).await?;
        let limit = cap.map(|amount| NewLimit { amount, reset: None });
        let rates = Rates::default();
        let new = NewKey { user, partner, name, limit, expires_at, allowed_models: None, rates };
        let (key, secret) = self.parts.accounts.add_key(new).await?;
        let connected = ConnectedKey { key: key.id, user, client_id, family, session, resources };
        if self.parts.tables.connected.connect_key(&connected).await? {
            return Ok(Some((key, secret)));
        }
        self.parts.accounts.revoke_app_keys(&[key.id], Actor::App).await?;
        Ok(None)
    }

    /// Revokes the oldest keys of an app at a person where there are as many as there may be. Those of apps that are not
    /// registered count together.
    async fn make_room(&self, user: UserId, partner: Option<PartnerId>) -> Result<(), ConnectionError> {
        let mut there = self.keys_in_force(user).await?;
        there.retain(|key| key.partner == partner);
        if partner.is_none() {
            let connected = self.parts.tables.connected.connected_keys_of(user, self.now()).await?;
            there.retain(|key| connected.iter().any(|(connected, _)| connected.key == key.id));
        }
        let surplus = there.len().saturating_add(1).saturating_sub(KEYS_OF_APP_MAX);
        for key in there.iter().take(surplus) {
            self.end_key(key.id, Actor::App).await?;
        }
        Ok(())
    }

    /// A person's keys that are not revoked, by their creation.
    pub(super) async fn keys_in_force(&self, user: UserId) -> Result<Vec<Key>, ConnectionError> {
        let (mut all, mut after) = (Vec::new(), KeyId::default());
        for _ in 0..PAGES_MAX {
            let page = self.parts.accounts.keys_page(user, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            all.extend(page);
        }
        Ok(all)
    }

    /// Revokes a key, with its family.
    pub(super) async fn end_key(&self, key: KeyId, actor: Actor) -> Result<(), ConnectionError> {
        let connected = self.parts.tables.connected.connected_key(key).await?;
        if let Some(family) = connected.and_then(|connected| connected.family) {
            self.end_family(family, actor).await?;
        }
        Ok(self.parts.accounts.revoke_app_keys(&[key], actor).await?)
    }

    /// Revokes a family and all that it has issued, at once.
    pub(super) async fn end_family(&self, family: GrantId, actor: Actor) -> Result<(), ConnectionError> {
        let keys = self.parts.tables.grants.revoke_family(family, self.now()).await?;
        Ok(self.parts.accounts.revoke_app_keys(&keys, actor).await?)
    }

    /// Sets the cap of an app at a person.
    pub(super) async fn set_cap(
        &self,
        person: Person,
        partner: &Partner,
        choice: CapChoice,
    ) -> Result<(), ConnectionError> {
        let owner = LimitOwner::Grant(person.user, partner.id);
        let before = self.parts.accounts.limit(owner).await?.map(|balance| balance.limit);
        let terms = self.terms();
        let amount = choice.amount.or(before.map(|limit| limit.amount)).unwrap_or(terms.cap_default);
        // One of before may be higher: the operator has set it.
        let is_new = before.is_none_or(|limit| limit.amount != amount);
        if is_new && (amount <= NanoUsd::ZERO || amount > terms.cap_max) {
            return Err(ConnectionError::Cap { max: terms.cap_max });
        }
        let reset = match choice.reset {
            Edit::Keep => before.and_then(|limit| limit.reset),
            Edit::Set(reset) => Some(reset),
            Edit::Clear => None,
        };
        if !is_new && before.is_some_and(|limit| limit.reset == reset) {
            return Ok(());
        }
        let new = NewLimit { amount, reset };
        match self.parts.accounts.set_limit(owner, Some(new), person.actor()).await {
            Ok(_) => Ok(()),
            Err(AccountsError::NoPartner { .. }) => Err(ConnectionError::NoApp),
            Err(error) => Err(error.into()),
        }
    }
}
