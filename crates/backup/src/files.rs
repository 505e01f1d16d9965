//! Private files and folders: made, copied, hashed, flushed.

use crate::error::BackupError;
use crate::stop::Stop;
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Only the owner may read a file of a backup.
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;
/// Only the owner may enter a backup.
#[cfg(unix)]
const FOLDER_MODE: u32 = 0o700;

/// The bytes that are read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// The bytes that are written before they are flushed: many at once at the end would stall the ledger's own flushes.
pub(crate) const FLUSH_BYTES: usize = 8 << 20;

/// Creates a file that does not exist.
pub(crate) fn create(path: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options.open(path).map_err(BackupError::file("create", path))
}

/// Creates a folder, and those above it where `recursive`. Existing ones stay as they are then, and are an error
/// otherwise.
pub(crate) fn create_folder(path: &Path, recursive: bool) -> Result<(), BackupError> {
    let mut builder = DirBuilder::new();
    builder.recursive(recursive);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER_MODE);
    builder.create(path).map_err(BackupError::file("create", path))
}

/// Flushes the names in a folder.
pub(crate) fn flush_folder(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(BackupError::file("flush", path))
}

/// The size of a file in bytes; 0 for one that cannot be read, which shows once it is.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Copies a file's bytes to a new file, and flushes them.
pub(crate) fn copy(from: &Path, to: &Path, stop: &Stop) -> Result<(), BackupError> {
    let mut target = create(to)?;
    let mut unflushed = 0_usize;
    each_chunk(from, stop, |chunk| {
        target.write_all(chunk).map_err(BackupError::file("write", to))?;
        unflushed = unflushed.saturating_add(chunk.len());
        if unflushed >= FLUSH_BYTES {
            unflushed = 0;
            target.sync_data().map_err(BackupError::file("flush", to))?;
        }
        Ok(())
    })?;
    target.sync_all().map_err(BackupError::file("flush", to))
}

/// The size and the SHA-256 of a file, in hexadecimal digits.
pub(crate) fn digest(path: &Path, stop: &Stop) -> Result<(u64, String), BackupError> {
    let (mut bytes, mut hash) = (0_u64, Sha256::new());
    each_chunk(path, stop, |chunk| {
        bytes = bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        hash.update(chunk);
        Ok(())
    })?;
    Ok((bytes, hex(&hash.finalize())))
}

/// The SHA-256 of a text, in hexadecimal digits.
pub(crate) fn digest_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn each_chunk(
    path: &Path,
    stop: &Stop,
    mut visit: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let mut file = File::open(path).map_err(BackupError::file("read", path))?;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        stop.check()?;
        let read = file.read(&mut buffer).map_err(BackupError::file("read", path))?;
        match buffer.get(..read) {
            Some([]) | None => return Ok(()),
            Some(chunk) => visit(chunk)?,
        }
        stop.progress().advance(u64::try_from(read).unwrap_or_default());
    }
}

/// The canonical path, also of a folder that will be created.
pub(crate) fn real(path: &Path) -> Result<PathBuf, BackupError> {
    let path = std::path::absolute(path).map_err(BackupError::file("find", path))?;
    for above in path.ancestors() {
        if let (Ok(found), Ok(rest)) = (above.canonicalize(), path.strip_prefix(above)) {
            // Joining an empty path would end it with a slash.
            return Ok(if rest.as_os_str().is_empty() { found } else { found.join(rest) });
        }
    }
    Ok(path)
}

/// A folder that is deleted with its content, unless it was finished.
pub(crate) struct Unfinished(Option<PathBuf>);

impl Unfinished {
    /// Creates it; it must not exist.
    pub(crate) fn create(path: PathBuf) -> Result<Self, BackupError> {
        if path.exists() {
            return Err(BackupError::Exists { path });
        }
        create_folder(&path, false)?;
        Ok(Self(Some(path)))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }

    /// Flushes it, and gives it its final name in the same folder.
    pub(crate) fn finish(mut self, name: &Path) -> Result<(), BackupError> {
        flush_folder(self.path())?;
        // A rename would replace an empty folder.
        if name.exists() {
            return Err(BackupError::Exists { path: name.to_owned() });
        }
        std::fs::rename(self.path(), name).map_err(BackupError::file("create", name))?;
        self.0 = None;
        name.parent().map_or(Ok(()), flush_folder)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _best_effort = std::fs::remove_dir_all(path);
        }
    }
}
