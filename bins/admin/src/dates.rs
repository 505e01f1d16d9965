//! Days and times on the command line, UTC.

use crate::error::AdminError;
use clap::Args;
use opencredits_service::day_or_time;
use opencredits_units::UnixMs;

/// An interval.
#[derive(Args, Clone, Default)]
pub(crate) struct Dates {
    /// From this day or time on, UTC: `2026-11-30` or `2026-11-30T08:00:00Z`.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Until the end of this day, or before this time.
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
}

impl Dates {
    /// The beginning.
    pub(crate) fn begin_ms(&self) -> Result<Option<UnixMs>, AdminError> {
        self.from.as_deref().map(|text| parse(text).map(|(begin, _)| begin)).transpose()
    }

    /// The end, which is not included.
    pub(crate) fn end_ms(&self) -> Result<Option<UnixMs>, AdminError> {
        self.to.as_deref().map(end_of).transpose()
    }
}

/// The end of a day, or a time.
pub(crate) fn end_of(text: &str) -> Result<UnixMs, AdminError> {
    let (begin, length_ms) = parse(text)?;
    Ok(begin.saturating_add_ms(length_ms))
}

/// The beginning of a day and its length, or a time and zero.
pub(crate) fn parse(text: &str) -> Result<(UnixMs, u64), AdminError> {
    day_or_time(text).ok_or_else(|| AdminError::Date { text: text.to_owned() })
}
