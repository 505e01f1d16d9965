//! The HTTP settings of OpenCredits: routes, handlers, bodies, and the one table of errors.
//!
//! Everything that knows a status code, a path or a surface is here. What a request means is decided below, in `service`.
//!
//! # What it refuses to do
//! It keeps nothing. It logs ids and figures, never a body, a key or an address.
//!
//! # Invariants
//! - Every answer carries `x-request-id`, and every error its type in the words of its API.
//! - The last bytes of a stream are written after its charge is booked.

pub mod admin;
mod app;
mod auth;
pub mod errors;
mod faults;
mod framing;
mod inference;
mod json;
mod lookups;
mod models;
mod serve;
mod streams;
mod usage;

pub use app::{ApiSettings, App, Routes, service};
pub use serve::{Ended, Limits, WorkerThreads, serve};
