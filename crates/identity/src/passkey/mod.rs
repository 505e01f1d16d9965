//! Passkeys: registration and assertion as WebAuthn Level 3 specifies them.

mod authenticator_data;
mod ceremony;
mod client_data;
mod options;
mod public_key;
mod site;

pub use ceremony::{
    Asserted, AssertionAnswer, AttestationResponse, AuthenticatorResponse, Ceremony, Counter, Passkey,
    PasskeyChallenge, RegistrationAnswer, UserVerification,
};
pub use client_data::Frames;
pub use options::{
    CreationOptions, CredentialParameter, CredentialRef, RelyingPartyEntity, RequestOptions, Selection, UserEntity,
};
pub use public_key::{Algorithm, PublicKey};
pub use site::Site;
