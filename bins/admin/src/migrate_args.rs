//! Moves an installation from its files to PostgreSQL, or back.

use crate::error::AdminError;
use crate::output::print;
use crate::progress::{Reader, Shown};
use crate::rekey;
use opencredits_backup::{LEDGER_FILE, MOVING_DIR, MigrateError, Migrated, Migrating, MovedTable, Way, migrate};
use opencredits_keys::Mode;
use opencredits_ledger::PostgresSettings;
use opencredits_service::TEST_DIR;
use opencredits_service::config::{Config, DatabaseSection, SecretText};
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Runtime;

pub(crate) const URL: &str = "database.url";
pub(crate) const TEST_URL: &str = "database.test_url";

/// A move of all data.
#[derive(clap::Args, Clone)]
pub(crate) struct MigrateOrder {
    #[command(flatten)]
    way: WayArguments,
    /// A file with the URL of the database. Default: `database.url` of the config.
    #[arg(long, value_name = "FILE")]
    url_file: Option<PathBuf>,
    /// The same for test mode. Default: `database.test_url` of the config.
    #[arg(long, value_name = "FILE")]
    test_url_file: Option<PathBuf>,
}

#[derive(clap::Args, Clone)]
#[group(required = true, multiple = false)]
struct WayArguments {
    /// From the files in the data folder to the database.
    #[arg(long)]
    to_database: bool,
    /// From the database to files in this folder, which has none.
    #[arg(long, value_name = "DIR")]
    to_files: Option<PathBuf>,
}

/// The data of a mode, and both places.
struct Part {
    mode: Mode,
    folder: PathBuf,
    database: PostgresSettings,
}

/// What is done of an order.
struct Parts {
    parts: Vec<Part>,
    /// What is left out.
    notes: Vec<String>,
}

