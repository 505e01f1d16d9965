//! Events: kept for the list, and queued for a test to deliver.

use super::books::{Books, text};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// An event that Stripe would deliver.
#[derive(Debug, Clone)]
pub struct Produced {
    /// The id of the snapshot event.
    pub id: String,
    /// What happened.
    pub kind: String,
    /// The id of the object.
    pub subject: String,
    /// The body with the object, as an endpoint for snapshots gets it.
    pub snapshot: String,
    /// The body that names the object, as an endpoint for thin events gets it.
    pub thin: String,
}

/// The header `Stripe-Signature` for a body, signed with this secret at this time.
#[must_use]
pub fn sign(body: &[u8], secret: &str, at_s: u64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{at_s}.").as_bytes());
    mac.update(body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at_s},v1={digest}")
}

impl Books {
    /// Makes the event that something happened to an object.
    pub(super) fn emit(&mut self, kind: &str, id: &str) {
        let object = self.shown(id);
        let event = self.id("evt_");
        let snapshot = json!({
            "id": event, "object": "event", "api_version": "2026-05-27.dahlia", "created": self.now_s,
            "data": {"object": object}, "livemode": self.livemode, "pending_webhooks": 1,
            "request": {"id": null, "idempotency_key": null}, "type": kind,
        });
        let thin = self.thin(kind, &event, &object);
        let (subject, kind) = (id.to_owned(), kind.to_owned());
        self.keep(snapshot.clone());
        let (snapshot, thin) = (snapshot.to_string(), thin.to_string());
        self.queue.push_back(Produced { id: event, kind, subject, snapshot, thin });
    }

    fn thin(&self, kind: &str, event: &str, object: &Value) -> Value {
        let (id, class) = (text(object, "id"), text(object, "object"));
        let collection = match class {
            "checkout.session" => "checkout/sessions".to_owned(),
            "radar.early_fraud_warning" => "radar/early_fraud_warnings".to_owned(),
            other => format!("{other}s"),
        };
        json!({
            "id": event.replace("evt_", "evt_thin_"), "object": "v2.core.event", "type": format!("v1.{kind}"),
            "livemode": self.livemode, "created": "2026-05-28T20:26:40.000Z", "context": null, "reason": null,
            "related_object": {"id": id, "type": class, "url": format!("/v1/{collection}/{id}")},
            "snapshot_event": event,
        })
    }
}
