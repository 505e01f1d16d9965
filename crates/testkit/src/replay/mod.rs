//! A provider on a loopback port that answers with recordings.

mod behaviour;
mod body;
mod server;

pub use behaviour::{Behaviour, Fault, Pieces};
pub use server::{Received, ReplayUpstream};
