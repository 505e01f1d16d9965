//! A provider's billing report on a loopback port: what an organization was billed, in both forms that providers have.
//!
//! It is strict: a missing header, an unknown parameter, a cursor that it has not given, or a span beyond its bounds is
//! refused with 400 or 401, as the real ones do.
//!
//! ```
//! use opencredits_testkit::bills::{BillForm, BillingDouble, BilledItem};
//! let double = BillingDouble::start(BillForm::Costs).unwrap();
//! double.set_bill(vec![BilledItem::new(20_000, "gpt-4o-2024-08-06", "input", "0.25", 100_000)]);
//! assert!(double.vendor_toml("v").contains(&double.base_url()));
//! ```

mod answer;
mod double;
mod query;
mod server;

pub use double::{ADMIN_KEY, BillFault, BillForm, BillRequest, BilledItem, BillingDouble};
