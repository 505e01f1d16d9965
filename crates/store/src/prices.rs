//! Price books that were loaded while the gateway ran, and which of them is in force.

use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;

/// A price book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceBook {
    /// Its version, which follows from its text.
    pub version: String,
    /// Its text.
    pub text: String,
    /// Where it came from.
    pub source: String,
    /// When it was loaded first.
    pub added_at: UnixMs,
}

/// A price book without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceBookSummary {
    /// Its version.
    pub version: String,
    /// Where it came from.
    pub source: String,
    /// When it was loaded first.
    pub added_at: UnixMs,
    /// When it came into force the last time.
    pub in_force_since: UnixMs,
}

/// Price books. None ever changes, and none is deleted.
#[async_trait]
pub trait PriceBooks: Send + Sync {
    /// Stores a book unless one of its version is there, and puts it into force, in one step. A book of the same version
    /// with another text is [`StoreError::Exists`], and nothing changes.
    async fn put_price_book(&self, book: &PriceBook, now: UnixMs) -> Result<(), StoreError>;
    /// Puts a stored book into force or, without a version, the one that is compiled in; returns whether it is there.
    async fn return_to_price_book(&self, version: Option<&str>, now: UnixMs) -> Result<bool, StoreError>;
    /// The book in force; `None` where it is the one that is compiled in.
    async fn price_book_in_force(&self) -> Result<Option<PriceBook>, StoreError>;
    /// A book.
    async fn price_book(&self, version: &str) -> Result<Option<PriceBook>, StoreError>;
    /// At most `max` books, those first that came into force last.
    async fn price_books(&self, max: u32) -> Result<Vec<PriceBookSummary>, StoreError>;
}
