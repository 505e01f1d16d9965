//! Errors of settings, connections and statements.

use deadpool_postgres::PoolError;
use std::error::Error as _;
use std::fmt;
use std::path::PathBuf;
use tokio_postgres::error::SqlState;

/// A database cannot be reached or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// A text is no connection string.
    #[error(
        "the connection string of the database cannot be read; it is like postgres://USER:PASSWORD@HOST/DATABASE, or host=HOST user=USER password=PASSWORD dbname=DATABASE"
    )]
    Malformed,
    /// A text is a connection string with a value that is none.
    #[error("{0} in the connection string of the database")]
    Option(String),
    /// The file of certificates cannot be read.
    #[error("cannot read the certificates in {}: {source}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file of certificates has none.
    #[error("{} has no certificate of an authority in the form of PEM", path.display())]
    NoAuthorities {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up.
    #[error("TLS to the database cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The tables were made by a newer program.
    #[error("it has version {found} and this program knows {known}; use the program that made it, or a newer one")]
    Newer {
        /// The version that was found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The tables could not be migrated.
    #[error("cannot bring the tables up to date: {}", cause(.0))]
    Migration(#[from] refinery_core::Error),
    /// Data is moved into the database, and is not whole yet.
    #[error(
        "data is being moved into it and is not whole yet; run `opencredits-admin migrate` again, which goes on where it stopped"
    )]
    Unfinished,
    /// Another process has begun to move data into the database.
    #[error("another process moves data into it now; let one of them do it")]
    TurnEnded,
    /// All connections were in use for too long.
    #[error("no connection to the database was free in time; raise their number, or look for slow statements")]
    Busy,
    /// The pool is closed.
    #[error("the connections to the database are closed")]
    Closed,
    /// The database refused, or cannot be reached.
    #[error("{0}")]
    Database(#[from] DatabaseError),
}

impl PostgresError {
    /// Whether the database is not to be reached now. What was sent last may have been done.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Database(error) => error.is_lost(),
            Self::Busy | Self::Closed => true,
            _ => false,
        }
    }
}

/// What refused a migration; the error itself names the migration only.
fn cause(error: &refinery_core::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<PoolError> for PostgresError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => Self::Busy,
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Self::Closed,
        }
    }
}

/// What the database or the connection to it says, without the values of rows.
pub struct DatabaseError(tokio_postgres::Error);

impl DatabaseError {
    /// The code, where the server says it.
    #[must_use]
    pub fn code(&self) -> Option<&SqlState> {
        self.0.code()
    }

    /// Whether the same work may be done again.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        is_repeatable(&self.0)
    }

    /// Whether no connection came about since the server's certificate is not trusted, or TLS failed in another way.
    #[must_use]
    pub fn is_of_tls(&self) -> bool {
        let failed = self.0.source().and_then(|source| source.downcast_ref::<std::io::Error>());
        failed.and_then(std::io::Error::get_ref).is_some_and(|cause| cause.is::<rustls::Error>())
    }

    /// Whether the connection is lost. What was sent last may have been done.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        // A server that ends says so before it closes.
        let ends = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
        match self.0.code() {
            Some(code) => ends.contains(code),
            None => self.0.is_closed() || self.0.source().is_some_and(|source| source.is::<std::io::Error>()),
        }
    }
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_db_error(), self.0.source()) {
            (Some(said), _) => write!(f, "{} (SQLSTATE {})", said.message(), said.code().code()),
            (None, Some(source)) => write!(f, "{}: {source}", self.0),
            (None, None) => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseError({self})")
    }
}

impl std::error::Error for DatabaseError {}

/// Whether a transaction failed only because of others that ran at the same time: it may be done again from its beginning.
#[must_use]
pub fn is_repeatable(error: &tokio_postgres::Error) -> bool {
    let codes = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|code| codes.contains(code))
}
