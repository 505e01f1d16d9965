//! What the crate promises.

mod attempts;
mod authenticator;
mod authorize;
mod codes;
mod device;
mod families;
mod links;
mod passkeys;
mod published;
mod redirects;
mod sessions;
mod sites;
mod wire;
