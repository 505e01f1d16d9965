//! Why a config file cannot be changed.

use opencredits_service::config::EditError;
use std::path::PathBuf;

/// A config file cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigFileError {
    /// It cannot be changed so.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// None is known.
    #[error("no config file is known; name it with --config, or start the gateway with one")]
    NoFile,
    /// Somebody else changed it.
    #[error("{} was changed by somebody else meanwhile; nothing was written, run this again", path.display())]
    Edited { path: PathBuf },
    /// The gateway that runs has another one.
    #[error("the gateway reads {}, not {}; name that file, or another data folder", theirs.display(), path.display())]
    Other { path: PathBuf, theirs: PathBuf },
}
