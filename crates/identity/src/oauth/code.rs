//! Authorization codes (OAuth 2.1, section 4.1.2).

use super::authorize::AuthorizationRequest;
use super::bearer::Bearer;
use super::family::{Consent, FamilyId};
use super::pkce::{CodeChallenge, CodeVerifier};
use opencredits_keys::KeyDigest;
use opencredits_units::{UnixMs, UserId};

/// How long a code can be exchanged.
pub const AUTHORIZATION_CODE_LIFETIME_MS: u64 = 60_000;

/// A code as a store keeps it. Keep it, used or not, for as long as its family lasts: its reuse ends that family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// The digest of the code.
    pub digest: KeyDigest,
    /// What it is exchanged for.
    pub consent: Consent,
    /// Where it was sent.
    pub redirect_url: String,
    /// What its client must prove.
    pub challenge: CodeChallenge,
    /// What is issued for it, and so what is revoked when it is used again.
    pub family: FamilyId,
    /// From then on it is refused.
    pub expires_at: UnixMs,
    /// When it was presented.
    pub used_at: Option<UnixMs>,
}

/// What a client presents with a code.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// Who presents it.
    pub client_id: &'a str,
    /// Where it came to, if it is said: OAuth 2.1 leaves it out, RFC 6749 demands it.
    pub redirect_url: Option<&'a str>,
    /// The proof.
    pub verifier: &'a CodeVerifier,
}

/// What came of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Redeemed {
    /// It holds, and is used now. Store it before a token leaves, by a compare-and-swap on `used_at`.
    Granted(FamilyId),
    /// `invalid_grant`. Store the code in this case too: whoever presents it with a wrong proof has used it up.
    Refused,
    /// `invalid_grant`, and the family must be revoked: two have the code (RFC 6749, section 4.1.2).
    Reused(FamilyId),
}

impl AuthorizationCode {
    /// The code that answers a request to which `user` agreed.
    #[must_use]
    pub fn new(code: &Bearer, request: &AuthorizationRequest, user: UserId, family: FamilyId, now: UnixMs) -> Self {
        Self {
            digest: code.digest(),
            consent: Consent {
                client_id: request.client_id.clone(),
                user,
                scopes: request.scopes.clone(),
                resources: request.resources.clone(),
            },
            redirect_url: request.redirect_url.clone(),
            challenge: request.challenge,
            family,
            expires_at: now.saturating_add_ms(AUTHORIZATION_CODE_LIFETIME_MS),
            used_at: None,
        }
    }

    /// Exchanges the code. A client that it does not belong to changes nothing: it cannot use up, or revoke, what is
    /// another's.
    pub fn redeem(&mut self, redemption: &Redemption<'_>, now: UnixMs) -> Redeemed {
        if redemption.client_id != self.consent.client_id {
            return Redeemed::Refused;
        }
        if self.used_at.is_some() {
            return Redeemed::Reused(self.family);
        }
        self.used_at = Some(now);
        let is_there = redemption.redirect_url.is_none_or(|url| url == self.redirect_url);
        if now < self.expires_at && is_there && self.challenge.is_met_by(redemption.verifier) {
            return Redeemed::Granted(self.family);
        }
        Redeemed::Refused
    }
}
