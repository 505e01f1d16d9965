//! The key ring: finds the spender of a key, with a cache in front of the store.

use crate::actor::Actor;
use crate::earner_terms::EarnerTerms;
use crate::fault::{Fault, KeyFault};
use crate::limits::{BegunUntil, LimitKind};
use crate::partners::PartnerTerms;
use crate::ports::{Clock, Entropy};
use crate::rates::{KeyRates, RateSharing};
use moka::Entry;
use moka::ops::compute::{CompResult, Op};
use moka::sync::Cache;
use opencredits_identity::oauth::is_for;
use opencredits_keys::KeyDigest;
use opencredits_store::{
    ConnectedKeys, Key, KeyRotations, Keys, LimitOwner, ManagementKeys, Partner, PartnerKeys, Partners, PrivacyStates,
    Rates, SharedRates, SpendingLimit, SpendingLimits, Standing, Store, Users,
};
use opencredits_units::{AccountId, BasisPoints, Id, KeyId, PartnerId, UnixMs, UserId};
use parking_lot::RwLock;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The largest number of cached keys.
const KEYS_MAX: u64 = 100_000;
/// How long a key stays in the cache: the longest time that another process's change goes unnoticed. Our own changes
/// clear it.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Rates of a key that sends nothing for so long are forgotten: every minute of theirs is full again, and no request runs.
const RATES_IDLE: Duration = Duration::from_secs(7_200);

/// What stands before most paths that take a key.
const API_PATH: &str = "/v1";

/// Changes that a person may make in a minute with management keys: each may leave rows and accounts that stay.
const CHANGES: Rates = Rates { requests_per_minute: NonZeroU32::new(60), tokens_per_minute: None, parallel_max: None };

/// Requests for a partner's figures in a minute: each sums up much.
const REPORTS: Rates = Rates { requests_per_minute: NonZeroU32::new(60), tokens_per_minute: None, parallel_max: None };

/// The partner that earns a share of a key's spending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earner {
    /// The partner's earnings account.
    pub account: AccountId,
    /// Its share of the markup.
    pub share: BasisPoints,
}

/// A limit of a spender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitTerms {
    /// Whose limit it is.
    pub kind: LimitKind,
    /// The limit.
    pub limit: SpendingLimit,
}

/// The data of a key that its requests need.
#[derive(Clone)]
pub struct Spender {
    /// The key.
    pub key: KeyId,
    /// The owner's name for the key.
    pub label: String,
    /// The person.
    pub user: UserId,
    /// The person's wallet.
    pub wallet: AccountId,
    /// Limits that are held together with the wallet.
    pub limits: Vec<AccountId>,
    /// The terms of the same limits, in the same order.
    pub limit_terms: Vec<LimitTerms>,
    /// Until when they need not begin anew.
    pub limits_begun: BegunUntil,
    /// How fast the key may send; `None` where nothing is bounded.
    pub rates: Option<Arc<KeyRates>>,
    /// The partner that issued the key.
    pub partner: Option<PartnerId>,
    /// The partner that earns a share. The attribution belongs to the key, never to a header.
    pub earner: Option<Earner>,
    /// The partner's own markup, where it has one; also where it earns nothing.
    pub markup: Option<BasisPoints>,
    /// Models that the key may use; all when `None`.
    pub allowed_models: Option<Vec<String>>,
    /// At which resources the key may be used, where it is the token of an app; none for everywhere here.
    pub resources: Vec<String>,
    /// The expiry of the key.
    pub expires_at: Option<UnixMs>,
    /// Whether the person may spend.
    pub standing: Standing,
    /// Whether the owner has switched the key off.
    pub disabled: bool,
    /// Whether keys rest: the person is restricted, or their account is going to be deleted.
    pub paused: bool,
}

impl Spender {
    /// The accounts that a hold of this spender rests on: the wallet and the limits.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.limits.iter().copied().chain([self.wallet])
    }

    /// The key's own limit.
    #[must_use]
    pub fn own_limit(&self) -> Option<&SpendingLimit> {
        self.limit_terms.iter().find(|terms| terms.kind == LimitKind::Key).map(|terms| &terms.limit)
    }
}

