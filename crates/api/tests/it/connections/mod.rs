//! Connected apps, over HTTP.

mod apps;
mod callbacks;
mod codes;
mod consent;
mod devices;
pub(crate) mod house;
mod redirects;
mod refreshes;
mod resources;
