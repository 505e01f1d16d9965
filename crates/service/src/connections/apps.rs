//! The apps that a person has connected.

use super::{CapChoice, ConnectionError, Connections, Person, Unregistered};
use crate::accounts::{AccountsError, Edit, KeyEdit};
use crate::limits::LimitBalance;
use crate::usage::GenerationFilter;
use opencredits_store::{Days, Key, LimitOwner, UsageBy, UsageFilter, UsageOf, UsageOrder, UsageQuery};
use opencredits_units::{KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use std::collections::BTreeMap;
use std::fmt;

/// The most groups of usage that are read for one list.
const GROUPS_MAX: u32 = 10_000;

/// Names a connected app: its partner, or the key of one that is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AppId {
    /// A registered app.
    Partner(PartnerId),
    /// An app that is not registered.
    Key(KeyId),
}

impl AppId {
    /// The id in a text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Partner).or_else(|_| text.parse().map(Self::Key)).ok()
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partner(id) => id.fmt(f),
            Self::Key(id) => id.fmt(f),
        }
    }
}

/// An app that a person has connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedApp {
    /// Its id.
    pub id: AppId,
    /// Its name; the host of its callback where it is not registered.
    pub name: String,
    /// Its cap; none where the operator made its keys without one.
    pub cap: Option<LimitBalance>,
    /// What it has spent under its cap; in all where it has none.
    pub spent: NanoUsd,
    /// When it sent its last request.
    pub last_used_at: Option<UnixMs>,
    /// When the oldest of its keys was made.
    pub connected_at: UnixMs,
    /// How many keys it has in force.
    pub keys: u32,
}

