//! The ways by which alarms are told: one webhook, and mails.

use super::notice::Notice;
use super::sign::WebhookSecret;
use crate::mail::MailSettings;
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use opencredits_email::{Address, Envelope, Links, MailError, Mailer, MessageId, Templates, Verdict};
use opencredits_providers::{Transport, TransportError, UpstreamRequest};
use opencredits_units::UnixMs;
use std::sync::Arc;

/// The headers of Standard Webhooks.
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// The status of a receiver that wants no more (RFC 9110, section 15.5.11).
const GONE: u16 = 410;

/// A notice was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The receiver of webhooks answered with an error.
    #[error("the receiver of webhooks answered with the status {status}; it must answer with 200 to 299")]
    Status {
        /// The status.
        status: u16,
    },
    /// The receiver of webhooks was not reached.
    #[error("the receiver of webhooks did not answer: {0}")]
    Transport(#[from] TransportError),
    /// The notice cannot be a header.
    #[error("the notice is no valid header: {0}; report this")]
    Header(#[from] http::header::InvalidHeaderValue),
    /// The mail was not taken.
    #[error(transparent)]
    Mail(#[from] MailError),
}

impl ChannelError {
    /// Whether another attempt may succeed.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Status { status } => *status != GONE,
            Self::Transport(_) => true,
            Self::Header(_) => false,
            Self::Mail(error) => !matches!(error.verdict(), Verdict::GiveUp(_)),
        }
    }
}

/// A way by which alarms are told.
#[async_trait]
pub(super) trait Channel: Send + Sync {
    /// Its name: `webhook` or `mail`.
    fn name(&self) -> &'static str;
    /// What tells it from others of its name: a channel of the config that has both takes the place of this one.
    fn place(&self) -> &str;
    /// Tells a notice, once.
    async fn send(&self, notice: &Notice, now: UnixMs) -> Result<(), ChannelError>;
}

/// The ways by which alarms are told; with none they stand in the log only.
#[derive(Clone, Default)]
pub struct AlarmChannels(Vec<Arc<dyn Channel>>);

impl AlarmChannels {
    /// The same and a webhook, signed with this secret.
    #[must_use]
    pub fn with_webhook(mut self, (url, secret): (http::Uri, WebhookSecret), transport: Arc<dyn Transport>) -> Self {
        self.0.push(Arc::new(Webhook { url, secret, transport }));
        self
    }

    /// The same and mails to these addresses.
    ///
    /// # Errors
    /// When a template is malformed, which a test rules out.
    pub fn with_mails(
        mut self,
        mailer: &Arc<dyn Mailer>,
        settings: &MailSettings,
        to: impl IntoIterator<Item = Address>,
    ) -> Result<Self, MailError> {
        let templates = Arc::new(Templates::new()?);
        for to in to {
            let (mailer, templates, settings) = (Arc::clone(mailer), Arc::clone(&templates), settings.clone());
            self.0.push(Arc::new(Mail { mailer, templates, settings, to }));
        }
        Ok(self)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<dyn Channel>> {
        self.0.iter()
    }
}

struct Webhook {
    url: http::Uri,
    secret: WebhookSecret,
    transport: Arc<dyn Transport>,
}

#[async_trait]
impl Channel for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn place(&self) -> &str {
        ""
    }

    async fn send(&self, notice: &Notice, now: UnixMs) -> Result<(), ChannelError> {
        let body = notice.body();
        let signature = self.secret.signature(&notice.id, now, &body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("opencredits"));
        headers.insert(ID, HeaderValue::try_from(&notice.id)?);
        headers.insert(TIMESTAMP, HeaderValue::from(now.as_secs()));
        headers.insert(SIGNATURE, HeaderValue::try_from(signature)?);
        let request = UpstreamRequest { url: self.url.clone(), headers, body: Bytes::from(body) };
        let status = self.transport.send(request).await?.status;
        if status.is_success() { Ok(()) } else { Err(ChannelError::Status { status: status.as_u16() }) }
    }
}

/// Mails go to the mail server at once. They use no outbox: it may be what the alarm is about, and so may the disk that it
/// is on.
struct Mail {
    mailer: Arc<dyn Mailer>,
    templates: Arc<Templates>,
    settings: MailSettings,
    to: Address,
}

#[async_trait]
impl Channel for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn place(&self) -> &str {
        self.to.as_str()
    }

    async fn send(&self, notice: &Notice, _: UnixMs) -> Result<(), ChannelError> {
        let MailSettings { site, from, reply_to, .. } = &self.settings;
        let id = MessageId::new(&notice.id, from.address().domain())?;
        let envelope =
            Envelope { from: from.clone(), reply_to: reply_to.clone(), to: self.to.clone(), id, date: notice.at };
        let links = Links { action_url: Some(&notice.runbook_url), unsubscribe_url: None };
        let message = self.templates.render_linked(&notice.letter(), site, envelope, links)?;
        Ok(self.mailer.send(&message).await?)
    }
}
