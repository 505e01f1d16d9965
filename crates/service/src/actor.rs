//! Who makes a change.

use opencredits_store::SessionId;
use opencredits_units::{KeyId, UserId};
use std::fmt;
use std::future::Future;

tokio::task_local! {
    static OPERATOR: UserId;
}

/// Does what a person with the operator's role asked for: the record of changes names them. Without this an operator is
/// whoever has the admin socket, whom nothing tells apart.
pub async fn on_behalf_of<F: Future>(operator: UserId, work: F) -> F::Output {
    OPERATOR.scope(operator, work).await
}

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
            Self::Operator => match OPERATOR.try_with(|operator| *operator) {
                Ok(operator) => write!(f, "operator {operator}"),
                Err(_) => f.write_str("operator"),
            },
            Self::Manager(key) => write!(f, "{key}"),
            Self::Session(session) => write!(f, "{session}"),
            Self::App => f.write_str("app"),
        }
    }
}
