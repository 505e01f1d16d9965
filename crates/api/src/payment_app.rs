//! What the routes of payments work on.

use opencredits_billing::{Sandbox, WebhookSecret};
use opencredits_service::purchases::Purchases;
use opencredits_store::UserEmails;
use std::sync::Arc;

/// What the routes of payments need. Without it credits are not sold, and the routes say so.
pub struct PaymentApp {
    /// The use cases.
    pub purchases: Arc<Purchases>,
    /// The secrets of the processor's events; without one there is no route for events.
    pub webhook_secrets: Vec<WebhookSecret>,
    /// The processor without money whose pages are served here, where it is in use.
    pub sandbox: Option<Arc<Sandbox>>,
    /// People's addresses, to which receipts go.
    pub emails: Arc<dyn UserEmails>,
}
