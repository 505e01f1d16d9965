//! Apps that a person has connected, and OAuth.

use super::{Amount, Reset, Time, Usd};
use utoipa::ToSchema;

/// An app that a person has connected.
#[derive(ToSchema)]
pub(crate) struct AppRecord {
    /// The partner, or the key where the app is not registered.
    id: String,
    name: String,
    registered: bool,
    cap_usd: Option<Usd>,
    cap_reset: Option<Reset>,
    cap_resets_at: Option<Time>,
    /// Under the cap, in its period.
    spent_usd: Usd,
    last_used_at: Option<Time>,
    connected_at: Time,
    /// Keys in force.
    keys: u64,
}

/// An app to connect.
#[derive(ToSchema)]
pub(crate) struct AppToConnect {
    #[schema(pattern = "^oc_pk_[0-9A-Za-z]{20,40}$")]
    publishable_key: String,
    /// Dollars that the app may spend.
    cap_usd: Option<Amount>,
    /// When the cap begins anew; null for never.
    cap_reset: Option<Reset>,
}

/// An app that was connected.
#[derive(ToSchema)]
pub(crate) struct AppConnected {
    /// A key for the app. It is in this answer and nowhere else.
    user_key: String,
    app: AppRecord,
}

/// A change of an app's cap: what is absent stays.
#[derive(ToSchema)]
pub(crate) struct CapChange {
    cap_usd: Option<Amount>,
    cap_reset: Option<Reset>,
}

/// What a person decided about an app.
#[derive(ToSchema)]
pub(crate) struct ConsentDecision {
    /// The query of the page.
    query: String,
    decision: Decided,
    cap_usd: Option<Amount>,
    cap_reset: Option<Reset>,
}

/// What a person decided about a terminal.
#[derive(ToSchema)]
pub(crate) struct DeviceDecision {
    user_code: String,
    decision: Decided,
    cap_usd: Option<Amount>,
    cap_reset: Option<Reset>,
}

/// A decision.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Decided {
    Allow,
    Deny,
}

/// Where the browser goes.
#[derive(ToSchema)]
pub(crate) struct RedirectTo {
    redirect_to: String,
}

/// What was decided, and about which app.
#[derive(ToSchema)]
pub(crate) struct DeviceDecided {
    app: Option<String>,
    decision: Decided,
}

/// A request for tokens (RFC 6749, sections 4.1.3 and 6; RFC 8628, section 3.4).
#[derive(ToSchema)]
pub(crate) struct TokenRequest {
    /// `authorization_code`, `refresh_token` or `urn:ietf:params:oauth:grant-type:device_code`.
    grant_type: String,
    /// The app's publishable key.
    client_id: String,
    #[schema(nullable = false)]
    code: Option<String>,
    #[schema(nullable = false)]
    redirect_uri: Option<String>,
    #[schema(nullable = false)]
    code_verifier: Option<String>,
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    #[schema(nullable = false)]
    device_code: Option<String>,
    #[schema(nullable = false)]
    resource: Option<String>,
}

/// Tokens (RFC 6749, section 5.1).
#[derive(ToSchema)]
pub(crate) struct Tokens {
    /// A user key with an end.
    access_token: String,
    token_type: String,
    /// Seconds.
    expires_in: u64,
    refresh_token: String,
    scope: String,
}

/// A token to revoke (RFC 7009, section 2.1).
#[derive(ToSchema)]
pub(crate) struct RevocationForm {
    token: String,
    client_id: String,
    #[schema(nullable = false)]
    token_type_hint: Option<String>,
}

/// A terminal begins (RFC 8628, section 3.1).
#[derive(ToSchema)]
pub(crate) struct DeviceForm {
    client_id: String,
    #[schema(nullable = false)]
    scope: Option<String>,
    #[schema(nullable = false)]
    resource: Option<String>,
}

/// The codes of a terminal (RFC 8628, section 3.2).
#[derive(ToSchema)]
pub(crate) struct DeviceCodes {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    /// Seconds.
    expires_in: u64,
    /// Seconds between two requests for tokens.
    interval: u64,
}

/// A code of a callback, for a key that lasts.
#[derive(ToSchema)]
pub(crate) struct KeyExchange {
    code: String,
    #[schema(min_length = 43, max_length = 128)]
    code_verifier: String,
    /// `S256`.
    code_challenge_method: Option<String>,
}

/// A key for a code.
#[derive(ToSchema)]
pub(crate) struct ExchangedKey {
    key: String,
    user_id: String,
}
