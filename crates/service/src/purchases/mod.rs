//! Purchases of credits: orders, their pages, and what becomes of their payments.
//!
//! Everything converges. A webhook, the return page, a poll, a job and the operator all call [`Purchases::settle`], which
//! reads what the payment processor says now, computes where the books must stand, and books the difference. So events
//! may come twice, late, in any order or never.
//!
//! There is no transaction across ledger and store: a booking is stored with the order before it is made, its entries have
//! ids that follow from it, and it is made again until it is known to be made.

mod booking;
mod charging;
mod create;
mod error;
mod forget;
pub mod jobs;
mod listed;
mod mailed;
mod movements;
mod reconcile;
mod refund;
#[cfg(test)]
mod schedules;
mod settle;
mod state;
mod target;
mod terms;
#[cfg(test)]
mod tests;
mod top_up;
mod webhook;

pub use booking::{Effect, debt_of};
pub use create::NewOrder;
pub use error::PurchaseError;
pub use listed::Listed;
pub use mailed::MailedNotices;
pub use reconcile::{ReconcileReport, Unmoved};
pub use settle::{Settled, SettledOrder};
pub use state::{
    OnFraudWarning, PurchaseNotice, PurchaseNotices, PurchasePorts, PurchaseSettings, PurchaseTables, Purchases,
};
pub use terms::{Bonus, CurrencyTerms, NotSold, Price, SaleTerms};
pub use top_up::TopUpRule;
pub use webhook::Heard;
