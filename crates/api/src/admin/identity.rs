//! Roles and sessions of people: requests, views, and what executes them.

use super::answer::{Admin, Answer};
use super::reply::AdminReply;
use super::views::UserView;
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

impl Admin {
    pub(super) async fn identity(&self, request: IdentityRequest) -> Answer {
        Ok(match request {
            IdentityRequest::Role { user, role } => {
                let (user, role) = match role {
                    Some(role) => self.accounts.set_role(&user, role.into()).await?,
                    None => self.accounts.role_of(&user).await?,
                };
                AdminReply::UserRole { user: UserView::from(user), role: role.into() }
            }
            IdentityRequest::Sessions { user } => {
                let (user, sessions) = self.accounts.sessions_of(&user).await?;
                AdminReply::UserSessions { user: user.into(), sessions: sessions.into_iter().map(Into::into).collect() }
            }
            IdentityRequest::EndSessions { user } => {
                let (user, ended) = self.accounts.end_sessions(&user).await?;
                AdminReply::UserSessionsEnded { user: user.into(), ended }
            }
        })
    }
}