/// The person whose account a request manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manager {
    /// The person.
    pub user: UserId,
    /// The person's wallet.
    pub wallet: AccountId,
    /// What was sent: a management key, or a session's token.
    pub actor: Actor,
}

/// Finds keys by their digest.
pub struct KeyRing {
    keys: Arc<dyn Keys>,
    rotations: Arc<dyn KeyRotations>,
    users: Arc<dyn Users>,
    partners: Arc<dyn Partners>,
    management: Arc<dyn ManagementKeys>,
    partner_keys: Arc<dyn PartnerKeys>,
    limits: Arc<dyn SpendingLimits>,
    privacy: Arc<dyn PrivacyStates>,
    connected: Arc<dyn ConnectedKeys>,
    /// The URL that resources of ours begin with; empty where no app has tokens.
    origin: String,
    clock: Arc<dyn Clock>,
    terms: RwLock<EarnerTerms>,
    cache: Cache<KeyDigest, (u64, Option<Arc<Spender>>)>,
    /// The rates of limited keys, which outlive their cached data.
    rates: Cache<KeyId, Arc<KeyRates>>,
    /// What shares them with other processes.
    sharing: Option<Arc<RateSharing>>,
    /// The changes that people make.
    changes: Cache<UserId, Arc<KeyRates>>,
    /// The requests of partners for their figures.
    reports: Cache<PartnerId, Arc<KeyRates>>,
    /// Counts invalidations. A look-up that began before one is not cached: it may have missed the change.
    epoch: AtomicU64,
}

/// The tables that a [`KeyRing`] reads.
pub struct KeyTables {
    /// Keys.
    pub keys: Arc<dyn Keys>,
    /// Earlier secrets of rotated keys.
    pub rotations: Arc<dyn KeyRotations>,
    /// People.
    pub users: Arc<dyn Users>,
    /// Partners.
    pub partners: Arc<dyn Partners>,
    /// Management keys.
    pub management: Arc<dyn ManagementKeys>,
    /// Secret keys of partners.
    pub partner_keys: Arc<dyn PartnerKeys>,
    /// Limits of people and of apps at people.
    pub limits: Arc<dyn SpendingLimits>,
    /// What people have asked for about their data.
    pub privacy: Arc<dyn PrivacyStates>,
    /// The keys that apps got.
    pub connected: Arc<dyn ConnectedKeys>,
}

impl KeyTables {
    /// All of them from one store.
    pub fn of(store: impl Into<Arc<dyn Store>>) -> Self {
        let store: Arc<dyn Store> = store.into();
        Self {
            keys: store.clone(),
            rotations: store.clone(),
            users: store.clone(),
            partners: store.clone(),
            management: store.clone(),
            partner_keys: store.clone(),
            limits: store.clone(),
            privacy: store.clone(),
            connected: store,
        }
    }
}

impl KeyRing {
    /// A key ring over these tables; `default_share` applies to partners whose record has none.
    #[must_use]
    pub fn new(tables: KeyTables, clock: Arc<dyn Clock>, default_share: BasisPoints) -> Self {
        let cache = Cache::builder().max_capacity(KEYS_MAX).time_to_live(REMEMBERED).build();
        let KeyTables { keys, rotations, users, partners, management, partner_keys, limits, privacy, connected } =
            tables;
        let rates = Cache::builder().max_capacity(KEYS_MAX).time_to_idle(RATES_IDLE).build();
        let changes = Cache::builder().max_capacity(KEYS_MAX).time_to_idle(RATES_IDLE).build();
        let reports = Cache::builder().max_capacity(KEYS_MAX).time_to_idle(RATES_IDLE).build();
        Self {
            keys,
            rotations,
            users,
            partners,
            management,
            partner_keys,
            limits,
            privacy,
            connected,
            origin: String::new(),
            rates,
            sharing: None,
            changes,
            reports,
            clock,
            terms: RwLock::new(EarnerTerms::new(default_share)),
            cache,
            epoch: AtomicU64::new(0),
        }
    }

