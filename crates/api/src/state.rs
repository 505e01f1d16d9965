//! What handlers share, and the id of a request.

use crate::front::Front;
use crate::identity_app::IdentityApp;
use crate::pages_app::PagesApp;
use crate::payment_app::PaymentApp;
use http::HeaderValue;
use opencredits_service::accounts::Accounts;
use opencredits_service::connections::Connections;
use opencredits_service::{Gateway, TestGateway};
use opencredits_store::Partners;
use opencredits_units::{CreditPrice, GenerationId};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Settings of the HTTP interface.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Where people buy credits.
    pub top_up_url: String,
    /// The price of a credit.
    pub credit_price: CreditPrice,
    /// Largest request head, in bytes.
    pub header_bytes_max: usize,
    /// What may change while it serves.
    pub front: Front,
    /// What a refusal for lack of a key tells of where tokens are (RFC 9728, section 5.1).
    pub challenge: Option<HeaderValue>,
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
    /// Connects apps; `None` where the public URL is no origin that OAuth can have.
    pub connections: Option<Arc<Connections>>,
    /// The pages for people.
    pub pages: Arc<PagesApp>,
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
    /// The pages for people.
    pub pages: Arc<PagesApp>,
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
        let TestAppParts { accounts, partners, payments, pages, settings } = parts;
        let gateway = Arc::clone(gateway.gateway());
        let ready = AtomicBool::new(true);
        // Sessions and connected apps are live only.
        let (identity, connections, test) = (None, None, None);
        Self(Arc::new(App {
            gateway,
            accounts,
            partners,
            payments,
            identity,
            connections,
            pages,
            settings,
            ready,
            test,
        }))
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
        self.0.cast::<opencredits_units::Request>().to_string()
    }
}
