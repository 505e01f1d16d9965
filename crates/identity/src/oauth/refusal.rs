//! The errors that OAuth names.

use serde::Serialize;
use std::fmt;

/// An error code of OAuth, as it goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OauthError {
    /// A parameter is missing, there twice or malformed (RFC 6749, sections 4.1.2.1 and 5.2).
    InvalidRequest,
    /// The client is unknown (RFC 6749, section 5.2).
    InvalidClient,
    /// The code or the token does not hold (RFC 6749, section 5.2).
    InvalidGrant,
    /// The client may not ask for this (RFC 6749, section 4.1.2.1).
    UnauthorizedClient,
    /// There is no such grant type (RFC 6749, section 5.2).
    UnsupportedGrantType,
    /// The only response type is `code` (RFC 6749, section 4.1.2.1).
    UnsupportedResponseType,
    /// There is no such scope (RFC 6749, section 4.1.2.1).
    InvalidScope,
    /// There is no such resource (RFC 8707, section 2).
    InvalidTarget,
    /// The person refused (RFC 6749, section 4.1.2.1).
    AccessDenied,
    /// We failed (RFC 6749, section 4.1.2.1).
    ServerError,
    /// We are busy (RFC 6749, section 4.1.2.1).
    TemporarilyUnavailable,
    /// The person has not decided yet (RFC 8628, section 3.5).
    AuthorizationPending,
    /// The client asks too often (RFC 8628, section 3.5).
    SlowDown,
    /// The device code is too old (RFC 8628, section 3.5).
    ExpiredToken,
    /// There is no such kind of token (RFC 7009, section 2.2.1).
    UnsupportedTokenType,
}

impl OauthError {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }
}

impl fmt::Display for OauthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A refusal for the developer of a client. It serializes to the body of RFC 6749, section 5.2. The description is one of
/// ours: nothing of what was asked is repeated in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{error}: {error_description}")]
pub struct OauthRefusal {
    /// The code.
    pub error: OauthError,
    /// What to do about it.
    pub error_description: &'static str,
}

impl OauthRefusal {
    /// A refusal.
    #[must_use]
    pub const fn new(error: OauthError, error_description: &'static str) -> Self {
        Self { error, error_description }
    }
}
