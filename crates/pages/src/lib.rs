//! Pages for people: templates, words, style sheets and scripts, and the views that fill them.
//!
//! A [`View`] is a plain struct of texts and figures. [`Pages`] writes it as HTML, either as a whole document or as the part
//! that stands in `<main>`. All text is in `words/en.toml`; templates have none. Assets are compiled in, and are served
//! under names that contain a digest of their bytes.
//!
//! # What it refuses to do
//! It knows no route, no header and no session, and it does no I/O. A value that is missing in a template is an error.
//!
//! # Invariants
//! - Every text of a view is escaped. The one exception is [`Markup`], which this crate makes from its own documentation.
//! - No page has a script or a style of its own: they are assets.
//!
//! ```
//! use opencredits_pages::{Chrome, Pages, Site, views::Notice};
//! let pages = Pages::new(Site::sample()).unwrap();
//! let page = pages.page(&Notice::not_found("/nowhere", "req_1"), &Chrome::public("/nowhere")).unwrap();
//! assert!(page.starts_with("<!doctype html>"));
//! ```

mod assets;
pub mod chart;
mod chrome;
pub mod docs;
mod error;
pub mod figures;
mod markup;
mod packed;
mod pages;
mod site;
mod templates;
mod view;
pub mod views;
pub mod when;
mod words;

pub use assets::{Asset, Assets};
pub use chrome::{Area, Chrome};
pub use error::PagesError;
pub use markup::Markup;
pub use packed::Packed;
pub use pages::Pages;
pub use site::{Operator, Policy, Site};
pub use view::View;
