//! What a command line asks for.

use crate::catalog_args::Steps;
use crate::config_args::ConfigTask;
use crate::confirm::Previewed;
use crate::doctor::DoctorOrder;
use crate::live::Live;
use crate::migrate_args::MigrateOrder;
use crate::months_args::MonthsOrder;
use crate::rekey::RekeyOrder;
use clap::Args;
use opencredits_api::admin::AdminRequest;
use std::path::PathBuf;
/// The task of a command line.
pub(crate) enum Task {
    /// A request to the gateway or the files.
    Request(AdminRequest),
    /// The same, and the reply is printed as CSV.
    Csv(AdminRequest),
    /// A request, and another one once the operator agrees to what the first reply shows.
    InSteps(Steps),
    /// The config is read or changed.
    Config(ConfigTask),
    /// A ledger is opened although it lost commits.
    AcceptLoss,
    /// A backup is restored or checked.
    Restore(RestoreOrder),
    /// A request that is made once the operator agrees to what is shown first.
    Previewed(Box<Previewed>),
    /// A key is made in a new file.
    KeyFile(PathBuf),
    /// The data files get another key.
    Rekey(RekeyOrder),
    /// All data is moved to a database, or back.
    Migrate(MigrateOrder),
    /// Months of a ledger in a database are listed, archived, brought back or verified.
    Months(MonthsOrder),
    /// The running gateway is shown at work.
    Live(Live),
    /// The installation is checked.
    Doctor(DoctorOrder),
    /// Manual pages and completions are written.
    Manual(PathBuf),
}

/// A backup to restore or to check.
#[derive(Args, Clone)]
pub(crate) struct RestoreOrder {
    /// The backup, a folder opencredits-…Z.
    pub(crate) backup: PathBuf,
    /// The data folder. Default: that of --data, else the config's.
    #[arg(long, value_name = "DATA_DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Moves the data that is there aside, into a dated folder within the data folder. Nothing is deleted.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Verifies the backup and restores nothing.
    #[arg(long, conflicts_with_all = ["to", "replace"])]
    pub(crate) check: bool,
}
