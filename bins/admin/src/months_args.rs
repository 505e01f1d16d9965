//! The months of a ledger in a database: listed, archived, brought back, and verified with their files. Gateways may run meanwhile.

use crate::confirm::{Agreement, agreed};
use crate::error::AdminError;
use crate::migrate_args::{TEST_URL, URL, parsed, url};
use crate::output::print;
use crate::progress::{Reader, Shown};
use crate::table::{Table, or_dash};
use clap::{Args, Subcommand};
use opencredits_ledger::{
    ArchiveError, Archives, ChainHead, Closing, EntriesPart, PartRow, PostgresSettings, VerifyReport,
};
use opencredits_service::config::Config;
use opencredits_units::Progress;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Runtime;

/// The database of the ledger.
#[derive(Args, Clone)]
pub(crate) struct DatabaseArgument {
    /// A file with the URL of the database. Default: `database.url` of the config, or `database.test_url` with --test.
    #[arg(long, value_name = "FILE")]
    url_file: Option<PathBuf>,
}

/// Files of archived months, for a verification.
#[derive(Args, Clone)]
pub(crate) struct ArchiveFiles {
    /// The file of an archived month, whose entries are verified as well; may be repeated. For a ledger in PostgreSQL.
    #[arg(long = "archive", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A file with the URL of the database. Default: as with `ledger months`.
    #[arg(long, value_name = "FILE", requires = "files")]
    url_file: Option<PathBuf>,
}

#[derive(Subcommand, Clone)]
pub(crate) enum MonthsCommand {
    /// Lists the months of a ledger in PostgreSQL, and what is archived.
    Months {
        #[command(flatten)]
        database: DatabaseArgument,
    },
    /// Archives the charges of an old month of a ledger in PostgreSQL into a new file. Everything else of it stays.
    Archive {
        /// The month, such as 2025-01, or before-2026-12: one that `ledger months` lists. The oldest comes first.
        part: EntriesPart,
        /// The file.
        file: PathBuf,
        /// Drops the table that had the month, in place of keeping it beside the ledger.
        #[arg(long)]
        drop: bool,
        #[command(flatten)]
        agreement: Agreement,
        #[command(flatten)]
        database: DatabaseArgument,
    },
    /// Brings the charges of an archived month back from its file.
    Restore {
        /// The file that `ledger archive` wrote.
        file: PathBuf,
        #[command(flatten)]
        database: DatabaseArgument,
    },
}

/// What is done with the months.
#[derive(Clone)]
enum What {
    List,
    Archive { part: EntriesPart, file: PathBuf, drop: bool },
    Restore { file: PathBuf },
    Verify { head: Option<ChainHead>, files: Vec<PathBuf> },
}

/// What is done with the months of a database.
#[derive(Clone)]
pub(crate) struct MonthsOrder {
    what: What,
    url_file: Option<PathBuf>,
}

impl ArchiveFiles {
    /// A verification with the files, where there are some.
    pub(crate) fn order(&self, head: Option<ChainHead>) -> Option<MonthsOrder> {
        let what = What::Verify { head, files: self.files.clone() };
        let order = MonthsOrder { what, url_file: self.url_file.clone() };
        (!self.files.is_empty()).then_some(order)
    }
}

impl MonthsCommand {
    pub(crate) fn order(&self) -> Result<MonthsOrder, AdminError> {
        let (what, database) = match self {
            Self::Months { database } => (What::List, database),
            Self::Archive { part, file, drop, agreement, database } => {
                let warning = || format!("The charges of {part} will be in {} alone.", file.display());
                agreed(agreement.unless_given(warning).filter(|_| *drop))?;
                (What::Archive { part: *part, file: file.clone(), drop: *drop }, database)
            }
            Self::Restore { file, database } => (What::Restore { file: file.clone() }, database),
        };
        Ok(MonthsOrder { what, url_file: database.url_file.clone() })
    }
}

