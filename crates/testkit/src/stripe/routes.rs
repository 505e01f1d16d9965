//! Which path does what.

use super::books::{Books, Handled, missing};
use super::query::{Collection, Params};
use super::server::Charging;

const COLLECTIONS: [Collection; 10] = [
    Collection {
        kind: "checkout.session",
        path: "/v1/checkout/sessions",
        filters: &["payment_intent", "customer", "status"],
    },
    Collection { kind: "payment_intent", path: "/v1/payment_intents", filters: &["customer"] },
    Collection { kind: "charge", path: "/v1/charges", filters: &["customer", "payment_intent"] },
    Collection { kind: "refund", path: "/v1/refunds", filters: &["charge", "payment_intent"] },
    Collection { kind: "dispute", path: "/v1/disputes", filters: &["charge", "payment_intent"] },
    Collection {
        kind: "radar.early_fraud_warning",
        path: "/v1/radar/early_fraud_warnings",
        filters: &["charge", "payment_intent"],
    },
    Collection { kind: "event", path: "/v1/events", filters: &["type"] },
    Collection {
        kind: "balance_transaction",
        path: "/v1/balance_transactions",
        filters: &["source", "type", "currency"],
    },
    Collection { kind: "customer", path: "/v1/customers", filters: &["email"] },
    Collection { kind: "payment_method", path: "/v1/payment_methods", filters: &["customer", "type"] },
];

/// How the double answers what it decides itself.
#[derive(Clone)]
pub(super) struct Manners {
    pub(super) charging: Charging,
    /// The status of refunds that a client makes.
    pub(super) refund_status: String,
}

impl Books {
    /// Answers a request.
    pub(super) fn handle(&mut self, method: &str, path: &str, params: &Params, manners: &Manners) -> Handled {
        match (method, path) {
            ("POST", "/v1/checkout/sessions") => self.create_session(params),
            ("POST", "/v1/payment_intents") => self.create_intent(params, &manners.charging),
            ("POST", "/v1/refunds") => self.create_refund(params, &manners.refund_status),
            ("POST", "/v1/customers") => self.create_customer(params),
            ("POST", "/v1/billing_portal/sessions") => self.create_portal(params),
            ("POST", _) => {
                let session = path.strip_prefix("/v1/checkout/sessions/").and_then(|rest| rest.strip_suffix("/expire"));
                match session {
                    Some(session) => self.expire_session(session, params),
                    None => self.shop(method, path, params),
                }
            }
            ("DELETE", _) => match path.strip_prefix("/v1/customers/") {
                Some(customer) => self.delete_customer(customer),
                None => Err(missing(404, "", path)),
            },
            ("GET", "/v1/payment_intents/search") => self.search(params),
            ("GET", _) if path.starts_with("/v1/payment_pages/") => self.shop(method, path, params),
            ("GET", _) => self.read(path, params),
            _ => Err(missing(404, "", path)),
        }
    }

    fn read(&self, path: &str, params: &Params) -> Handled {
        for collection in &COLLECTIONS {
            match path.strip_prefix(collection.path) {
                Some("") => return self.list(collection, params),
                Some(rest) => {
                    if let Some(id) = rest.strip_prefix('/').filter(|id| !id.contains('/')) {
                        return self.retrieve(collection.kind, id, params);
                    }
                }
                None => {}
            }
        }
        Err(missing(404, "", path))
    }
}
