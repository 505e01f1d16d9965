//! The shapes of bodies, for the document.
//!
//! Handlers write their answers member by member. These types say which members there are; `cargo xtask schemathesis` holds
//! every answer to them, and refuses members that are not here.

#![expect(dead_code, reason = "they describe answers; the handlers write them")]

mod account;
mod apps;
mod common;
mod credits;
mod errors;
mod inference;
mod keys;
mod models;
mod operator;
mod partner;
mod past;
mod portal;

pub(crate) use account::*;
pub(crate) use apps::*;
pub(crate) use common::*;
pub(crate) use credits::*;
pub(crate) use errors::*;
pub(crate) use inference::*;
pub(crate) use keys::*;
pub(crate) use models::*;
pub(crate) use operator::*;
pub(crate) use partner::*;
pub(crate) use past::*;
pub(crate) use portal::*;
