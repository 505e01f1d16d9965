//! What the crate promises.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

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