    /// The number of keys in the cache, about.
    #[must_use]
    pub fn cached(&self) -> u64 {
        self.cache.entry_count()
    }

    /// Holds partners' markups within these bounds, whatever their records say.
    #[must_use]
    pub fn with_markup_bounds(self, terms: &PartnerTerms) -> Self {
        self.set_markup_bounds(terms);
        self
    }

    /// The same from now on.
    pub fn set_markup_bounds(&self, terms: &PartnerTerms) {
        let mut held = self.terms.write();
        (held.markup_min, held.markup_max) = (terms.markup_min, terms.markup_max);
        drop(held);
        self.forget_all();
    }

    /// Gives partners whose record has no share this one from now on.
    pub fn set_default_share(&self, share: BasisPoints) {
        self.terms.write().default_share = share;
        self.forget_all();
    }

    /// Takes tokens for resources of this URL, and no others that are bound to resources.
    #[must_use]
    pub fn with_origin(mut self, origin: &str) -> Self {
        origin.clone_into(&mut self.origin);
        self
    }

    /// Shares rates with the other processes of this store, in which this process has the given name.
    #[must_use]
    pub fn with_shared_rates(mut self, rates: Arc<dyn SharedRates>, (process, entropy): (&str, &dyn Entropy)) -> Self {
        self.sharing = Some(RateSharing::begin(rates, Arc::clone(&self.clock), (process, entropy)));
        self
    }

    /// The rates that processes share, where they do.
    pub(crate) fn shared_rates(&self) -> Option<Arc<dyn SharedRates>> {
        self.sharing.as_ref().map(|sharing| sharing.store())
    }

    /// A partner's own markup, within the operator's bounds.
    #[must_use]
    pub fn markup_of(&self, partner: &Partner) -> Option<BasisPoints> {
        let EarnerTerms { markup_min, markup_max, .. } = *self.terms.read();
        partner.markup.map(|markup| markup.min(markup_max).max(markup_min))
    }

    /// The spender of the key with this digest, at the API.
    ///
    /// # Errors
    /// As [`Self::spender_at`].
    pub async fn spender(&self, digest: &KeyDigest) -> Result<Arc<Spender>, Fault> {
        self.spender_at(digest, API_PATH).await
    }

