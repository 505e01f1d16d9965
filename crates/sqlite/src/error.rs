//! Errors of keys and files.

use std::path::PathBuf;

/// A file cannot be used with the key of the process, or there can be no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileKeyError {
    /// A text is no key.
    #[error("a key of the data files has 64 hexadecimal digits; make one with `openssl rand -hex 32`")]
    Malformed,
    /// The program cannot encrypt.
    #[error(
        "this program was built without encryption of files; build it with --features sqlcipher, or remove data.key_file"
    )]
    Unsupported,
    /// The process has another key.
    #[error("this process uses another key for its files; start it again with the new one")]
    AnotherKey,
    /// A plain file, where there is a key.
    #[error("{} is not encrypted, and a key is set; run `opencredits-admin rekey` while no gateway runs", path.display())]
    Plain {
        /// The file.
        path: PathBuf,
    },
    /// An encrypted file, where there is no key.
    #[error("{} is encrypted or damaged, and no key is set; set data.key_file", path.display())]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// A file under another key.
    #[error("{} cannot be read with this key; set data.key_file to the key that it was encrypted with", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// A new file is not the same as the old one.
    #[error("the new form of {} has other tables or is damaged; the old file is as it was", path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl FileKeyError {
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
