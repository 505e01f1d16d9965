//! Requests of an operator about publishable keys, and their replies.

use super::answer::{Admin, Answer};
use super::publishable_views::PublishableKeyRequest;
use super::reply::AdminReply;

impl Admin {
    pub(super) async fn publishable_keys(&self, request: PublishableKeyRequest) -> Answer {
        let keys = match request {
            PublishableKeyRequest::Add { partner, change } => {
                vec![self.accounts.add_publishable_key(&partner, change.into()).await?]
            }
            PublishableKeyRequest::List { partner } => self.accounts.publishable_keys(&partner).await?,
            PublishableKeyRequest::Edit { id, change } => {
                vec![self.accounts.edit_publishable_key(id, change.into()).await?]
            }
            PublishableKeyRequest::Revoke { id } => vec![self.accounts.revoke_publishable_key(id).await?],
        };
        Ok(AdminReply::PublishableKeys { keys: keys.into_iter().map(Into::into).collect() })
    }
}
