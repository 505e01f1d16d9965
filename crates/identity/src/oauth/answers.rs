//! What clients are given. These values hold secrets, so `Debug` shows nothing of them.

use super::bearer::Bearer;
use super::device::{DeviceGrant, UserCode};
use super::family::TokenFamily;
use super::issuer::Issuer;
use opencredits_keys::SecretKey;
use opencredits_units::UnixMs;
use serde::Serialize;
use std::fmt;

/// Tokens (RFC 6749, section 5.1).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
    scope: String,
}

impl TokenAnswer {
    /// The answer with a user key as the access token, with the key's expiry, and a refresh token of `family`.
    #[must_use]
    pub fn new<K>(
        family: &TokenFamily,
        (access, expires_at): (&SecretKey<K>, UnixMs),
        refresh: &Bearer,
        now: UnixMs,
    ) -> Self {
        Self {
            access_token: access.reveal().to_owned(),
            token_type: "Bearer",
            expires_in: expires_at.ms_since(now).saturating_div(1_000),
            refresh_token: refresh.reveal().to_owned(),
            scope: family.consent.scopes.join(" "),
        }
    }
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenAnswer(…)")
    }
}

/// What a terminal shows, and asks with (RFC 8628, section 3.2).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct DeviceAnswer {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: u64,
    interval: u64,
}

impl DeviceAnswer {
    /// Where a person types the code.
    pub const PATH: &'static str = "/device";

    /// The answer for a request that was just made.
    #[must_use]
    pub fn new(grant: &DeviceGrant, device: &Bearer, user: &UserCode, issuer: &Issuer, now: UnixMs) -> Self {
        let user_code = user.reveal();
        let verification_uri = issuer.at(Self::PATH);
        Self {
            device_code: device.reveal().to_owned(),
            verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
            user_code,
            verification_uri,
            expires_in: grant.expires_at.ms_since(now).saturating_div(1_000),
            interval: grant.interval_ms.div_ceil(1_000),
        }
    }
}

impl fmt::Debug for DeviceAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceAnswer(…)")
    }
}
