//! Fixtures, test doubles and a replay upstream for the tests of the other crates.
//!
//! - [`recordings`] reads recorded exchanges with providers from the shared folder, each with its expected usage.
//! - [`ReplayUpstream`] is a provider on a loopback port that answers with those recordings, in one piece, event by
//!   event, slowly, cut short or not at all, and that keeps what it was sent.
//! - [`stripe::StripeDouble`] is Stripe's API on a loopback port, with what a buyer, a bank and an operator do there.
//! - [`bills::BillingDouble`] is a provider's billing report on a loopback port.
//! - [`Postgres`] is a PostgreSQL server on a socket of its own, [`Disk`] a small disk for it, and [`Pooler`] a pool of connections
//!   before it.
//! - [`Terminal`] is a terminal in which a program runs.
//! - [`book`] reads the pages of the documentation and the snippets on them.
//! - [`Comparison`] says whether two things take the same time.
//! - [`FixedClock`] and [`FixedRandom`] stand for time and randomness.
//!
//! The crate is for tests only: other crates have it as a dev-dependency at most. So it may panic, and does where a
//! recording differs from its index.
//!
//! # Invariants
//! - All connections stay on 127.0.0.1.
//! - A test that needs the shared folder and finds none says so on standard error; it is never skipped silently.
//!
//! ```
//! use opencredits_testkit::{FixedClock, recordings};
//!
//! let clock = FixedClock::at_ms(1_000);
//! clock.advance_ms(500);
//! assert_eq!(clock.now().get(), 1_500);
//!
//! for recording in recordings(|row| row.api == "openai-chat" && row.stream) {
//!     assert!(recording.body.contains("data: "), "{}", recording.id);
//! }
//! ```

#![expect(clippy::print_stderr, reason = "a test that is skipped says so where the person running it looks")]
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "in a test, a broken fixture is a failure to be seen at once"
)]

pub mod bills;
pub mod book;
mod coded;
mod disk;
mod doubles;
mod pooler;
mod postgres;
mod recordings;
mod replay;
mod shared;
pub mod stripe;
mod terminal;
mod timing;

pub use coded::gzip;
pub use disk::Disk;
pub use doubles::{FixedClock, FixedRandom};
pub use pooler::Pooler;
pub use postgres::{Database, OnDisk, Postgres};
pub use recordings::{AdditionalUsage, ExpectedUsage, IndexRow, Recording, Unreadable, recordings, recordings_in};
pub use replay::{Behaviour, Fault, Pieces, Received, ReplayUpstream};
pub use shared::shared_dir;
pub use terminal::Terminal;
pub use timing::Comparison;
