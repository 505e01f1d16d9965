//! Roles and sessions, as the operator sets and ends them.

use super::{Accounts, AccountsError, Actor};
use opencredits_store::{Role, SessionRecord, SessionsOf, User};

impl Accounts {
    /// The role of a person.
    ///
    /// # Errors
    /// When the person is unknown, or the store fails.
    pub async fn role_of(&self, name: &str) -> Result<(User, Role), AccountsError> {
        let user = self.find_user(name).await?;
        let role = self.tables.standings.role_of(user.id).await?;
        Ok((user, role))
    }

    /// Gives a person a role, at once.
    ///
    /// # Errors
    /// When the person is unknown, or the store fails.
    pub async fn set_role(&self, name: &str, role: Role) -> Result<(User, Role), AccountsError> {
        let user = self.find_user(name).await?;
        self.tables.standings.set_role(user.id, role).await?;
        self.record((Actor::Operator, "user.role"), &user.id.to_string(), role.name().to_owned()).await?;
        Ok((user, role))
    }

    /// A person's sessions that were not ended, the most recently used first.
    ///
    /// # Errors
    /// When the person is unknown, or the store fails.
    pub async fn sessions_of(&self, name: &str) -> Result<(User, Vec<SessionRecord>), AccountsError> {
        let user = self.find_user(name).await?;
        let sessions = self.tables.sessions.sessions_of(user.id).await?;
        Ok((user, sessions))
    }

    /// Ends all sessions of a person, at once; returns how many.
    ///
    /// # Errors
    /// When the person is unknown, or the store fails.
    pub async fn end_sessions(&self, name: &str) -> Result<(User, u64), AccountsError> {
        let user = self.find_user(name).await?;
        let ended = self.tables.sessions.end_sessions(SessionsOf::All(user.id), self.now()).await?;
        self.record((Actor::Operator, "user.end_sessions"), &user.id.to_string(), ended.to_string()).await?;
        Ok((user, ended))
    }
}
