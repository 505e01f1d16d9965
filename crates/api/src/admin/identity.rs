//! Executes requests about roles and sessions of people.

use super::answer::{Admin, Answer};
use super::identity_views::IdentityRequest;
use super::reply::AdminReply;
use super::views::UserView;

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
