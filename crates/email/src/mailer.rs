//! The port that sends.

use crate::error::MailError;
use crate::message::Message;
use async_trait::async_trait;

/// Sends messages.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands one message to the mail system. Success means that it was taken, not that it has arrived. A message that is
    /// sent twice keeps its id.
    ///
    /// # Errors
    /// When it was not taken, or nobody knows whether it was; [`MailError::verdict`] says whether to try again.
    async fn send(&self, message: &Message) -> Result<(), MailError>;
}
