//! Everything about a person as one archive: JSON and CSV of each kind, and a page that says what each file is.
//!
//! The archive is written in portions: a page of rows is read, packed and handed on before the next one is read, so that
//! its size does not matter.

mod archive;
mod exporter;
mod grants;
mod rows;
mod sections;

pub use exporter::{ExportTables, Exporter};

use super::error::PrivacyError;
use archive::Archive;
use async_trait::async_trait;
use opencredits_store::User;
use opencredits_units::{Measure, Progress, UnixMs};
use rows::{Cursor, Row, csv_head, csv_row, json_row};
use sections::Section;

/// Bytes that gather before they are handed on, about.
const PORTION_BYTES: usize = 64 * 1024;

/// Whoever takes the archive has gone away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExportClosed(pub String);

/// Takes an archive in portions.
#[async_trait]
pub trait ExportSink: Send {
    /// Takes the next bytes; it may wait until there is room.
    async fn put(&mut self, bytes: Vec<u8>) -> Result<(), ExportClosed>;
}

impl Exporter {
    /// Writes everything about a person as a ZIP archive, as of `now`.
    ///
    /// # Errors
    /// When ledger or store fail, or `sink` takes no more; then the archive has no end.
    pub async fn export(&self, user: &User, now: UnixMs, sink: &mut dyn ExportSink) -> Result<(), PrivacyError> {
        self.export_watched((user, now), sink, &Progress::default()).await
    }

    /// The same; tells in `progress` how far it is, in files of the archive.
    ///
    /// # Errors
    /// As [`Exporter::export`].
    pub async fn export_watched(
        &self,
        (user, now): (&User, UnixMs),
        sink: &mut dyn ExportSink,
        progress: &Progress,
    ) -> Result<(), PrivacyError> {
        let files = Section::ALL.len().saturating_mul(2);
        progress.begin("writing the archive, files", Measure::Count, u64::try_from(files).ok());
        self.usage.refresh().await?;
        let mut archive = Archive::new(now);
        archive.begin("README.txt")?;
        archive.write(sections::readme(user.id, now).as_bytes())?;
        for section in Section::ALL {
            self.write_json(&mut archive, (section, user), sink).await?;
            progress.advance(1);
            self.write_csv(&mut archive, (section, user), sink).await?;
            progress.advance(1);
        }
        put(sink, archive.finish()?).await
    }

    async fn write_json(
        &self,
        archive: &mut Archive,
        (section, user): (Section, &User),
        sink: &mut dyn ExportSink,
    ) -> Result<(), PrivacyError> {
        archive.begin(&format!("{}.json", section.name()))?;
        archive.write(b"[")?;
        let (mut cursor, mut is_first) = (Some(Cursor::Start), true);
        while let Some(from) = cursor {
            let (rows, next) = self.page(section, user, from).await?;
            for row in &rows {
                archive.write(if is_first { b"\n" } else { b",\n" })?;
                archive.write(json_row(section.columns(), row).as_bytes())?;
                is_first = false;
            }
            hand_on(archive, sink).await?;
            cursor = next;
        }
        archive.write(b"\n]\n")
    }

    async fn write_csv(
        &self,
        archive: &mut Archive,
        (section, user): (Section, &User),
        sink: &mut dyn ExportSink,
    ) -> Result<(), PrivacyError> {
        archive.begin(&format!("{}.csv", section.name()))?;
        archive.write(&csv_head(section.columns())?)?;
        let mut cursor = Some(Cursor::Start);
        while let Some(from) = cursor {
            let (rows, next): (Vec<Row>, _) = self.page(section, user, from).await?;
            for row in &rows {
                archive.write(&csv_row(row)?)?;
            }
            hand_on(archive, sink).await?;
            cursor = next;
        }
        Ok(())
    }
}

async fn hand_on(archive: &Archive, sink: &mut dyn ExportSink) -> Result<(), PrivacyError> {
    match archive.take(PORTION_BYTES) {
        Some(bytes) => put(sink, bytes).await,
        None => Ok(()),
    }
}

async fn put(sink: &mut dyn ExportSink, bytes: Vec<u8>) -> Result<(), PrivacyError> {
    sink.put(bytes).await.map_err(|closed| PrivacyError::Archive(closed.to_string()))
}
