//! What clients find out about us: RFC 8414 for the authorization server, RFC 9728 for the resource.

use super::authorize::Offer;
use super::issuer::Issuer;
use super::token_request::{AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN};
use serde::Serialize;

/// The document at `/.well-known/oauth-authorization-server` (RFC 8414, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthorizationServerMetadata {
    /// The issuer.
    pub issuer: String,
    /// Where people are sent.
    pub authorization_endpoint: String,
    /// Where tokens are.
    pub token_endpoint: String,
    /// Where tokens are revoked (RFC 7009).
    pub revocation_endpoint: String,
    /// Where terminals begin (RFC 8628, section 4).
    pub device_authorization_endpoint: String,
    /// Documentation for developers.
    pub service_documentation: String,
    /// The scopes.
    pub scopes_supported: Vec<String>,
    /// `code`.
    pub response_types_supported: [&'static str; 1],
    /// `query`.
    pub response_modes_supported: [&'static str; 1],
    /// The three grant types.
    pub grant_types_supported: [&'static str; 3],
    /// `none`: clients are public.
    pub token_endpoint_auth_methods_supported: [&'static str; 1],
    /// The same.
    pub revocation_endpoint_auth_methods_supported: [&'static str; 1],
    /// `S256`.
    pub code_challenge_methods_supported: [&'static str; 1],
    /// Answers name the issuer (RFC 9207, section 3).
    pub authorization_response_iss_parameter_supported: bool,
    /// The resources that tokens are for (RFC 9728, section 4).
    pub protected_resources: Vec<String>,
}

impl AuthorizationServerMetadata {
    /// Where it stands.
    pub const PATH: &'static str = "/.well-known/oauth-authorization-server";

    /// The document of an issuer.
    #[must_use]
    pub fn new(issuer: &Issuer, offer: &Offer<'_>) -> Self {
        Self {
            issuer: issuer.as_str().to_owned(),
            authorization_endpoint: issuer.at("/oauth/authorize"),
            token_endpoint: issuer.at("/oauth/token"),
            revocation_endpoint: issuer.at("/oauth/revoke"),
            device_authorization_endpoint: issuer.at("/oauth/device_authorization"),
            service_documentation: issuer.at("/docs"),
            scopes_supported: owned(offer.scopes),
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: [AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE],
            token_endpoint_auth_methods_supported: ["none"],
            revocation_endpoint_auth_methods_supported: ["none"],
            code_challenge_methods_supported: ["S256"],
            authorization_response_iss_parameter_supported: true,
            protected_resources: owned(offer.resources),
        }
    }
}

/// The document at `/.well-known/oauth-protected-resource` and the resource's path (RFC 9728, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProtectedResourceMetadata {
    /// The resource.
    pub resource: String,
    /// Who issues tokens for it.
    pub authorization_servers: Vec<String>,
    /// The scopes.
    pub scopes_supported: Vec<String>,
    /// `header`: a token in a URL would be logged.
    pub bearer_methods_supported: [&'static str; 1],
    /// Documentation for developers.
    pub resource_documentation: String,
}

impl ProtectedResourceMetadata {
    /// Where it stands; the resource's path follows (RFC 9728, section 3.1).
    pub const PATH: &'static str = "/.well-known/oauth-protected-resource";

    /// The document of the resource at `path` of an issuer, such as `/v1`; empty for the origin itself.
    #[must_use]
    pub fn new(issuer: &Issuer, path: &str, offer: &Offer<'_>) -> Self {
        Self {
            resource: issuer.at(path),
            authorization_servers: vec![issuer.as_str().to_owned()],
            scopes_supported: owned(offer.scopes),
            bearer_methods_supported: ["header"],
            resource_documentation: issuer.at("/docs"),
        }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