impl Connections {
    /// The apps that a person has connected, in the order in which they were.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn apps_of(&self, user: UserId) -> Result<Vec<ConnectedApp>, ConnectionError> {
        self.parts.usage.refresh().await?;
        let charged = self.charged_by_partner(user).await?;
        let mut apps = Vec::new();
        for (id, keys) in self.keys_by_app(user).await? {
            apps.push(self.shown(user, (id, &keys), &charged).await?);
        }
        apps.sort_by_key(|app| (app.connected_at, app.id));
        Ok(apps)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`ConnectionError::NotConnected`] where it is none of theirs; or when ledger or store fail.
    pub async fn app_of(&self, user: UserId, id: AppId) -> Result<ConnectedApp, ConnectionError> {
        self.parts.usage.refresh().await?;
        let charged = self.charged_by_partner(user).await?;
        let keys = self.keys_by_app(user).await?.remove(&id).ok_or(ConnectionError::NotConnected)?;
        self.shown(user, (id, &keys), &charged).await
    }

    /// Changes the cap of a connected app. What was spent stays spent.
    ///
    /// # Errors
    /// [`ConnectionError::NotConnected`] where it is none of theirs, [`ConnectionError::Cap`] where it is out of bounds; or when
    /// ledger or store fail.
    pub async fn change_cap(&self, person: Person, id: AppId, cap: CapChoice) -> Result<ConnectedApp, ConnectionError> {
        let keys = self.keys_by_app(person.user).await?.remove(&id).ok_or(ConnectionError::NotConnected)?;
        match id {
            AppId::Partner(partner) => {
                let partner = self.parts.tables.partners.partner(partner).await?;
                self.set_cap(person, &partner.ok_or(ConnectionError::NotConnected)?, cap).await?;
            }
            AppId::Key(key) => self.change_key_cap(person, (key, keys.first()), cap).await?,
        }
        self.app_of(person.user, id).await
    }

    async fn change_key_cap(
        &self,
        person: Person,
        (id, key): (KeyId, Option<&Key>),
        cap: CapChoice,
    ) -> Result<(), ConnectionError> {
        let max = match self.terms().unregistered {
            Unregistered::CapMax(max) => max,
            // A cap of before may be lowered all the same.
            Unregistered::Refused => key.and_then(|key| key.limit).map_or(NanoUsd::ZERO, |limit| limit.amount),
        };
        if cap.amount.is_some_and(|amount| amount <= NanoUsd::ZERO || amount > max) {
            return Err(ConnectionError::Cap { max });
        }
        let limit = cap.amount.map_or(Edit::Keep, Edit::Set);
        let edit = KeyEdit { limit, limit_reset: cap.reset, ..KeyEdit::default() };
        match self.parts.accounts.edit_key((id, Some(person.user)), edit, person.actor()).await {
            Ok(_) => Ok(()),
            Err(AccountsError::NoKey { .. }) => Err(ConnectionError::NotConnected),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes everything back that an app got of a person, at once: keys, tokens, codes, and what a terminal still waits for.
    ///
    /// # Errors
    /// [`ConnectionError::NotConnected`] where it is none of theirs; or when ledger or store fail. It may be repeated then.
    pub async fn disconnect(&self, person: Person, id: AppId) -> Result<(), ConnectionError> {
        let user = person.user;
        let partner = match id {
            AppId::Key(key) => {
                self.keys_by_app(user).await?.remove(&id).ok_or(ConnectionError::NotConnected)?;
                return self.end_key(key, person.actor()).await;
            }
            AppId::Partner(partner) => partner,
        };
        let owner = LimitOwner::Grant(user, partner);
        // Grants end first: a key that is made of one meanwhile finds it revoked.
        self.parts.tables.grants.end_grants(user, partner, self.now()).await?;
        let mut keys: Vec<KeyId> = Vec::new();
        for key in self.keys_in_force(user).await? {
            if key.partner == Some(partner) {
                keys.push(key.id);
            }
        }
        self.parts.accounts.revoke_app_keys(&keys, person.actor()).await?;
        let has_cap = self.parts.accounts.limit(owner).await?.is_some();
        if has_cap {
            // An app that is connected again begins at nothing spent.
            self.parts.accounts.set_limit(owner, None, person.actor()).await?;
        }
        if keys.is_empty() && !has_cap { Err(ConnectionError::NotConnected) } else { Ok(()) }
    }

    /// A person's keys that apps can use, by app. An expired access token counts while it can be refreshed.
    async fn keys_by_app(&self, user: UserId) -> Result<BTreeMap<AppId, Vec<Key>>, ConnectionError> {
        let now = self.now();
        let connected = self.parts.tables.connected.connected_keys_of(user, now).await?;
        let mut apps: BTreeMap<AppId, Vec<Key>> = BTreeMap::new();
        for key in self.keys_in_force(user).await? {
            let link = connected.iter().find(|(connected, _)| connected.key == key.id);
            let is_over = key.expires_at.is_some_and(|end| end <= now);
            let lasts = link.is_some_and(|(_, family_ends_at)| family_ends_at.is_some());
            let id = match (key.partner, link) {
                _ if is_over && !lasts => continue,
                (Some(partner), _) => AppId::Partner(partner),
                (None, Some(_)) => AppId::Key(key.id),
                (None, None) => continue,
            };
            apps.entry(id).or_default().push(key);
        }
        Ok(apps)
    }

    async fn shown(
        &self,
        user: UserId,
        (id, keys): (AppId, &[Key]),
        charged: &BTreeMap<PartnerId, NanoUsd>,
    ) -> Result<ConnectedApp, ConnectionError> {
        let first = keys.first().ok_or(ConnectionError::NotConnected)?;
        let (name, cap) = match id {
            AppId::Partner(partner) => {
                let found = self.parts.tables.partners.partner(partner).await?;
                let name = found.map_or_else(|| first.name.clone(), |partner| partner.name);
                (name, self.parts.accounts.limit(LimitOwner::Grant(user, partner)).await?)
            }
            AppId::Key(_) => (first.name.clone(), self.parts.accounts.left_of(first.limit).await?),
        };
        let in_all = match id {
            AppId::Partner(partner) => charged.get(&partner).copied().unwrap_or_default(),
            AppId::Key(_) => NanoUsd::ZERO,
        };
        let spent = match &cap {
            Some(cap) => self.parts.accounts.spent_of(&cap.limit).await?,
            None => in_all,
        };
        Ok(ConnectedApp {
            id,
            name,
            spent,
            cap,
            last_used_at: self.last_use(user, id).await?,
            connected_at: first.created_at,
            keys: u32::try_from(keys.len()).unwrap_or(u32::MAX),
        })
    }

    async fn charged_by_partner(&self, user: UserId) -> Result<BTreeMap<PartnerId, NanoUsd>, ConnectionError> {
        let filter = UsageFilter::of(UsageOf::User(user));
        let by = vec![UsageBy::Partner];
        let query = UsageQuery { filter, days: Days::ALL, by, order: UsageOrder::Highest, max: GROUPS_MAX };
        let groups = self.parts.usage.sums(query).await?;
        Ok(groups.into_iter().filter_map(|group| Some((group.partner?, group.sums.charged))).collect())
    }

    async fn last_use(&self, user: UserId, id: AppId) -> Result<Option<UnixMs>, ConnectionError> {
        let usage = match id {
            AppId::Partner(partner) => UsageFilter { partner: Some(partner), ..UsageFilter::of(UsageOf::User(user)) },
            AppId::Key(key) => UsageFilter::of(UsageOf::Key(key)),
        };
        let filter = GenerationFilter { usage, status: None, from: UnixMs::default(), until: None };
        let page = self.parts.usage.generations(filter, None, 1).await?;
        Ok(page.requests.first().map(|request| request.id.made_at()))
    }
}
