//! Who makes a change.

use opencredits_store::SessionId;
use opencredits_units::KeyId;
use std::fmt;

/// Who makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The operator.
    Operator,
    /// The owner of this management key.
    Manager(KeyId),
    /// The person who is signed in with this session.
    Session(SessionId),
    /// An app, with what it has of a person.
    App,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Manager(key) => write!(f, "{key}"),
            Self::Session(session) => write!(f, "{session}"),
            Self::App => f.write_str("app"),
        }
    }
}
