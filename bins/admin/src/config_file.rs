//! Writes a config file so that a reader sees the old text or the new one, whole.

use crate::config_file_error::ConfigFileError;
use crate::error::AdminError;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// The permission bits of a file mode.
const MODE_BITS: u32 = 0o7777;

/// A config file and its text.
pub(crate) struct ConfigFile {
    /// Behind links, which stay as they are.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl ConfigFile {
    pub(crate) fn read(path: &Path) -> Result<Self, AdminError> {
        let wrong = |source| AdminError::File { path: path.to_owned(), source };
        let path = path.canonicalize().map_err(wrong)?;
        let text = std::fs::read_to_string(&path).map_err(wrong)?;
        Ok(Self { path, text })
    }

    /// Replaces the text, with the mode and the owner that the file has.
    pub(crate) fn replace(&self, text: &str) -> Result<(), AdminError> {
        let wrong = |source| AdminError::File { path: self.path.clone(), source };
        if std::fs::read_to_string(&self.path).map_err(wrong)? != self.text {
            return Err(ConfigFileError::Edited { path: self.path.clone() }.into());
        }
        replace(&self.path, text).map_err(wrong)
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = write(path, &new, text).and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        let _best_effort = std::fs::remove_file(&new);
    }
    written?;
    // The new name is on disk, too.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn write(old: &Path, new: &Path, text: &str) -> io::Result<()> {
    let (of_old, mode) = (std::fs::metadata(old)?, std::fs::metadata(old)?.mode() & MODE_BITS);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
    let of_new = file.metadata()?;
    if (of_new.uid(), of_new.gid()) != (of_old.uid(), of_old.gid()) {
        fchown(&file, Some(of_old.uid()), Some(of_old.gid()))?;
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_mode_and_its_link_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("link.toml"));
        std::fs::write(&real, "a = 1\n").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        ConfigFile::read(&link).unwrap().replace("a = 2\n").unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "a = 2\n");
        assert_eq!(std::fs::metadata(&real).unwrap().mode() & MODE_BITS, 0o640);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, "a = 1\n").unwrap();
        let file = ConfigFile::read(&path).unwrap();
        std::fs::write(&path, "a = 3\n").unwrap();
        assert!(matches!(file.replace("a = 2\n"), Err(AdminError::ConfigFile(ConfigFileError::Edited { .. }))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a = 3\n");
    }
}
