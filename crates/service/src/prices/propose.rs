//! A book that is not in force, compared with the one that is.

use super::error::PricesError;
use super::stored::read;
use super::types::{Prices, RefreshOutcome, Refreshed};
use crate::served_catalogue::ServedCatalogue;
use opencredits_catalog::{BookDiff, BookVersion, Catalog};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Unknown vendors that are named.
const UNKNOWN_MAX: usize = 100;

/// A book that is not in force, compared with the one that is.
pub(super) struct Proposed {
    version: BookVersion,
    before: BookVersion,
    diff: BookDiff,
    /// Vendors of new routes that have no vendor file here.
    unknown_vendors: Vec<String>,
    /// All models with the book, and those of them that would be on sale, where a gateway runs.
    served: Option<(ServedCatalogue, Catalog)>,
}

impl Proposed {
    pub(super) const fn version(&self) -> BookVersion {
        self.version
    }

    pub(super) fn into_served(self) -> Option<(ServedCatalogue, Catalog)> {
        self.served
    }

    /// The comparison.
    pub(super) fn compared(&self) -> Refreshed {
        let is_same = self.version == self.before;
        Refreshed {
            outcome: if is_same { RefreshOutcome::Unchanged } else { RefreshOutcome::Compared },
            version: self.version,
            before: self.before,
            diff: self.diff.clone(),
            findings: self.diff.findings(),
            needs_word: true,
            unknown_vendors: self.unknown_vendors.clone(),
        }
    }
}

/// The vendors of new routes that are not known here. It is likely a mistake in the book, or the book of a newer program: the
/// routes are not on sale, so nothing else depends on it.
fn unknown_vendors(diff: &BookDiff, served: &ServedCatalogue) -> Vec<String> {
    let new = diff.added.iter().chain(&diff.routes_added).map(|route| &*route.vendor);
    let is_known = |id: &str| served.vendors.iter().any(|vendor| *vendor.vendor.id == *id);
    let unknown: BTreeSet<&str> = new.filter(|vendor| !is_known(vendor)).collect();
    unknown.into_iter().take(UNKNOWN_MAX).map(str::to_owned).collect()
}

impl Prices {
    /// Compares a book with the one in force: as it would be sold where a gateway runs, else as it is.
    pub(super) async fn propose(&self, book: Catalog) -> Result<Proposed, PricesError> {
        let version = book.version();
        let Some(live) = &self.live else {
            let (before, current) = self.kept().await?;
            let diff = BookDiff::between(&current, &book, |_| false);
            // Which vendors there are, only a gateway knows.
            return Ok(Proposed { version, before, diff, unknown_vendors: Vec::new(), served: None });
        };
        let current = Arc::clone(&live.served.lock());
        // A large book takes some time, and the thread that accepts connections is this one.
        let proposed = tokio::task::spawn_blocking(move || {
            let served = current.rebased(book)?;
            // Keys and offer are the same before and after.
            let diff = BookDiff::between(&current.catalog, &served.catalog, |model| current.sells(model));
            let unknown_vendors = unknown_vendors(&diff, &served);
            let (on_sale, before) = (served.on_sale(), current.catalog.version());
            Ok(Proposed { version, before, diff, unknown_vendors, served: Some((served, on_sale)) })
        });
        proposed.await.map_err(|_| PricesError::Closing)?
    }

    /// The book in force by the store. One that this program cannot read counts as empty, so that it can be replaced.
    async fn kept(&self) -> Result<(BookVersion, Catalog), PricesError> {
        let Some(book) = self.books.price_book_in_force().await? else {
            let builtin = Catalog::builtin()?;
            return Ok((builtin.version(), builtin));
        };
        let version = BookVersion::parse(&book.version).unwrap_or(BookVersion::NONE);
        Ok((version, read(book.text.into()).await.unwrap_or_else(|_| Catalog::empty())))
    }
}
