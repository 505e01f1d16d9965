//! Log lines: ids and counts, never content, keys or addresses.

use crate::access_format::AccessFormat;
use crate::error::StartError;
use crate::waiting_lines::{LastLines, WaitingLines};
use opencredits_service::access::{ACCESS_TARGET, AccessLines};
use opencredits_service::config::{ConfigError, Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

/// The target of the store's migrations, which logs every start in full, with paths of our build.
const TALKATIVE: &str = "refinery_core";
/// The levels at which it does so.
const TALKS_AT: [&str; 3] = ["info", "debug", "trace"];

/// Sends log lines to standard error in the configured form. Lines that wait are written when the guard is dropped.
pub(crate) fn start(log: &Log) -> Result<(LogFilter, LastLines), StartError> {
    let filter = filter(log)?;
    let io = |source| StartError::Io { what: "threads".to_owned(), source };
    let (waiting, guard) = WaitingLines::to(std::io::stderr()).map_err(io)?;
    let writer = waiting.of_access().with_filter(|line| line.target() == ACCESS_TARGET).or_else(waiting);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let (started, exchange) = match log.format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).map_event_format(|rest| AccessFormat { rest });
            let lines = lines.with_filter_reloading();
            let (handle, started) = (lines.reload_handle(), lines.try_init());
            (started, LogFilter(Box::new(move |filter| handle.reload(filter).is_ok())))
        }
        LogFormat::Pretty => {
            let lines = lines.compact().with_target(false).with_ansi(std::io::stderr().is_terminal());
            let lines = lines.with_filter_reloading();
            let (handle, started) = (lines.reload_handle(), lines.try_init());
            (started, LogFilter(Box::new(move |filter| handle.reload(filter).is_ok())))
        }
    };
    if started.is_err() {
        tracing::warn!("another log was there before; its form holds");
    }
    Ok((exchange, guard))
}

/// Exchanges the filter of log lines.
pub(crate) struct LogFilter(Box<dyn Fn(EnvFilter) -> bool + Send + Sync>);

impl LogFilter {
    pub(crate) fn set(&self, filter: EnvFilter) {
        if !(self.0)(filter) {
            tracing::warn!("another log was there before; its filter holds");
        }
    }
}

/// The filter of log lines: the operator's, and warnings only from verbose targets that it does not name.
pub(crate) fn filter(log: &Log) -> Result<EnvFilter, ConfigError> {
    let problem = "is no filter; set it to \"info\", say, or \"info,hyper=warn\"";
    let talks = |level: &str| TALKS_AT.iter().any(|known| level.trim().eq_ignore_ascii_case(known));
    let quiet = log.filter.split(',').any(talks) && !log.filter.contains(TALKATIVE);
    let more = if quiet { format!(",{TALKATIVE}=warn") } else { String::new() };
    // The access log has settings of its own, whatever the level of other lines is.
    let access = if log.access == AccessLines::Off || log.filter.contains(ACCESS_TARGET) {
        String::new()
    } else {
        format!(",{ACCESS_TARGET}=info")
    };
    EnvFilter::try_new([&*log.filter, &*more, &*access].concat())
        .map_err(|_| ConfigError::Invalid { field: "log.filter", problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The directives of what a config says, in any order.
    fn check(toml: &str, access: Option<&str>) {
        let config = opencredits_service::config::Config::read(toml, []).unwrap();
        let directives = filter(&config.log).unwrap().to_string();
        let found = directives.split(',').find_map(|directive| directive.strip_prefix("access="));
        assert_eq!(found, access, "{toml}: {directives}");
    }

    #[test]
    fn the_access_log_is_heard_at_any_level_unless_it_is_off_or_the_filter_names_it() {
        check("", Some("info"));
        check("[log]\nfilter = \"warn\"", Some("info"));
        check("[log]\nfilter = \"off\"", Some("info"));
        check("[log]\nfilter = \"info,access=off\"", Some("off"));
        check("[log]\naccess = \"errors\"", Some("info"));
        check("[log]\naccess = \"off\"", None);
    }
}
