//! Log lines: ids and counts, never content, keys or addresses.

use opencredits_service::config::{ConfigError, Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// The target of the store's migrations, which logs every start in full, with paths of our build.
const TALKATIVE: &str = "refinery_core";
/// The levels at which it does so.
const TALKS_AT: [&str; 3] = ["info", "debug", "trace"];

/// Sends log lines to standard error in the configured form.
pub(crate) fn start(log: &Log) -> Result<LogFilter, ConfigError> {
    let filter = filter(log)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let (started, exchange) = match log.format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
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
    Ok(exchange)
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
    EnvFilter::try_new([&*log.filter, &*more].concat())
        .map_err(|_| ConfigError::Invalid { field: "log.filter", problem })
}
