//! The authorization server of OAuth 2.1, without HTTP: what is asked, what is answered, and what is kept in between.

mod answers;
mod audience;
mod authorize;
mod bearer;
mod code;
mod device;
mod family;
mod form;
mod issuer;
mod key_request;
mod metadata;
mod pkce;
mod redirect;
mod refusal;
mod token_request;

pub use answers::{DeviceAnswer, TokenAnswer};
pub use audience::{asked_resources, is_for, is_within};
pub use authorize::{Asked, AuthorizationRefusal, AuthorizationRequest, Client, Offer};
pub use bearer::{Bearer, BearerKind};
pub use code::{AUTHORIZATION_CODE_LIFETIME_MS, AuthorizationCode, Redeemed, Redemption};
pub use device::{DEVICE_INTERVAL_MS, DEVICE_LIFETIME_MS, Decided, DeviceGrant, DevicePoll, DeviceState, UserCode};
pub use family::{Consent, FamilyId, FamilyKind, GrantLifetimes, Refreshed, SUCCESSORS_MAX, TokenFamily};
pub use issuer::Issuer;
pub use key_request::{CallbackAsked, KeyAsked, KeyRequest};
pub use metadata::{AuthorizationServerMetadata, ProtectedResourceMetadata};
pub use pkce::{CodeChallenge, CodeVerifier};
pub use redirect::{is_on_machine, origin_problem, redirect_host, redirect_matches, redirect_problem};
pub use refusal::{OauthError, OauthRefusal};
pub use token_request::{DeviceRequest, RevocationRequest, RevokedToken, TokenRequest};
