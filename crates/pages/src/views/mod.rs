//! The views: one file each. Each has `samples()`, which tests render.

mod checkout;
mod consent;
mod notice;
mod shell;

pub use checkout::{Checkout, CheckoutEnd};
pub use consent::{Consent, ConsentApp, ConsentKind};
pub use notice::Notice;
pub use shell::Shell;
