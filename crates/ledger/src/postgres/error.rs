//! What goes wrong at the database, by what follows from it.

use crate::error::StorageError;
use opencredits_postgres::{DatabaseError, PostgresError};
use tokio_postgres::error::SqlState;

/// A failed statement.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) follows: Follows,
    error: PostgresError,
}

/// What follows from a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follows {
    /// The connection is gone, or the database serves nobody now.
    Away,
    /// Others were faster: the same work may succeed at once.
    Again,
    /// The same work would fail again.
    Refused,
}

impl Trouble {
    pub(crate) fn of(error: tokio_postgres::Error) -> Self {
        let again = [
            SqlState::UNIQUE_VIOLATION,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            // An id that another process has just used: see `GUARD` in `statements`.
            SqlState::DIVISION_BY_ZERO,
        ];
        let code = error.code().cloned();
        let error = DatabaseError::from(error);
        let follows = match code {
            _ if error.is_lost() => Follows::Away,
            Some(code) if again.contains(&code) => Follows::Again,
            Some(code) if is_refusal(code.code()) => Follows::Refused,
            // A full disk, a standby that only reads, too little memory: it passes, or the operator mends it.
            _ => Follows::Away,
        };
        Self { follows, error: error.into() }
    }

    /// The connection answers no more.
    pub(crate) fn silent() -> Self {
        Self { follows: Follows::Away, error: PostgresError::Busy }
    }
}

impl From<PostgresError> for Trouble {
    fn from(error: PostgresError) -> Self {
        Self { follows: Follows::Away, error }
    }
}

impl From<Trouble> for StorageError {
    fn from(trouble: Trouble) -> Self {
        Self::Postgres(Box::new(trouble.error))
    }
}

/// Why a batch has not succeeded.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing was committed.
    Before(StorageError, Follows),
    /// Another process has taken this connection's row. Nothing was committed.
    Fenced,
    /// A pool of connections is between: see `statements`. Nothing was committed.
    Elsewhere,
    /// The commit was sent, and nobody knows what became of it.
    Unknown,
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        let follows = trouble.follows;
        Self::Before(trouble.into(), follows)
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Trouble::of(error).into()
    }
}

impl From<StorageError> for Failed {
    fn from(error: StorageError) -> Self {
        let is_away = matches!(&error, StorageError::Postgres(error) if error.is_away());
        Self::Before(error, if is_away { Follows::Away } else { Follows::Refused })
    }
}

/// Whether the statement or its values are at fault (PostgreSQL, appendix A: classes of codes).
fn is_refusal(code: &str) -> bool {
    ["0A", "21", "22", "23", "42"].iter().any(|class| code.starts_with(class))
}