    /// The spender of the key with this digest, at a path.
    ///
    /// # Errors
    /// When the key does not exist, was revoked or has expired, when it is a token for another resource, when its person is
    /// suspended, or when the store fails.
    pub async fn spender_at(&self, digest: &KeyDigest, path: &str) -> Result<Arc<Spender>, Fault> {
        let epoch = self.epoch.load(Ordering::SeqCst);
        let found = match self.cache.get(digest) {
            Some((read, found)) if read == epoch => found,
            _ => {
                // In a box, since the keys of nearly all requests are in the cache.
                let found = Box::pin(self.look_up(digest)).await?.map(Arc::new);
                self.cache.insert(*digest, (epoch, found.clone()));
                found
            }
        };
        let spender = found.ok_or(KeyFault::Unknown)?;
        if spender.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(KeyFault::Expired.into());
        }
        if !is_for(&spender.resources, &self.origin, path) {
            return Err(KeyFault::OtherResource.into());
        }
        match spender.standing {
            Standing::Suspended => Err(KeyFault::Suspended.into()),
            Standing::Good if spender.paused => Err(KeyFault::Paused.into()),
            Standing::Good if spender.disabled => Err(KeyFault::Disabled.into()),
            Standing::Good => Ok(spender),
        }
    }

    /// The person of the management key with this digest. It is looked up each time: a revocation counts at once.
    ///
    /// # Errors
    /// When the key does not exist or was revoked, when its person is suspended, or when the store fails.
    pub async fn manager(&self, digest: &KeyDigest) -> Result<Manager, Fault> {
        let key = self.management.management_key(digest).await?.filter(|key| key.revoked_at.is_none());
        let key = key.ok_or(KeyFault::Unknown)?;
        if self.privacy.privacy_of(key.owner).await?.is_paused() {
            return Err(KeyFault::Paused.into());
        }
        self.acting(key.owner, Actor::Manager(key.id)).await
    }

    /// The person, who manages their account by a management key or by a session.
    ///
    /// # Errors
    /// When there is no such person, when they are suspended, or when the store fails.
    pub async fn acting(&self, user: UserId, actor: Actor) -> Result<Manager, Fault> {
        let user = self.users.user(user).await?.ok_or(KeyFault::Unknown)?;
        match user.standing {
            Standing::Good => Ok(Manager { user: user.id, wallet: user.wallet, actor }),
            Standing::Suspended => Err(KeyFault::Suspended.into()),
        }
    }

    /// The partner of the secret key with this digest. It is looked up each time: a revocation counts at once.
    ///
    /// # Errors
    /// When the key does not exist or was revoked, when its partner is suspended or asks too often, or when the store
    /// fails.
    pub async fn partner(&self, digest: &KeyDigest) -> Result<Partner, Fault> {
        let key = self.partner_keys.partner_key(digest).await?.filter(|key| key.revoked_at.is_none());
        let key = key.ok_or(KeyFault::Unknown)?;
        let partner = self.partners.partner(key.owner).await?.ok_or(KeyFault::Unknown)?;
        match partner.standing {
            Standing::Good => {
                self.admit(&self.reports, partner.id, REPORTS).await?;
                Ok(partner)
            }
            Standing::Suspended => Err(KeyFault::Suspended.into()),
        }
    }

    /// Admits a change that a person makes with a management key.
    ///
    /// # Errors
    /// When the person has made too many within a minute, or when the store fails.
    pub async fn admit_change(&self, manager: Manager) -> Result<(), Fault> {
        self.admit(&self.changes, manager.user, CHANGES).await
    }

    /// Admits one of the things that someone may do so often.
    async fn admit<K: 'static>(
        &self,
        all: &Cache<Id<K>, Arc<KeyRates>>,
        who: Id<K>,
        rates: Rates,
    ) -> Result<(), Fault> {
        let kept = all.entry(who).and_compute_with(|before| match before {
            Some(_) => Op::Nop,
            // Their ids are those of no key.
            None => self.fresh_rates(who.cast(), rates, None).map_or(Op::Nop, Op::Put),
        });
        match kept_rates(kept) {
            Some(rates) => rates.admit().await.map(drop),
            None => Ok(()),
        }
    }

    fn fresh_rates(&self, key: KeyId, rates: Rates, before: Option<&KeyRates>) -> Option<Arc<KeyRates>> {
        let fresh = match &self.sharing {
            Some(sharing) => KeyRates::shared(rates, before, (sharing, key)),
            None => KeyRates::new(rates, before, &self.clock),
        };
        fresh.map(Arc::new)
    }

    /// At most `max` limits that begin anew from time to time, by account, those above `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn limits_with_reset(&self, after: AccountId, max: u32) -> Result<Vec<SpendingLimit>, Fault> {
        Ok(self.limits.limits_with_reset(after, max).await?)
    }

    /// The partner that issued a key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn partner_of(&self, key: KeyId) -> Result<Option<PartnerId>, Fault> {
        Ok(self.keys.key(key).await?.and_then(|key| key.partner))
    }

    async fn look_up(&self, digest: &KeyDigest) -> Result<Option<Spender>, Fault> {
        let Some(key) = self.key_of(digest).await?.filter(|key| key.revoked_at.is_none()) else {
            return Ok(None);
        };
        let Some(user) = self.users.user(key.user).await? else {
            return Ok(None);
        };
        let partner = match key.partner {
            Some(id) => self.partners.partner(id).await?,
            None => None,
        };
        let earner = partner.as_ref().and_then(|partner| self.earner(&key, partner));
        let limit_terms = self.limit_terms(&key).await?;
        let rates = self.rates_of(&key);
        // Tokens expire and are an app's; other keys are bound to no resource.
        let connected = match (key.expires_at, key.partner) {
            (Some(_), Some(_)) => self.connected.connected_key(key.id).await?,
            _ => None,
        };
        Ok(Some(Spender {
            key: key.id,
            label: key.name,
            user: user.id,
            wallet: user.wallet,
            limits: limit_terms.iter().map(|terms| terms.limit.account).collect(),
            limit_terms,
            limits_begun: BegunUntil::default(),
            rates,
            partner: key.partner,
            earner,
            markup: partner.as_ref().and_then(|partner| self.markup_of(partner)),
            allowed_models: key.allowed_models,
            resources: connected.map(|connected| connected.resources).unwrap_or_default(),
            expires_at: key.expires_at,
            standing: user.standing,
            disabled: key.disabled,
            paused: self.privacy.privacy_of(user.id).await?.is_paused(),
        }))
    }

    /// The key with this secret. With a secret from before a rotation it expires when that one does.
    async fn key_of(&self, digest: &KeyDigest) -> Result<Option<Key>, Fault> {
        if let Some(key) = self.keys.key_by_digest(digest).await? {
            return Ok(Some(key));
        }
        let Some(retired) = self.rotations.retired_secret(digest).await? else {
            return Ok(None);
        };
        let until = retired.valid_until;
        let key = self.keys.key(retired.key).await?;
        Ok(key.map(|key| Key { expires_at: Some(key.expires_at.map_or(until, |end| end.min(until))), ..key }))
    }

    async fn limit_terms(&self, key: &Key) -> Result<Vec<LimitTerms>, Fault> {
        let grant = match key.partner {
            Some(partner) => self.limits.spending_limit(LimitOwner::Grant(key.user, partner)).await?,
            None => None,
        };
        let person = self.limits.spending_limit(LimitOwner::Person(key.user)).await?;
        let all = [(LimitKind::Key, key.limit), (LimitKind::Grant, grant), (LimitKind::Person, person)];
        Ok(all.into_iter().filter_map(|(kind, limit)| Some(LimitTerms { kind, limit: limit? })).collect())
    }

    /// The rates of a key: those of before where its figures are the same.
    fn rates_of(&self, key: &Key) -> Option<Arc<KeyRates>> {
        if key.rates == Rates::default() {
            return None;
        }
        // Look-ups at once agree on one.
        let kept = self.rates.entry(key.id).and_compute_with(|before| {
            let before = before.map(Entry::into_value);
            match before.as_deref() {
                Some(before) if before.rates() == key.rates => Op::Nop,
                before => self.fresh_rates(key.id, key.rates, before).map_or(Op::Nop, Op::Put),
            }
        });
        kept_rates(kept)
    }

    fn earner(&self, key: &Key, partner: &Partner) -> Option<Earner> {
        // What a partner's owner spends themselves earns it nothing, nor does anything while it is suspended.
        let earns = partner.owner != Some(key.user) && partner.standing == Standing::Good;
        let share = partner.share.unwrap_or_else(|| self.terms.read().default_share);
        earns.then_some(Earner { account: partner.earnings, share })
    }

    /// Invalidates every key, after a change of a key, a person or a partner.
    pub fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.cache.invalidate_all();
    }
}

/// The rates that are in a cache after a computation.
fn kept_rates<K>(kept: CompResult<K, Arc<KeyRates>>) -> Option<Arc<KeyRates>> {
    match kept {
        CompResult::Inserted(rates) | CompResult::ReplacedWith(rates) | CompResult::Unchanged(rates) => {
            Some(rates.into_value())
        }
        CompResult::Removed(_) | CompResult::StillNone(_) => None,
    }
}

#[cfg(test)]
mod tests;
