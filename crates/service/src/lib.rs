//! The use cases of OpenCredits, without HTTP and without SQL.
//!
//! A [`Gateway`] serves a request from its body to its charge; [`accounts::Accounts`] serves the operator. Both work on
//! ports: the store's traits, a [`Transport`](opencredits_providers::Transport), [`Clock`], [`Entropy`].
//!
//! # What it refuses to do
//! It knows no status code, no header of ours and no table. It keeps no content: bodies have types that cannot be
//! printed, and all that is left of a request is its [`GenerationRecord`] and its [`access`] record.
//!
//! # Invariants
//! - Before a byte goes upstream its worst case is held, on balance and limits, in one step.
//! - A request is settled or voided once, whether its client waits or not.
//! - The charge and its usage record are one row.
//!
//! # Example
//! ```
//! use opencredits_service::config::Config;
//! let config = Config::read("[billing]\nmarkup_bps = 1000", []).unwrap();
//! assert_eq!(config.billing.markup_bps, 1_000);
//! ```

pub mod access;
pub mod accounts;
mod actor;
pub mod alarms;
mod api_dialects;
pub mod books;
mod change_feed;
pub mod config;
pub mod connections;
mod data_key;
pub mod discover;
mod earner_terms;
mod fault;
mod gateway;
pub mod jobs;
mod keyring;
mod ledger_ids;
mod limits;
pub mod mail;
mod memory;
pub mod partners;
mod period;
mod ports;
mod price_source;
pub mod prices;
pub mod privacy;
pub mod provider_bills;
pub mod purchases;
mod rate_limited;
mod rates;
mod record;
mod record_words;
mod served_catalogue;
pub mod sign_in;
pub mod telemetry;
mod usage;

pub use change_feed::ChangeFeed;
pub use data_key::{DataKeyError, data_key, key_in};
pub use fault::{
    Excluded, Fault, KeyFault, NoRoute, PaymentNeeded, Previous, RequestFault, Short, UpstreamFault, UpstreamKind,
};
pub use gateway::{
    Admitted, ChargedStream, Counted, DrainLimits, Gateway, GatewayError, InferenceRequest, InputEstimate, LargeBodies,
    Offering, Parts, PathParameters, Pending, Ports, PreparedOffering, Reaper, Receipt, Reply, Retries, RouteHealth,
    Settings, StreamEnd, StreamItem, TEST_DIR, TestGateway, TestLedger, TestOffering, TestParts, TestPorts,
    TestUpstreams, Upstream, WholeAnswer, charge_of,
};
pub use keyring::{Earner, KeyRing, KeyTables, LimitTerms, Manager, Spender};
pub use limits::{BegunUntil, LimitBalance, LimitKind, Renewals};
pub use memory::{FREE_BYTES, MemoryBudget, MemoryOwner, NoMemory, Reservation};
pub use period::Period;
pub use ports::{Clock, Entropy, fresh_id};
pub use price_source::PriceSource;
pub use rates::{KeyRates, RateKind, RateLeft, RateLimited, RatePermit};
pub use record::{AttemptRecord, GenerationRecord, Line, RecordError, SideBill, UsageSource, name_of_peer};
pub use served_catalogue::{ConfiguredVendor, Notice, ServedCatalogue, ServedCatalogueError};
pub use usage::{
    BillCheck, BillChecks, Generation, GenerationFilter, GenerationStatus, KeyUsage, Money, MoneyCursor, MoneyPage,
    RequestPage, UsageReads, check_bill, day_or_time, day_text,
};
