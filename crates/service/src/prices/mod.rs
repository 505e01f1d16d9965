//! Price books: loaded while requests run, compared with the one in force, kept, and put back.
//!
//! A book is checked whole first. Where a change is likely a mistake, a person must agree to it by naming the model. The
//! new book is stored before it is used; then the models on sale are exchanged as a whole. A request keeps the book that it
//! was admitted with: it is quoted, held and charged by that one.

mod error;
mod job;
mod offer;
mod propose;
mod refresh;
mod stored;
mod types;

pub use error::{PriceFetchError, PricesError};
pub use job::job;
pub use offer::OfferChange;
pub use stored::{ListedBook, book_in_force, stored_book_in_force};
pub use types::{ACCEPT_ALL, Applies, LivePrices, PriceFetch, Prices, Refresh, RefreshOutcome, Refreshed};
