//! Errors of price books.

use crate::accounts::AccountsError;
use crate::price_source::PriceSource;
use crate::served_catalogue::ServedCatalogueError;
use opencredits_catalog::CatalogError;
use opencredits_store::StoreError;

/// A price book cannot be read, compared or used. What was in force stays so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PricesError {
    /// No source is known.
    #[error("no source of prices is set; name one with --from, or set prices_url or prices_file in [catalog]")]
    NoSource,
    /// A source is neither a file nor a URL that is taken.
    #[error("{text} is no source of prices; name a file, an https URL, or an http URL of this machine")]
    Source {
        /// The text.
        text: String,
    },
    /// The source gave no book.
    #[error("cannot load prices from {origin}: {reason}")]
    Fetch {
        /// The source.
        origin: PriceSource,
        /// The reason.
        reason: PriceFetchError,
    },
    /// The text is not UTF-8.
    #[error("the price book is no text; it needs one JSON object a line")]
    NoText,
    /// The models are invalid.
    #[error(transparent)]
    Models(#[from] ServedCatalogueError),
    /// No book of this version is there.
    #[error("no price book {version}; list them with `opencredits-admin catalog list`")]
    NoBook {
        /// The version.
        version: String,
    },
    /// The source has another book than the one that was looked at.
    #[error("the source has the price book {found} now, and {expected} was looked at; ask again")]
    Moved {
        /// The version that was looked at.
        expected: String,
        /// The version that is there now.
        found: String,
    },
    /// A book that was replaced by hand is not loaded again by itself.
    #[error(
        "the price book {version} was in force before and was replaced; to load it again, run `opencredits-admin catalog refresh`"
    )]
    Replaced {
        /// The version.
        version: String,
    },
    /// No gateway runs.
    #[error(
        "prices are loaded by the running gateway, which knows the models on sale; start it, and ask without --test: test mode has the live prices"
    )]
    NoGateway,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The change is in force, and the record of changes lacks it.
    #[error("the prices are in force, but the change was not recorded: {0}")]
    NotRecorded(AccountsError),
    /// The process is ending.
    #[error("the gateway is closing")]
    Closing,
}

impl From<CatalogError> for PricesError {
    fn from(error: CatalogError) -> Self {
        Self::Models(error.into())
    }
}

/// A source gave no price book.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PriceFetchError {
    /// It cannot be read.
    #[error("{0}; mend the path, or let the gateway's user read it")]
    File(#[from] std::io::Error),
    /// It answered with another status than 200.
    #[error("it answered {0}; name an address that answers 200 by itself")]
    Status(u16),
    /// The exchange failed.
    #[error(transparent)]
    Transport(#[from] opencredits_providers::TransportError),
    /// It is too long.
    #[error("it has more than {max} bytes")]
    TooLong {
        /// The largest number.
        max: usize,
    },
    /// It took too long.
    #[error("it took more than {max_s} s")]
    Late {
        /// The longest time, in seconds.
        max_s: u64,
    },
}
