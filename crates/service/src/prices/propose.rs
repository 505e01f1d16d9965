//! A book that is not in force, compared with the one that is.

use super::error::PricesError;
use super::stored::book_in_force;
use super::types::{Prices, RefreshOutcome, Refreshed};
use crate::served_catalogue::ServedCatalogue;
use opencredits_catalog::{BookDiff, BookVersion, Catalog};
use std::sync::Arc;

/// A book that is not in force, compared with the one that is.
pub(super) struct Proposed {
    version: BookVersion,
    before: BookVersion,
    diff: BookDiff,
    /// What would be on sale, where a gateway runs.
    served: Option<ServedCatalogue>,
}

impl Proposed {
    pub(super) const fn version(&self) -> BookVersion {
        self.version
    }

    pub(super) fn into_served(self) -> Option<ServedCatalogue> {
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
        }
    }
}

impl Prices {
    /// Compares a book with the one in force: as it would be sold where a gateway runs, else as it is.
    pub(super) async fn propose(&self, book: Catalog) -> Result<Proposed, PricesError> {
        let version = book.version();
        let Some(live) = &self.live else {
            let current = book_in_force(&*self.books).await?;
            let diff = BookDiff::between(&current, &book, |_| false);
            return Ok(Proposed { version, before: current.version(), diff, served: None });
        };
        let current = Arc::clone(&live.served.lock());
        let served = current.rebased(book)?;
        // Keys and offer are the same before and after.
        let diff = BookDiff::between(&current.catalog, &served.catalog, |model| current.sells(model));
        Ok(Proposed { version, before: current.catalog.version(), diff, served: Some(served) })
    }
}
