//! The HTTP interface of OpenCredits: routes, handlers, bodies, and the one table of errors.
//!
//! Status codes, paths and API surfaces are known here and nowhere else. The `service` crate decides everything else.
//!
//! # What it refuses to do
//! It keeps nothing. It logs ids and figures, never a body, a key or an address.
//!
//! # Invariants
//! - Every response has `x-request-id`. Every error has its type in the form of its API.
//! - The last bytes of a stream are written after its charge is booked.

mod address;
pub mod admin;
mod admin_listener;
mod answer;
mod app;
mod applications;
mod auth;
mod body;
mod carried;
mod certificate;
mod connection;
mod connections;
mod cors;
mod csv;
mod embedding;
pub mod errors;
mod faults;
mod framing;
mod front;
mod handshake;
mod head;
mod history;
mod identity_app;
mod inference;
mod inference_route;
mod json;
mod key_fields;
mod key_limits;
mod keys;
mod limits;
mod lookups;
mod models;
mod openapi;
mod operator;
mod pages;
mod pages_app;
mod parse_errors;
mod partner;
mod paths;
mod payment_app;
mod payments;
mod peer;
mod places;
mod portal;
mod privacy;
mod proxy_protocol;
mod query;
mod quotes;
mod rates;
mod redact;
mod serve;
mod sessions;
mod state;
mod streams;
mod surface;
mod templates;
mod usage;
mod warning;
mod webhooks;

pub use admin_listener::{AdminListener, Expose};
pub use app::{Routes, collect_routes, service};
pub use certificate::{Certificate, CertificateError, CertificateFiles, LiveCertificate, Validity};
pub use cors::CorsOrigins;
pub use csv::csv_line;
pub use front::{Front, FrontSettings};
pub use identity_app::{IdentityApp, PrivacyApp};
pub use limits::Limits;
pub use operator::OperatorApp;
pub use pages_app::PagesApp;
pub use payment_app::PaymentApp;
pub use serve::{Ended, Listening, WorkerThreads, serve};
pub use state::{ApiSettings, App, TestApp, TestAppParts};
