//! What one consent of a person has issued: refresh tokens that replace each other (OAuth 2.1, section 4.3.1). The access
//! token is a user key, which the caller makes and renews.
//!
//! A refresh token is used once. When one that was replaced comes again, two parties have it, and which of them is the
//! client cannot be told: the family ends. One exception: an answer may be lost. For some seconds after its first use a
//! token may be used again, and gives another successor beside the first. The successor that is used first retires the
//! others. So a client that repeats its request goes on, whichever answer it kept; and a thief who used the same seconds is
//! found out at the next refresh of either, as without the exception.

use super::bearer::Bearer;
use opencredits_keys::KeyDigest;
use opencredits_units::{Id, IdKind, UnixMs, UserId};

/// Successors of one refresh token.
pub const SUCCESSORS_MAX: usize = 3;

/// The kind of a [`FamilyId`].
pub enum FamilyKind {}

impl IdKind for FamilyKind {
    const PREFIX: &'static str = "fam";
}

/// Names what one consent has issued.
pub type FamilyId = Id<FamilyKind>;

/// How long the things last that a consent issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantLifetimes {
    /// An access token, in milliseconds. An hour by default.
    pub access_ms: u64,
    /// A refresh token that is not used, in milliseconds. 30 days by default.
    pub refresh_ms: u64,
    /// The family, in milliseconds; then the person is asked again. A year by default.
    pub family_ms: u64,
    /// How long a replaced refresh token may be repeated, in milliseconds. 30 seconds by default; 0 for never.
    pub grace_ms: u64,
}

impl Default for GrantLifetimes {
    fn default() -> Self {
        let days = |days: u64| days.saturating_mul(UnixMs::DAY_MS);
        Self { access_ms: 3_600_000, refresh_ms: days(30), family_ms: days(365), grace_ms: 30_000 }
    }
}

/// What a person agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Whose client it is.
    pub client_id: String,
    /// Who agreed.
    pub user: UserId,
    /// To what.
    pub scopes: Vec<String>,
    /// At which resources; none means all of ours.
    pub resources: Vec<String>,
}

impl Consent {
    /// Whether it covers the use of a scope at a resource.
    #[must_use]
    pub fn covers(&self, scope: &str, resource: &str) -> bool {
        let is_there = self.resources.is_empty() || self.resources.iter().any(|known| known == resource);
        is_there && self.scopes.iter().any(|known| known == scope)
    }
}

/// A family as a store keeps it. Besides, a store keeps the digest of each refresh token that the family ever had, with the
/// family's id, until the family ends: a replaced token is known by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFamily {
    /// Its id.
    pub id: FamilyId,
    /// What it was issued for.
    pub consent: Consent,
    /// The refresh tokens that may be used: one, or after a repetition up to three.
    pub current: Vec<KeyDigest>,
    /// The token that those have replaced, and when it was used first.
    pub replaced: Option<(KeyDigest, UnixMs)>,
    /// When the person agreed.
    pub created_at: UnixMs,
    /// When it was refreshed last.
    pub refreshed_at: UnixMs,
    /// When it was revoked.
    pub revoked_at: Option<UnixMs>,
}

/// What came of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Refreshed {
    /// The successor holds. Store the family and the successor's digest, by a compare-and-swap, before it leaves.
    Granted,
    /// `invalid_grant`: too old, another client's, or of a family that was revoked.
    Refused,
    /// `invalid_grant`: a replaced token came again. The family is revoked now; store it, and revoke what else the consent
    /// gave.
    Reused,
}

impl TokenFamily {
    /// The family that a consent begins.
    #[must_use]
    pub fn new(id: FamilyId, consent: Consent, first: &Bearer, now: UnixMs) -> Self {
        Self {
            id,
            consent,
            current: vec![first.digest()],
            replaced: None,
            created_at: now,
            refreshed_at: now,
            revoked_at: None,
        }
    }

    /// Exchanges a refresh token that a store knows to be of this family for `next`.
    pub fn refresh(
        &mut self,
        presented: &KeyDigest,
        client_id: &str,
        next: &Bearer,
        (lifetimes, now): (&GrantLifetimes, UnixMs),
    ) -> Refreshed {
        if client_id != self.consent.client_id || !self.is_live(lifetimes, now) {
            return Refreshed::Refused;
        }
        if self.current.contains(presented) {
            self.replaced = Some((*presented, now));
            self.current = vec![next.digest()];
            self.refreshed_at = now;
            return Refreshed::Granted;
        }
        let is_repeated = self
            .replaced
            .is_some_and(|(replaced, since)| replaced == *presented && now.ms_since(since) < lifetimes.grace_ms);
        if is_repeated && self.current.len() < SUCCESSORS_MAX {
            self.current.push(next.digest());
            return Refreshed::Granted;
        }
        self.revoke(now);
        Refreshed::Reused
    }

    /// The expiry of an access token that is issued now: no later than the family's end.
    #[must_use]
    pub fn access_until(&self, lifetimes: &GrantLifetimes, now: UnixMs) -> UnixMs {
        let end = self.created_at.saturating_add_ms(lifetimes.family_ms);
        now.saturating_add_ms(lifetimes.access_ms).min(end)
    }

    /// Whether it can be refreshed.
    #[must_use]
    pub fn is_live(&self, lifetimes: &GrantLifetimes, now: UnixMs) -> bool {
        self.revoked_at.is_none() && now < self.ends_at(lifetimes)
    }

    /// When it ends if it is not refreshed any more. From then on its rows may be deleted, once its access tokens are over.
    #[must_use]
    pub fn ends_at(&self, lifetimes: &GrantLifetimes) -> UnixMs {
        let unused = self.refreshed_at.saturating_add_ms(lifetimes.refresh_ms);
        unused.min(self.created_at.saturating_add_ms(lifetimes.family_ms))
    }

    /// Ends it: all its tokens, whichever of them was given to be revoked (RFC 7009, section 2.1).
    pub fn revoke(&mut self, now: UnixMs) {
        self.revoked_at.get_or_insert(now);
        self.current.clear();
    }
}