impl MigrateOrder {
    /// Moves the data of both modes, or of test mode alone, and tells what was compared.
    pub(crate) fn run(
        &self,
        config: &Config,
        (is_test_only, is_json): (bool, bool),
        runtime: &Runtime,
    ) -> Result<ExitCode, AdminError> {
        let way = if self.way.to_database { Way::ToDatabase } else { Way::ToFiles };
        let Parts { parts, notes } = parts(self, config, is_test_only)?;
        let mut report = Report { reply: "migrated", to: name_of(way), modes: Vec::new(), notes };
        for Part { mode, folder, database } in parts {
            for folder in [folder.clone(), folder.join(MOVING_DIR)] {
                rekey::apply(config, &folder)?;
            }
            let shown = Shown::new("looking at both sides", Reader::of(is_json));
            let moved = shown.during(|progress| {
                let order = Migrating { way, folder: &folder, database: &database, mode, progress };
                runtime.block_on(migrate(order))
            })?;
            report.modes.push(ModeReport::new(mode, moved));
        }
        print(&if is_json { serde_json::to_string_pretty(&report)? } else { report.to_string() })?;
        let is_equal = report.modes.iter().all(|mode| mode.equal);
        Ok(if is_equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The modes that are moved: the live one, and test mode where both of its places are known.
fn parts(order: &MigrateOrder, config: &Config, is_test_only: bool) -> Result<Parts, AdminError> {
    let data = order.way.to_files.clone().unwrap_or_else(|| PathBuf::from(&config.data.dir));
    let set = &config.database;
    let live = url(order.url_file.as_deref(), set.url.as_ref(), set.url_file.as_deref())?;
    let test = url(order.test_url_file.as_deref(), set.test_url.as_ref(), set.test_url_file.as_deref())?;
    let mut parts = Parts { parts: Vec::new(), notes: Vec::new() };
    if !is_test_only {
        let text = live.ok_or(AdminError::NoDatabase { setting: URL, option: "--url-file" })?;
        parts.parts.push(Part { mode: Mode::Live, folder: data.clone(), database: parsed(&text, set)? });
    }
    let folder = data.join(TEST_DIR);
    let has_files = folder.join(LEDGER_FILE).is_file();
    match test {
        Some(text) if has_files || is_test_only || !order.way.to_database => {
            parts.parts.push(Part { mode: Mode::Test, folder, database: parsed(&text, set)? });
        }
        None if is_test_only => {
            return Err(AdminError::NoDatabase { setting: TEST_URL, option: "--test-url-file" });
        }
        None if has_files && order.way.to_database => {
            parts.notes.push(format!("test mode was not moved: {TEST_URL} is not set"));
        }
        Some(_) | None => {}
    }
    Ok(parts)
}

/// The text of a URL: that of the file of the command line, else of the setting, else of the setting's file.
pub(crate) fn url(
    named: Option<&Path>,
    setting: Option<&SecretText>,
    setting_file: Option<&str>,
) -> Result<Option<SecretText>, AdminError> {
    if let (None, Some(text)) = (named, setting) {
        return Ok(Some(text.clone()));
    }
    let Some(path) = named.or(setting_file.map(Path::new)) else { return Ok(None) };
    let wrong = |source| AdminError::File { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(wrong)?;
    SecretText::try_from(text).map(Some).map_err(|problem| wrong(std::io::Error::other(problem)))
}

/// How the database of a URL is spoken to. The error has nothing of the text in it.
pub(crate) fn parsed(text: &SecretText, set: &DatabaseSection) -> Result<PostgresSettings, AdminError> {
    let settings = PostgresSettings::parse(text.reveal()).map_err(MigrateError::from)?;
    match &set.ca_file {
        Some(path) => Ok(settings.with_authorities(Path::new(path)).map_err(MigrateError::from)?),
        None => Ok(settings),
    }
}

const fn name_of(way: Way) -> &'static str {
    match way {
        Way::ToDatabase => "database",
        Way::ToFiles => "files",
    }
}

/// What was moved and compared.
#[derive(Serialize)]
struct Report {
    /// The kind of this reply, as in other replies.
    reply: &'static str,
    to: &'static str,
    modes: Vec<ModeReport>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ModeReport {
    mode: &'static str,
    equal: bool,
    resumed: bool,
    source_head: String,
    head: String,
    accounts: u64,
    holds: u64,
    entries: u64,
    usage_moved: bool,
    tables: Vec<TableReport>,
    differences: Vec<String>,
    differences_total: u64,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct TableReport {
    name: String,
    rows: u64,
    sha256: String,
}

impl ModeReport {
    fn new(mode: Mode, moved: Migrated) -> Self {
        let table = |MovedTable { name, rows, sha256 }: MovedTable| TableReport { name, rows, sha256 };
        Self {
            mode: mode.name(),
            equal: moved.is_equal(),
            resumed: moved.resumed,
            source_head: moved.source_head.to_string(),
            head: moved.head.to_string(),
            accounts: moved.accounts,
            holds: moved.holds,
            entries: moved.entries,
            usage_moved: moved.has_usage,
            tables: moved.tables.into_iter().map(table).collect(),
            differences: moved.differences,
            differences_total: moved.differences_total,
            findings: moved.findings,
        }
    }

    fn text(&self, to: &str) -> String {
        let rows = self.tables.iter().fold(0_u64, |sum, table| sum.saturating_add(table.rows));
        let again = if self.resumed { ", going on with what was begun before" } else { "" };
        let lines = [
            format!("{} mode, to the {to}{again}", self.mode),
            format!("compared         {} accounts, {} holds, {} entries", self.accounts, self.holds, self.entries),
            format!("                 {rows} rows in {} tables of the store", self.tables.len()),
            format!("head of before   {}", self.source_head),
            format!("head             {}", self.head),
        ];
        let mut text = lines.join("\n");
        text.push('\n');
        if !self.usage_moved {
            text.push_str("the read model of usage was behind the ledger; the next start makes it anew\n");
        }
        if self.equal {
            text.push_str(
                "source and target are the same; keep the head of before, with which the hash chain of before ends\n",
            );
            return text;
        }
        let _written = writeln!(
            text,
            "{} differences and {} findings; no gateway starts on this target",
            self.differences_total,
            self.findings.len()
        );
        for found in self.differences.iter().chain(&self.findings) {
            let _written = writeln!(text, "  {found}");
        }
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modes: Vec<String> = self.modes.iter().map(|mode| mode.text(self.to)).collect();
        f.write_str(&modes.join("\n"))?;
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        if self.modes.iter().all(|mode| mode.equal) {
            let next = match self.to {
                "database" => "set database.url for every gateway, and start none on the files of before",
                _ => {
                    "take [database] out of the config, name this folder in data.dir, and start no gateway on the database"
                }
            };
            writeln!(f, "\n{next}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn order(arguments: &[&str]) -> Result<MigrateOrder, clap::Error> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            order: MigrateOrder,
        }
        let words = std::iter::once("migrate").chain(arguments.iter().copied());
        Line::try_parse_from(words).map(|line| line.order)
    }

    fn modes(arguments: &[&str], database: &str, is_test_only: bool) -> Result<Vec<&'static str>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(TEST_DIR)).unwrap();
        std::fs::write(folder.path().join(TEST_DIR).join(LEDGER_FILE), "").unwrap();
        let mut config = Config::read(&format!("[database]\n{database}"), []).unwrap();
        config.data.dir = folder.path().display().to_string();
        let found = parts(&order(arguments).unwrap(), &config, is_test_only).map_err(|error| error.to_string())?;
        Ok(found.parts.iter().map(|part| part.mode.name()).collect())
    }

    #[test]
    fn a_way_is_named_and_only_one() {
        assert!(order(&[]).is_err());
        assert!(order(&["--to-database", "--to-files", "x"]).is_err());
        assert!(order(&["--to-database", "--url-file", "x"]).is_ok());
        assert!(order(&["--to-files", "x", "--test-url-file", "y"]).is_ok());
    }

    #[test]
    fn a_mode_is_moved_where_its_database_is_known() {
        let (live, both) = ("url = \"host=a\"", "url = \"host=a\"\ntest_url = \"host=b\"");
        let way = &["--to-database"];
        assert_eq!(modes(way, live, false), Ok(vec!["live"]));
        assert_eq!(modes(way, both, false), Ok(vec!["live", "test"]));
        assert_eq!(modes(way, both, true), Ok(vec!["test"]));
        assert_eq!(modes(&["--to-files", "elsewhere"], both, false), Ok(vec!["live", "test"]));
        assert!(modes(way, "", false).unwrap_err().contains("set database.url in the config, or name"));
        assert!(modes(way, live, true).unwrap_err().contains("set database.test_url in the config, or name"));
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        std::fs::write(&path, "postgres://app:canary@db:port/a\n").unwrap();
        let named = path.to_str().unwrap();
        let error = modes(&["--to-database", "--url-file", named], "", false).unwrap_err();
        assert!(error.starts_with("cannot use the database") && !error.contains("canary"), "{error}");
        let trusting = modes(&["--to-database"], "url = \"host=a\"\nca_file = \"/nowhere\"", false).unwrap_err();
        assert!(trusting.contains("cannot read the certificates in /nowhere"), "{trusting}");
        let error = modes(&["--to-database", "--url-file", "nowhere"], "", false).unwrap_err();
        assert!(error.starts_with("cannot use nowhere"), "{error}");
    }
}
