//! The state of the use cases of price books, and what they are asked and answer.

use super::error::PriceFetchError;
use crate::accounts::Accounts;
use crate::gateway::Gateway;
use crate::ports::Clock;
use crate::price_source::PriceSource;
use crate::served_catalogue::ServedCatalogue;
use async_trait::async_trait;
use opencredits_catalog::{BookDiff, BookVersion, Finding};
use opencredits_store::PriceBooks;
use parking_lot::Mutex as QuickMutex;
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;

/// Loads the text of a price book, within a limit of size and time.
#[async_trait]
pub trait PriceFetch: Send + Sync {
    /// The bytes that a source has now.
    async fn fetch(&self, source: &PriceSource) -> Result<Vec<u8>, PriceFetchError>;
}

/// What a running gateway adds: the models on sale, and the way to new books.
pub struct LivePrices {
    /// The gateway.
    pub gateway: Weak<Gateway>,
    /// The gateway of test mode, which has the same prices.
    pub test_gateway: Option<Weak<Gateway>>,
    /// The catalogue as it was put on sale.
    pub served: ServedCatalogue,
    /// Loads books.
    pub fetch: Arc<dyn PriceFetch>,
    /// Where they come from by default.
    pub source: Option<PriceSource>,
}

/// The use cases of price books.
pub struct Prices {
    pub(super) books: Arc<dyn PriceBooks>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) live: Option<Live>,
    /// One change at a time.
    pub(super) changing: Mutex<()>,
}

pub(super) struct Live {
    pub(super) gateway: Weak<Gateway>,
    pub(super) test_gateway: Option<Weak<Gateway>>,
    pub(super) served: QuickMutex<Arc<ServedCatalogue>>,
    pub(super) fetch: Arc<dyn PriceFetch>,
    pub(super) source: Option<PriceSource>,
}

/// Agrees to what was found of any model.
pub const ACCEPT_ALL: &str = "*";

/// A book to load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refresh {
    /// The source; the config's where `None`.
    pub from: Option<PriceSource>,
    /// Models whose findings were agreed to; [`ACCEPT_ALL`] for all of them.
    pub accept: Vec<String>,
    /// Whether it is put into force; otherwise it is only compared.
    pub applies: Applies,
}

/// Whether a book is put into force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Applies {
    /// It is only compared.
    #[default]
    No,
    /// It is, where it has this version.
    If(BookVersion),
    /// It is.
    Yes,
}

/// What became of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// It is in force.
    Applied,
    /// It was in force before.
    Unchanged,
    /// It was compared only.
    Compared,
    /// It has findings that nobody has agreed to.
    Refused,
}

/// A book that was looked at, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// What became of it.
    pub outcome: RefreshOutcome,
    /// Its version.
    pub version: BookVersion,
    /// The version that was in force.
    pub before: BookVersion,
    /// What it changes.
    pub diff: BookDiff,
    /// What nobody has agreed to.
    pub findings: Vec<Finding>,
    /// Whether what was found stands against it until somebody agrees; not where a book is put back.
    pub needs_word: bool,
    /// Vendors of new routes that are not known here.
    pub unknown_vendors: Vec<String>,
}

impl Prices {
    /// The use cases on stored books alone, where no gateway runs.
    #[must_use]
    pub fn new(books: Arc<dyn PriceBooks>, accounts: Arc<Accounts>, clock: Arc<dyn Clock>) -> Self {
        Self { books, clock, accounts, live: None, changing: Mutex::default() }
    }

    /// The same beside a running gateway.
    #[must_use]
    pub fn beside(mut self, live: LivePrices) -> Self {
        let LivePrices { gateway, test_gateway, served, fetch, source } = live;
        let served = QuickMutex::new(Arc::new(served));
        self.live = Some(Live { gateway, test_gateway, served, fetch, source });
        self
    }
}
