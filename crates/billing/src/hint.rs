//! What an event points at. Nothing else of it is used.

use crate::error::PaymentError;
use crate::ids::{EventId, Marker, OrderRef};
use crate::metadata;
use crate::requests::PaymentRef;
use crate::signature::VerifiedPayload;
use crate::state::Mode;
use serde::Deserialize;
use serde_json::Value;

/// Characters of an event's kind and account that are kept.
const TEXT_CHARS_MAX: usize = 100;
/// The prefix of kinds in thin events about objects of the first API.
const THIN_PREFIX: &str = "v1.";

/// What an event is about: enough to read the payment, and to see whether that is worth a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Names the event.
    pub event: EventId,
    /// Whether it is about real money. It must be the mode of our key.
    pub mode: Mode,
    /// The connected account or context that it comes from; `None` for our own account. Others are not ours.
    pub account: Option<String>,
    /// What happened, such as `charge.dispute.closed`: for counting, not for deciding.
    pub kind: String,
    /// The payment that changed.
    pub subject: Subject,
    /// The instance that made the object, where the event says so. Many events about our own payments do not.
    pub marker: Option<Marker>,
    /// The order, where the event says so.
    pub order: Option<OrderRef>,
}

/// What an event points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A payment.
    Payment(PaymentRef),
    /// Something that is no payment.
    Other,
}

impl Hint {
    /// Reads an event: a snapshot (`event`), which has the object, or a thin one (`v2.core.event`), which names it.
    ///
    /// # Errors
    /// [`PaymentError::UnreadablePayload`] when it is neither. An unknown kind is no error.
    pub fn parse(payload: &VerifiedPayload<'_>) -> Result<Self, PaymentError> {
        let event: Event = serde_json::from_slice(payload.bytes()).map_err(|_| PaymentError::UnreadablePayload)?;
        event.hint().ok_or(PaymentError::UnreadablePayload)
    }
}

/// An event of either form. It has no `Debug`.
#[derive(Deserialize)]
pub(crate) struct Event {
    id: String,
    object: String,
    #[serde(rename = "type")]
    kind: String,
    livemode: Option<bool>,
    account: Option<String>,
    context: Option<String>,
    data: Option<Data>,
    related_object: Option<Related>,
}

#[derive(Deserialize)]
struct Data {
    object: Option<Object>,
}

#[derive(Deserialize)]
struct Related {
    id: String,
}

#[derive(Deserialize)]
struct Object {
    id: Option<String>,
    /// Anything, as other objects may have what they like under this name.
    metadata: Option<Value>,
}

impl Event {
    #[cfg(feature = "stripe")]
    pub(crate) fn event_id(&self) -> &str {
        &self.id
    }

    pub(crate) fn hint(self) -> Option<Hint> {
        let object = match self.object.as_str() {
            "event" => self.data?.object?,
            "v2.core.event" => Object { id: self.related_object.map(|related| related.id), metadata: None },
            _ => return None,
        };
        let metadata = object.metadata.unwrap_or_default();
        let told = |name: &str| metadata.get(name).and_then(Value::as_str);
        let kind = self.kind.strip_prefix(THIN_PREFIX).unwrap_or(&self.kind);
        Some(Hint {
            event: self.id.parse().ok()?,
            mode: if self.livemode? { Mode::Live } else { Mode::Test },
            account: self.account.or(self.context).map(|account| shortened(&account)),
            kind: shortened(kind),
            subject: object.id.and_then(|id| PaymentRef::from_id(&id)).map_or(Subject::Other, Subject::Payment),
            marker: told(metadata::MARKER).and_then(|text| text.parse().ok()),
            order: told(metadata::ORDER).and_then(|text| text.parse().ok()),
        })
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}
