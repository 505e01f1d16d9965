//! Writes mails as text, for development.

use crate::error::MailError;
use crate::mailer::Mailer;
use crate::message::Message;
use async_trait::async_trait;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Writes each mail as text where it is told to. It shows addresses: it is for development.
pub struct Console<W> {
    out: Mutex<W>,
}

impl<W: Write + Send> Console<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out: Mutex::new(out) }
    }
}

#[async_trait]
impl<W: Write + Send> Mailer for Console<W> {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let Message { envelope, subject, text, .. } = message;
        let (from, to, id) = (envelope.from.to_header(), envelope.to.as_str(), envelope.id.to_header());
        let whole = format!("From: {from}\nTo: {to}\nSubject: {subject}\nMessage-ID: {id}\n\n{text}\n");
        // One write, so that a mail is not torn apart by other lines.
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(whole.as_bytes())?;
        Ok(out.flush()?)
    }
}
