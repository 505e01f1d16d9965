//! The bills of providers on the command line.

use crate::error::AdminError;
use clap::{Args, Subcommand};
use opencredits_api::admin::{AdminRequest, DaySpan, ProviderRequest};
use opencredits_service::provider_bills::{BillColumns, IMPORT_BYTES_MAX};
use std::io::Read;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum ProviderCommand {
    /// Reads providers' bills, compares them with the cost that was booked, and fails where they differ too much.
    Reconcile(WhichBills),
    /// Compares the bills that are known, without asking a provider.
    Report(WhichBills),
    /// Stores a provider's bill from a CSV file. Each day of it replaces what was known of that day.
    Import(BillFile),
}

#[derive(Args)]
pub(crate) struct WhichBills {
    /// The vendor, by id. Default: all.
    vendor: Option<String>,
    /// A day, UTC. Default: the latest complete one.
    #[arg(long, value_name = "DAY", conflicts_with = "month")]
    day: Option<String>,
    /// A month, such as 2026-11: its complete days together.
    #[arg(long, value_name = "MONTH")]
    month: Option<String>,
}

#[derive(Args)]
pub(crate) struct BillFile {
    /// The vendor, by id.
    vendor: String,
    /// The file.
    file: PathBuf,
    /// The heading of the days. Default: day.
    #[arg(long, value_name = "HEADING")]
    day_column: Option<String>,
    /// The heading of the models. Default: model.
    #[arg(long, value_name = "HEADING")]
    model_column: Option<String>,
    /// The heading of the classes: input, `cache_read`, output and so on. Default: class.
    #[arg(long, value_name = "HEADING")]
    class_column: Option<String>,
    /// The heading of the tokens. Default: tokens.
    #[arg(long, value_name = "HEADING")]
    tokens_column: Option<String>,
    /// The heading of the amounts, in US dollars. Default: amount.
    #[arg(long, value_name = "HEADING")]
    amount_column: Option<String>,
    /// The heading of the currencies. Default: currency.
    #[arg(long, value_name = "HEADING")]
    currency_column: Option<String>,
}

impl WhichBills {
    fn days(&self) -> Option<DaySpan> {
        let month = self.month.clone().map(DaySpan::Month);
        self.day.clone().map(DaySpan::Day).or(month)
    }
}

impl ProviderCommand {
    pub(crate) fn request(&self) -> Result<AdminRequest, AdminError> {
        Ok(AdminRequest::Providers(match self {
            Self::Reconcile(which) => ProviderRequest::Reconcile { vendor: which.vendor.clone(), days: which.days() },
            Self::Report(which) => ProviderRequest::Report { vendor: which.vendor.clone(), days: which.days() },
            Self::Import(bill) => ProviderRequest::Import {
                vendor: bill.vendor.clone(),
                file: bill.read()?,
                columns: BillColumns {
                    day: bill.day_column.clone(),
                    model: bill.model_column.clone(),
                    class: bill.class_column.clone(),
                    tokens: bill.tokens_column.clone(),
                    amount: bill.amount_column.clone(),
                    currency: bill.currency_column.clone(),
                },
            },
        }))
    }
}

impl BillFile {
    /// One byte more than the gateway takes is enough for its refusal.
    fn read(&self) -> Result<String, AdminError> {
        let failed = |source| AdminError::File { path: self.file.clone(), source };
        let bytes_max = u64::try_from(IMPORT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        std::fs::File::open(&self.file).map_err(failed)?.take(bytes_max).read_to_end(&mut bytes).map_err(failed)?;
        String::from_utf8(bytes).map_err(|error| failed(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))
    }
}
