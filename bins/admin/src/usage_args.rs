//! Usage and bills on the command line.

use crate::dates::{self, Dates};
use crate::error::AdminError;
use clap::{Args, Subcommand, ValueEnum};
use opencredits_api::admin::{AdminRequest, CheckBills, OfGeneration, ShowUsage, UsageGroupBy};
use opencredits_units::{EntryId, GenerationId};

/// Usage in groups.
#[derive(Args)]
pub(crate) struct UsageArguments {
    /// The property by which it is grouped.
    #[arg(long, value_enum, default_value = "day")]
    by: By,
    /// The largest number of groups: those with the highest charges, or the latest days.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    top: u32,
    #[command(flatten)]
    dates: Dates,
    /// Prints CSV.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    Person,
    Partner,
    Model,
    Vendor,
    Key,
    Day,
}

/// What is done with bills.
#[derive(Subcommand)]
pub(crate) enum BillCommand {
    /// Recomputes bills from what their records state, and compares.
    Verify(VerifyBills),
}

/// Bills to recompute.
#[derive(Args)]
pub(crate) struct VerifyBills {
    /// The request, `gen_…`.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<GenerationId>,
    /// All requests of a day.
    #[arg(long, requires = "day")]
    all: bool,
    /// The day, UTC.
    #[arg(long, value_name = "DAY", requires = "all")]
    day: Option<String>,
    /// The cursor: what the call before printed.
    #[arg(long, value_name = "ID", requires = "all")]
    after: Option<EntryId>,
}

impl UsageArguments {
    pub(crate) fn request(&self) -> Result<ShowUsage, AdminError> {
        let by = match self.by {
            By::Person => UsageGroupBy::Person,
            By::Partner => UsageGroupBy::Partner,
            By::Model => UsageGroupBy::Model,
            By::Vendor => UsageGroupBy::Vendor,
            By::Key => UsageGroupBy::Key,
            By::Day => UsageGroupBy::Day,
        };
        Ok(ShowUsage { by, from_ms: self.dates.begin_ms()?, until_ms: self.dates.end_ms()?, max: self.top })
    }
}

impl VerifyBills {
    pub(crate) fn request(&self) -> Result<AdminRequest, AdminError> {
        if let Some(id) = self.id {
            return Ok(AdminRequest::CheckBill(OfGeneration { id }));
        }
        let (from_ms, length_ms) = dates::parse(self.day.as_deref().unwrap_or_default())?;
        let until_ms = from_ms.saturating_add_ms(length_ms);
        Ok(AdminRequest::CheckBills(CheckBills { from_ms, until_ms, after: self.after }))
    }
}
