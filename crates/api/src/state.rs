//! What handlers share, and the id of a request.

use crate::cors::CorsOrigins;
use crate::identity_app::IdentityApp;
use crate::payment_app::PaymentApp;
use opencredits_service::accounts::Accounts;
use opencredits_service::{Gateway, TestGateway};
use opencredits_store::Partners;
use opencredits_units::{CreditPrice, GenerationId};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Settings of the HTTP interface.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Where people buy credits.
    pub top_up_url: String,
    /// The price of a credit.
    pub credit_price: CreditPrice,
    /// Largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Largest request head, in bytes.
    pub header_bytes_max: usize,
    /// The time in which a client must send its body.
    pub body_read: Duration,
    /// The silence after which a stream gets a comment.
    pub keep_alive: Duration,
    /// Whether fields that are not passed on are refused.
    pub strict: bool,
    /// Whether `GET /v1/features` says that credits are enabled.
    pub enabled: bool,
    /// The country that `GET /v1/features` names.
    pub country: Option<String>,
    /// The origins whose pages may call from a browser.
    pub cors_origins: CorsOrigins,
}

/// The state that all handlers share.
pub struct App {
    /// Serves requests.
    pub gateway: Arc<Gateway>,
    /// What people do with their own keys.
    pub accounts: Arc<Accounts>,
    /// Finds the partner of a publishable key, for price quotes.
    pub partners: Arc<dyn Partners>,
    /// Sells credits, where they are sold.
    pub payments: Option<Arc<PaymentApp>>,
    /// Signs people in, where the operator has set that up.
    pub identity: Option<Arc<IdentityApp>>,
    /// Settings.
    pub settings: ApiSettings,
    /// Whether the process takes requests; cleared when it is told to stop.
    pub ready: AtomicBool,
    /// The state of test mode; `None` where it is off, and within it.
    pub test: Option<TestApp>,
}

/// What a [`TestApp`] has besides its gateway.
pub struct TestAppParts {
    /// What people of test mode do with their own keys.
    pub accounts: Arc<Accounts>,
    /// Finds the partner of a publishable key, in the store of test mode.
    pub partners: Arc<dyn Partners>,
    /// Sells play credits.
    pub payments: Option<Arc<PaymentApp>>,
    /// Settings.
    pub settings: ApiSettings,
}

/// The state that all handlers share for test keys. Its gateway is one of test mode, which reaches no provider.
#[derive(Clone)]
pub struct TestApp(Arc<App>);

impl TestApp {
    /// The state of test mode.
    #[must_use]
    pub fn new(gateway: &TestGateway, parts: TestAppParts) -> Self {
        let TestAppParts { accounts, partners, payments, settings } = parts;
        let gateway = Arc::clone(gateway.gateway());
        let ready = AtomicBool::new(true);
        Self(Arc::new(App { gateway, accounts, partners, payments, identity: None, settings, ready, test: None }))
    }

    /// The state, as handlers take it.
    #[must_use]
    pub const fn app(&self) -> &Arc<App> {
        &self.0
    }
}

/// A request's id: its bits are those of its generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(pub(crate) GenerationId);

impl RequestId {
    /// The id as clients see it: `req_…`.
    pub(crate) fn text(self) -> String {
        self.0.to_string().replacen("gen_", "req_", 1)
    }
}
