//! Errors of the comparison with providers' bills.

use crate::fault::Fault;
use opencredits_providers::TransportError;
use opencredits_store::StoreError;

/// A bill could not be read or compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The caller named a vendor that does not exist.
    #[error("no vendor {vendor}; `opencredits-admin config check` lists them")]
    NoVendor {
        /// The name.
        vendor: String,
    },
    /// The vendor has no interface for its bill, and none was imported.
    #[error("no bill of {vendor} is known for these days; import it with `opencredits-admin provider import`")]
    NoBill {
        /// The vendor.
        vendor: String,
    },
    /// The administrative key is not set.
    #[error("the billing report of {vendor} needs an administrative key; set {variable}")]
    NoKey {
        /// The vendor.
        vendor: String,
        /// The environment variable of the key.
        variable: String,
    },
    /// The days are not complete, or are too many.
    #[error("{days} cannot be compared: {problem}")]
    Days {
        /// The days.
        days: String,
        /// The problem and its remedy.
        problem: &'static str,
    },
    /// The vendor did not answer.
    #[error("{vendor} did not tell its bill: {source}")]
    Transport {
        /// The vendor.
        vendor: String,
        /// The reason.
        source: TransportError,
    },
    /// The vendor refused.
    #[error("{vendor} answered {status} to the request for its bill{}", remedy(*.status, .variable))]
    Status {
        /// The vendor.
        vendor: String,
        /// The HTTP status.
        status: u16,
        /// The environment variable of the key.
        variable: String,
    },
    /// The vendor's answer is no bill.
    #[error("page {page} of the bill of {vendor} cannot be read: {problem}")]
    Page {
        /// The vendor.
        vendor: String,
        /// The page, from 1.
        page: usize,
        /// The problem.
        problem: &'static str,
    },
    /// A file is no bill.
    #[error("line {line}: {problem}")]
    File {
        /// The line, from 1.
        line: u64,
        /// The problem and its remedy.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Usage could not be projected.
    #[error(transparent)]
    Usage(#[from] Fault),
    /// An amount fits no integer.
    #[error("the bill of {vendor} has an amount that fits no integer; nothing was stored of that day")]
    Overflow {
        /// The vendor.
        vendor: String,
    },
}

fn remedy(status: u16, variable: &str) -> String {
    match status {
        401 | 403 => {
            format!("; check that the key in {variable} is an administrative one with the right to read usage")
        }
        404 => "; check path and base_url of its billing_report".to_owned(),
        _ => "; try again later".to_owned(),
    }
}
