//! A ZIP archive that is written from its beginning to its end, and taken in portions.

use crate::privacy::error::PrivacyError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use opencredits_units::UnixMs;
use parking_lot::Mutex;
use std::io::{self, Write};
use std::sync::Arc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The permissions of the files: their owner's.
const MODE: u32 = 0o600;

/// The bytes that were packed and not taken yet.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) struct Archive {
    zip: ZipWriter<StreamWriter<Output>>,
    output: Output,
    options: SimpleFileOptions,
}

impl Archive {
    pub(super) fn new(now: UnixMs) -> Self {
        let output = Output::default();
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(date(now).unwrap_or_default())
            .unix_permissions(MODE)
            // A file may exceed 4 GiB.
            .large_file(true);
        Self { zip: ZipWriter::new_stream(output.clone()), output, options }
    }

    /// Begins a file; the one before ends.
    pub(super) fn begin(&mut self, name: &str) -> Result<(), PrivacyError> {
        self.zip.start_file(name, self.options).map_err(wrong)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), PrivacyError> {
        self.zip.write_all(bytes).map_err(wrong)
    }

    /// What was packed, once it is this much.
    pub(super) fn take(&self, least: usize) -> Option<Vec<u8>> {
        let mut output = self.output.0.lock();
        (output.len() >= least).then(|| std::mem::take(&mut *output))
    }

    /// The rest, with the table of contents.
    pub(super) fn finish(self) -> Result<Vec<u8>, PrivacyError> {
        let Self { zip, output, .. } = self;
        zip.finish().map_err(wrong)?;
        let rest = std::mem::take(&mut *output.0.lock());
        Ok(rest)
    }
}

fn wrong(error: impl std::fmt::Display) -> PrivacyError {
    PrivacyError::Archive(error.to_string())
}

/// The time as archives have it, in UTC.
fn date(now: UnixMs) -> Option<DateTime> {
    let at = Timestamp::from_millisecond(i64::try_from(now.get()).ok()?).ok()?;
    let at = TimeZone::UTC.to_datetime(at);
    let part = |value: i8| u8::try_from(value).ok();
    let (year, [month, day]) = (u16::try_from(at.year()).ok()?, [part(at.month())?, part(at.day())?]);
    DateTime::from_date_and_time(year, month, day, part(at.hour())?, part(at.minute())?, part(at.second())?).ok()
}
