//! The models, their prices, and the pricing of usage.
//!
//! The price book is data, versioned: one is compiled in, and others are read by [`Catalog::from_book`]; an operator adds
//! models of their own. [`BookDiff`] compares two books, and its findings say what a person should look at before the new
//! one is used. A [`PriceCard`] gives the
//! highest cost of a request ([`PriceCard::quote`]) and the cost of a usage ([`PriceCard::price`]). [`Terms`] turn a
//! cost into a charge.
//!
//! # What it refuses to do
//! No I/O, no clock, no floats. It knows no wire format, and no model without a price: a route cannot exist without
//! one.
//!
//! # Invariants
//! - Every usage within a [`PriceRequest`] costs at most its quote (a property test over the whole book).
//! - One rounding for each request, up, in [`Terms::charge`]; a bill's lines are exact.
//! - Cost, margin and commission of a [`Charge`] add up to its total.
//!
//! # Example
//! ```
//! use opencredits_catalog::{Catalog, Terms};
//! use opencredits_units::{BasisPoints, Bucket, CreditPrice, Tokens, Usage};
//!
//! let prices = r#"
//!     [[model]]
//!     id = "author/model"
//!     vendor = "vendor"
//!     context_window = 400000
//!     max_output_tokens = 128000
//!     prices = { input = "1.75", output = "14" }
//! "#;
//! let catalog = Catalog::empty().with_operator(prices).unwrap();
//! let model = catalog.resolve("Author/Model").unwrap();
//!
//! let mut usage = Usage::default();
//! usage.set(Bucket::InputUncached, Tokens::new(2_500));
//! usage.set(Bucket::Output, Tokens::new(2_500));
//! let bill = model.route.card.price(&usage, None).unwrap();
//!
//! let terms = Terms { markup: BasisPoints::new(2_500), partner_share: BasisPoints::ZERO };
//! let charge = terms.charge(bill.cost).unwrap();
//! assert_eq!(CreditPrice::default().show(charge.total).to_string(), "4.921875");
//! ```
#![warn(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions)]

mod book;
mod card;
mod catalog;
mod diff;
mod error;
mod finding;
mod model;
mod names;
mod offer;
mod rates;
mod recompute;
mod terms;
mod version;

pub use card::{Bill, BillLine, Item, PriceCard, PriceRequest};
pub use catalog::{BOOK_BYTES_MAX, BOOK_MODELS_MAX, Catalog};
pub use diff::{BookDiff, FactChange, PriceChange, PricePlace, RouteChange, Vanished};
pub use error::CatalogError;
pub use finding::{Finding, FindingKind};
pub use model::{Model, ModelKind, Route};
pub use offer::{ModelPattern, OfferTerms};
pub use recompute::{StatedLine, recompute};
pub use terms::{Charge, Terms};
pub use version::BookVersion;
