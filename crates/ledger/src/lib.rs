//! An embeddable double-entry ledger for prepaid accounts: hold, capture, void, transfer.
//!
//! A person pays in advance and is charged for usage. Before the usage its worst case is *held*, on the payer and on
//! every limit at once; afterwards the actual charge is *captured* and the rest is free again. No balance goes below
//! zero, under any order and repetition of calls. Every decision is one row whose legs sum to zero.
//!
//! ```
//! use opencredits_ledger::{Capture, Floor, Ledger, Leg, OnShortfall, OpenAccount, PlaceHold, Transfer};
//! use opencredits_ledger::units::{AccountId, EntryId, NanoUsd, UnixMs};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = std::env::temp_dir().join(format!("ledger-example-{}", std::process::id()));
//! std::fs::create_dir_all(&dir)?;
//! let ledger = Ledger::open(dir.join("ledger.db"))?;
//! let now = UnixMs::new(1_790_000_000_000); // time and ids are the caller's
//! let [payments, wallet, supplier] = [1, 2, 3].map(AccountId::from_bits);
//! let [top_up, request] = [EntryId::at(now, [1; 10]), EntryId::at(now, [2; 10])];
//!
//! for (id, floor) in [(payments, Floor::None), (wallet, Floor::Zero), (supplier, Floor::None)] {
//!     ledger.open_account(OpenAccount { id, floor, contra: None }, now)?.accepted();
//! }
//! let amount = NanoUsd::new(5_000_000_000);
//! ledger.transfer(Transfer { id: top_up, from: payments, to: wallet, amount, memo: b"" }, now)?.wait()?;
//!
//! let hold = PlaceHold {
//!     id: request, payer: wallet, limits: &[], amount: NanoUsd::new(100_000_000),
//!     expires_at: now.saturating_add_ms(60_000),
//! };
//! ledger.place_hold(hold, now)?.accepted();
//! let legs = [Leg { to: supplier, amount: NanoUsd::new(2_000_000), on_shortfall: OnShortfall::Full }];
//! ledger.capture(Capture { hold: request, legs: &legs, bad_debt: supplier, memo: b"what was used" }, now)?.wait()?;
//!
//! assert_eq!(ledger.balance(wallet)?.available, NanoUsd::new(4_998_000_000));
//! assert!(ledger.verify()?.is_clean());
//! # drop(ledger);
//! # std::fs::remove_dir_all(dir)?;
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//! A caller decides in memory under one lock, in about a microsecond, and its effects join a log under the same lock. A
//! thread takes the log and writes it as one transaction, so that one flush of the disk serves all decisions since the
//! last one. Each decision is an [`Accepted`]: visible to every reader at once, and on disk with the next batch. A
//! caller that needs it on disk waits: [`Accepted::durable`] is a future for any runtime, [`Accepted::wait`] blocks.
//!
//! # What it refuses to do
//! It knows no currency conversion, no interest, no clock and no randomness: `now` and ids are arguments. It interprets
//! no memo. One process owns a file.
//!
//! # Invariants
//! - The legs of every entry sum to zero. `posted = held + leased + available` on every account.
//! - The available balance of an account with [`Floor::Zero`] is never below zero. One exception: a limit that is lowered
//!   below what was spent of it or is in open holds has less than nothing until it is raised or begins anew.
//! - An id stands for one command: a replay gets the first outcome, another command gets
//!   [`LedgerError::IdempotencyMismatch`].
//! - Holds are rows with an expiry, never a counter: none can be leaked.
//! - After a failed commit nothing is decided until [`Ledger::reload`].
//! - A file from which an acknowledged commit is gone is not opened, until [`Ledger::accept_loss`].
//!
//! # Reading the code
//! `types` defines the vocabulary. `state`, `commands` and `limits` decide, purely. `journal` defines a batch, `persister` moves
//! batches to the disk and `sqlite` writes them. `progress` and `ticket` wait for them. `ledger` is the whole, and `verify`
//! checks all of it, into a `report`. `chain` hashes what a commit writes, `chain_rows` keeps the hashes, `verify_chain` checks them, and
//! `head_file` records the last commit beside the ledger. `copy` reads a backup's copy of the file.
//! `postgres` is the same ledger in a PostgreSQL database that several processes share, and `any` is a ledger on either engine.
//! `migrate` reads and writes a ledger of either engine as its rows, to move it to the other.
//! `follow` gives entries to a projection, each once. `watch` tells who measures commits.
#![warn(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions)]

#[cfg(feature = "postgres")]
mod any;
mod chain;
#[cfg(feature = "sqlite")]
mod chain_rows;
mod codec;
mod collect;
mod commands;
#[cfg(feature = "sqlite")]
mod copy;
#[cfg(doctest)]
mod docs;
mod error;
mod fingerprint;
mod follow;
#[cfg(feature = "sqlite")]
mod head_file;
mod ids;
mod journal;
mod ledger;
mod limits;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod migrate;
mod persister;
#[cfg(feature = "postgres")]
mod postgres;
mod progress;
mod recent;
mod report;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite_commits;
#[cfg(feature = "sqlite")]
mod sqlite_rows;
mod state;
#[cfg(test)]
mod tests;
mod ticket;
mod types;
mod verify;
mod verify_chain;
mod watch;

#[cfg(feature = "postgres")]
pub use any::{AnyDecision, AnyLedger, Sent};
pub use chain::{ChainHead, ChainHeadError, Loss};
pub use commands::{HOLDS_MAX, LEGS_MAX, LIMITS_MAX, LINKED_MAX, MEMO_BYTES_MAX, UNFLUSHED_MAX};
#[cfg(feature = "sqlite")]
pub use copy::{ClosedLedger, LedgerCopy};
pub use error::{LedgerError, StorageError};
pub use follow::{Changes, Checkpoint};
#[cfg(feature = "sqlite")]
pub use head_file::HEAD_ENDING;
pub use ids::random_id;
pub use ledger::{Ledger, Options, Stats};
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub use migrate::{RawAccount, RawEntry, RawHold, RawLedger, Written};
/// Where a PostgreSQL database is.
#[cfg(feature = "postgres")]
pub use opencredits_postgres::Settings as PostgresSettings;
/// Money, ids and time, as the ledger takes them.
pub use opencredits_units as units;
#[cfg(feature = "postgres")]
pub use postgres::{
    ArchiveError, Archives, Closing, Decision, EntriesPart, HEARTBEAT, Month, MonthError, PartRow, ProcessRow,
    SharedLedger, SharedOptions,
};
pub use report::{Covered, Finding, VerifyReport};
#[cfg(feature = "sqlite")]
pub use sqlite::LOCK_ENDING;
pub use ticket::{Accepted, Durable};
pub use types::{
    AccountRow, Balance, Capture, Captured, ChangeLimit, Collect, Collected, EntryKind, EntryRow, Expired, Floor, Held,
    HoldRow, Leg, LimitChange, LimitChanged, Most, OnShortfall, OpenAccount, Phase, PlaceHold, Replay, Transfer,
    Transferred, Voided,
};
pub use watch::CommitWatch;
