//! Roles and sessions of people: requests and views.

use opencredits_store::{Role, SessionId, SessionRecord};
use opencredits_units::UnixMs;
use serde::{Deserialize, Serialize};

/// What a person may do besides using their account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Nothing.
    None,
    /// See and use the operator's pages.
    Operator,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::None => Self::None,
            Role::Operator => Self::Operator,
        }
    }
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::None => Self::None,
            RoleName::Operator => Self::Operator,
        }
    }
}

/// A request about how a person signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "identity", rename_all = "snake_case")]
pub enum IdentityRequest {
    /// Shows a person's role, or sets it.
    Role {
        /// The person.
        user: String,
        /// The role to set; none to show it.
        role: Option<RoleName>,
    },
    /// Lists a person's sessions.
    Sessions {
        /// The person.
        user: String,
    },
    /// Ends all of a person's sessions.
    EndSessions {
        /// The person.
        user: String,
    },
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// The browser and its system.
    pub browser: String,
    /// When it began.
    pub created_at_ms: UnixMs,
    /// When it was used last, as far as that was written.
    pub used_at_ms: UnixMs,
}

impl From<SessionRecord> for SessionView {
    fn from(session: SessionRecord) -> Self {
        let SessionRecord { id, browser, created_at, used_at, .. } = session;
        Self { id, browser, created_at_ms: created_at, used_at_ms: used_at }
    }
}