impl MonthsOrder {
    /// Does it, and shows what came of it.
    pub(crate) fn run(
        &self,
        config: &Config,
        (is_test, is_json): (bool, bool),
        runtime: &Runtime,
    ) -> Result<ExitCode, AdminError> {
        let settings = self.settings(config, is_test)?;
        let shown = Shown::new("asking the database", Reader::of(is_json));
        let report = shown.during(|progress| runtime.block_on(self.done(&settings, progress)))?;
        drop(shown);
        print(&if is_json { serde_json::to_string_pretty(&report)? } else { report.text() })?;
        Ok(if matches!(report, Report::Verified { clean: false, .. }) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn settings(&self, config: &Config, is_test: bool) -> Result<PostgresSettings, AdminError> {
        let set = &config.database;
        let (setting, text, file) = match is_test {
            true => (TEST_URL, &set.test_url, &set.test_url_file),
            false => (URL, &set.url, &set.url_file),
        };
        let found = url(self.url_file.as_deref(), text.as_ref(), file.as_deref())?;
        parsed(&found.ok_or(AdminError::NoDatabase { setting, option: "--url-file" })?, set)
    }

    async fn done(&self, settings: &PostgresSettings, progress: &Progress) -> Result<Report, ArchiveError> {
        let archives = Archives::open(settings).await?;
        Ok(match &self.what {
            What::List => Report::Months { months: archives.parts().await?.iter().map(Listed::of).collect() },
            What::Archive { part, file, drop } => {
                let closing = archives.archive(*part, file, *drop, progress).await?;
                Report::Archived {
                    month: part.to_string(),
                    entries: closing.entries,
                    file: file.clone(),
                    dropped: *drop,
                }
            }
            What::Restore { file } => {
                let Closing { part, entries, .. } = archives.restore(file, progress).await?;
                Report::Restored { month: part.to_string(), entries }
            }
            What::Verify { head, files } => {
                Report::verified(&archives.verify(*head, files, progress).await?, head.is_some())
            }
        })
    }
}

/// What came of it.
#[derive(Serialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
enum Report {
    #[serde(rename = "ledger_months")]
    Months { months: Vec<Listed> },
    #[serde(rename = "ledger_archived")]
    Archived { month: String, entries: u64, file: PathBuf, dropped: bool },
    #[serde(rename = "ledger_restored")]
    Restored { month: String, entries: u64 },
    #[serde(rename = "ledger_verified")]
    Verified {
        clean: bool,
        accounts: u64,
        entries: u64,
        holds: u64,
        archived: u64,
        has_head: bool,
        findings: Vec<String>,
        findings_total: u64,
    },
}

#[derive(Serialize)]
struct Listed {
    /// `None` for entries of no month.
    month: Option<String>,
    entries_about: u64,
    bytes: u64,
    archived_entries: Option<u64>,
    archive_sha256: Option<String>,
    kept_beside_bytes: Option<u64>,
}

impl Listed {
    fn of(row: &PartRow) -> Self {
        Self {
            month: row.part.map(|part| part.to_string()),
            entries_about: row.entries,
            bytes: row.bytes,
            archived_entries: row.archived,
            archive_sha256: row.sha256.clone(),
            kept_beside_bytes: row.beside_bytes,
        }
    }
}

impl Report {
    fn verified(report: &VerifyReport, has_head: bool) -> Self {
        Self::Verified {
            clean: report.is_clean(),
            accounts: report.accounts,
            entries: report.entries,
            holds: report.holds,
            archived: report.archived,
            has_head,
            findings: report.findings.iter().map(ToString::to_string).collect(),
            findings_total: report.findings_total,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Months { months } => listed(months),
            Self::Archived { month, entries, file, dropped } => archived(month, *entries, file, *dropped),
            Self::Restored { month, entries } => format!("{entries} charges of {month} are in the ledger again\n"),
            Self::Verified { .. } => self.verification(),
        }
    }

    fn verification(&self) -> String {
        let Self::Verified { clean, accounts, entries, holds, archived, has_head, findings, findings_total } = self
        else {
            return String::new();
        };
        let mut text = format!("checked {entries} entries, {accounts} accounts and {holds} open holds: ");
        if *clean {
            text.push_str("everything adds up\n");
        } else {
            let _infallible = writeln!(text, "{findings_total} things do not add up");
        }
        findings.iter().for_each(|finding| {
            let _infallible = writeln!(text, "  {finding}");
        });
        if *archived > 0 {
            let _infallible = writeln!(text, "{archived} archived entries were counted by their sums");
        }
        if *clean && *has_head {
            text.push_str("the ledger has every commit up to the given head\n");
        }
        text
    }
}

fn listed(months: &[Listed]) -> String {
    let mut table = Table::new(["month", "entries", "bytes", "archived", "kept beside", "sha256"]);
    for row in months {
        table.row([
            row.month.clone().unwrap_or_else(|| "others".to_owned()),
            row.entries_about.to_string(),
            row.bytes.to_string(),
            or_dash(row.archived_entries),
            or_dash(row.kept_beside_bytes),
            or_dash(row.archive_sha256.as_ref()),
        ]);
    }
    table.text("there are no entries")
}

fn archived(month: &str, entries: u64, file: &Path, dropped: bool) -> String {
    let mut text = format!("{entries} charges of {month} are in {}; everything else of it stays\n", file.display());
    text.push_str("keep the file in two places: without it nobody knows the single charges any more\n");
    if !dropped {
        let table = month.replace('-', "_");
        let _infallible =
            writeln!(text, "the table of before is kept: DROP TABLE ledger_archived_{table} gives its space back");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: MonthsCommand,
    }

    fn order(words: &[&str]) -> Result<MonthsOrder, String> {
        let words = std::iter::once("ledger").chain(words.iter().copied());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.command.order().map_err(|error| error.to_string())
    }

    #[test]
    fn a_month_is_named_as_it_is_listed() {
        let archive = |part| order(&["archive", part, "file"]).map(|order| order.what);
        assert!(matches!(archive("2025-01"), Ok(What::Archive { part: EntriesPart::Of(_), drop: false, .. })));
        assert!(matches!(archive("before-2026-12"), Ok(What::Archive { part: EntriesPart::Before(_), .. })));
        let refused = archive("January").err().unwrap();
        assert!(refused.contains("write one as 2026-09"), "{refused}");
    }

    #[test]
    fn a_table_is_dropped_once_that_is_agreed_to() {
        assert!(order(&["archive", "2025-01", "file", "--drop"]).err().unwrap().contains("in file alone"));
        let agreed = order(&["archive", "2025-01", "file", "--drop", "--yes"]).map(|order| order.what);
        assert!(matches!(agreed, Ok(What::Archive { drop: true, .. })));
    }

    #[test]
    fn the_database_is_that_of_the_mode_or_of_the_file_that_is_named() {
        let config = Config::read("[database]\nurl = \"host=live\"", []).unwrap();
        let months = order(&["months"]).unwrap();
        assert!(months.settings(&config, false).is_ok());
        let error = months.settings(&config, true).err().unwrap().to_string();
        assert!(error.contains("set database.test_url in the config"), "{error}");
        let named = order(&["restore", "file", "--url-file", "/nowhere/url"]).unwrap();
        let error = named.settings(&config, false).err().unwrap().to_string();
        assert!(error.contains("/nowhere/url"), "{error}");
    }

    #[test]
    fn months_are_shown_in_a_table() {
        let row = |month: Option<&str>, archived| Listed {
            month: month.map(str::to_owned),
            entries_about: 7,
            bytes: 8_192,
            archived_entries: archived,
            archive_sha256: archived.map(|_| "ab12".to_owned()),
            kept_beside_bytes: None,
        };
        let shown = Report::Months { months: vec![row(Some("2025-01"), Some(5)), row(None, None)] }.text();
        let expect = "MONTH    ENTRIES  BYTES  ARCHIVED  KEPT BESIDE  SHA256\n\
                      2025-01  7        8192   5         -            ab12\n\
                      others   7        8192   -         -            -\n";
        assert_eq!(shown, expect);
    }
}
