//! A whole application on a temporary folder or a database: the real ledger, store and sandbox, and a transport that remembers
//! what went upstream.

pub(crate) use crate::app_settings::{api_settings, pages, settings, start};
pub(crate) use crate::requests::request;

use crate::app_ledger::AppLedger;
use crate::app_settings::{keyring, upstreams};
use crate::counted::{Counted, Counts};
use crate::engine::{Data, Place};
use crate::test_side::TestSide;
use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use opencredits_api::admin::Admin;
use opencredits_api::{ApiSettings, App, FrontSettings, IdentityApp, OperatorApp, PaymentApp, Routes, service};
use opencredits_catalog::Catalog;
use opencredits_keys::HashKey;
use opencredits_providers::http::{Client, FetchLimits, Fetcher};
use opencredits_providers::sandbox::Sandbox;
use opencredits_providers::{
    Fetch, Transport, TransportError, UpstreamBody, UpstreamRequest, UpstreamResponse, Vendor, Vendors,
};
use opencredits_service::accounts::{Accounts, Grant, NewKey, NewLimit, NewPartner, NewUser, Tables};
use opencredits_service::config::Ack;
use opencredits_service::connections::Connections;
use opencredits_service::{Clock, Entropy, Gateway, Parts, Ports, Settings, UsageReads};
use opencredits_store::{Partner, Rates, Store, User};
use opencredits_testkit::{FixedClock, FixedRandom};
use opencredits_units::{BasisPoints, NanoUsd, UnixMs};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tower_service::Service;

/// What goes upstream with our name on it.
pub(crate) const OUR_KEY: &str = "our-own-key-at-the-vendor";

/// The memory budget.
pub(crate) const MEMORY_MAX: usize = 1 << 30;

/// Time and randomness that tests know.
pub(crate) struct Fixed {
    pub(crate) clock: FixedClock,
    random: FixedRandom,
}

impl Fixed {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { clock: FixedClock::at_ms(1_790_000_000_000), random: FixedRandom::seeded(seed) }
    }
}

impl Clock for Fixed {
    fn now(&self) -> UnixMs {
        self.clock.now()
    }
}

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }
}

/// A request as it went upstream.
pub(crate) struct Sent {
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// The sandbox, or an answer that is always the same, with a memory of what it was sent.
pub(crate) struct Remembering {
    pub(crate) sent: Mutex<Vec<Sent>>,
    /// Content type and body.
    answer: Option<(&'static str, String)>,
    /// What each host answers, one after the other; the last one for ever.
    script: Mutex<HashMap<String, VecDeque<Scripted>>>,
    /// What sends, where a real server answers.
    real: Option<Client>,
}

/// What a host answers.
#[derive(Clone)]
pub(crate) enum Scripted {
    /// A status, what `retry-after` says, and a body.
    Answer(u16, Option<&'static str>, String),
    /// A success with these headers and this body.
    Headed(HeaderMap, Bytes),
    /// No answer at all.
    Unreachable,
    /// A failure of the transport.
    Failing(TransportError),
    /// The head of an answer, and then nothing.
    Broken,
    /// A stream in these pieces.
    Stream(Vec<Result<Bytes, TransportError>>),
    /// Something, once the gate is open.
    Gated(Arc<Semaphore>, Box<Scripted>),
    /// Something, after a while.
    Late(Duration, Box<Scripted>),
    /// The same, with a pause before each piece but the first.
    Paced(Vec<Result<Bytes, TransportError>>, Duration),
}

impl Scripted {
    async fn play(mut self) -> Result<UpstreamResponse, TransportError> {
        loop {
            self = match self {
                Self::Late(time, then) => {
                    tokio::time::sleep(time).await;
                    *then
                }
                Self::Gated(gate, then) => {
                    let _open = gate.acquire().await.unwrap();
                    *then
                }
                other => {
                    self = other;
                    break;
                }
            };
        }
        let json = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        match self {
            Self::Unreachable | Self::Late(..) | Self::Gated(..) => Err(TransportError::Connect),
            Self::Failing(error) => Err(error),
            Self::Broken => {
                let body = UpstreamBody::from_chunks(vec![Err(TransportError::Broken)]);
                Ok(UpstreamResponse { status: StatusCode::OK, headers: json, body })
            }
            Self::Stream(chunks) => {
                let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))]);
                Ok(UpstreamResponse { status: StatusCode::OK, headers, body: UpstreamBody::from_chunks(chunks) })
            }
            Self::Paced(chunks, pause) => {
                let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))]);
                let paced =
                    futures_util::stream::unfold((chunks.into_iter(), false), move |(mut chunks, waits)| async move {
                        let chunk = chunks.next()?;
                        if waits {
                            tokio::time::sleep(pause).await;
                        }
                        Some((chunk.map(Frame::data), (chunks, true)))
                    });
                let body = UpstreamBody::new(StreamBody::new(paced));
                Ok(UpstreamResponse { status: StatusCode::OK, headers, body })
            }
            Self::Headed(headers, body) => {
                Ok(UpstreamResponse { status: StatusCode::OK, headers, body: UpstreamBody::full(body) })
            }
            Self::Answer(status, retry_after, body) => {
                let mut headers = json;
                headers.extend(retry_after.map(|value| (RETRY_AFTER, HeaderValue::from_static(value))));
                let status = StatusCode::from_u16(status).unwrap();
                Ok(UpstreamResponse { status, headers, body: UpstreamBody::full(Bytes::from(body)) })
            }
        }
    }
}

#[async_trait]
impl Transport for Remembering {
    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, TransportError> {
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        let path = request.url.path_and_query().map_or(String::new(), ToString::to_string);
        let host = request.url.host().unwrap_or_default().to_owned();
        self.sent.lock().unwrap().push(Sent { host: host.clone(), path, headers: request.headers.clone(), body });
        let scripted = if let Some(answers) = self.script.lock().unwrap().get_mut(&host) {
            let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
            Some(answer.unwrap())
        } else {
            None
        };
        if let Some(scripted) = scripted {
            return scripted.play().await;
        }
        if let Some(client) = &self.real {
            return client.send(request).await;
        }
        let Some((content_type, body)) = &self.answer else {
            return Sandbox::new().send(request).await;
        };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let body = http_body_util::Full::new(Bytes::from(body.clone())).map_err(|never| match never {});
        Ok(UpstreamResponse { status: StatusCode::OK, headers, body: UpstreamBody::new(body) })
    }
}

/// A whole application.
pub(crate) struct TestApp {
    pub(crate) folder: TempDir,
    pub(crate) ledger: AppLedger,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) fixed: Arc<Fixed>,
    pub(crate) app: Arc<App>,
    pub(crate) upstream: Arc<Remembering>,
    pub(crate) test: Option<TestSide>,
    /// What was asked of the read model.
    pub(crate) counts: Arc<Counts>,
    router: Routes,
    /// Where ledger and store are.
    pub(crate) place: Place,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with_ack(Ack::Accepted).await
    }

    pub(crate) async fn with_ack(ack: Ack) -> Self {
        let upstream =
            Arc::new(Remembering { sent: Mutex::default(), answer: None, script: Mutex::default(), real: None });
        let catalog = Catalog::builtin().unwrap().with_sandbox().unwrap();
        let catalog = catalog.only(|vendor| vendor.starts_with("sandbox"));
        let vendors = Vendors::builtin().unwrap();
        let sandboxes: Vec<_> = vendors.iter().filter(|vendor| vendor.id.starts_with("sandbox")).cloned().collect();
        Self::build(settings(ack), catalog, &sandboxes, upstream)
    }

    /// An application that sells every model of the price book, by vendors that never answer.
    pub(crate) fn of_the_whole_book() -> Self {
        let upstream =
            Arc::new(Remembering { sent: Mutex::default(), answer: None, script: Mutex::default(), real: None });
        let catalog = Catalog::builtin().unwrap().with_sandbox().unwrap();
        let serves = |id: &str| catalog.models().iter().any(|model| model.routes().any(|route| &*route.vendor == id));
        let vendors: Vec<_> = Vendors::builtin().unwrap().iter().filter(|vendor| serves(&vendor.id)).cloned().collect();
        Self::build(settings(Ack::Accepted), catalog, &vendors, upstream)
    }

    /// An application whose vendors always give this answer.
    pub(crate) fn answering(vendors: &str, models: &str, content_type: &'static str, body: &str) -> Self {
        let answer = Some((content_type, body.to_owned()));
        let upstream = Arc::new(Remembering { sent: Mutex::default(), answer, script: Mutex::default(), real: None });
        let vendors = Vendors::default().with_operator(vendors).unwrap();
        let catalog = Catalog::empty().with_operator(models).unwrap();
        Self::build(settings(Ack::Accepted), catalog, &vendors.iter().cloned().collect::<Vec<_>>(), upstream)
    }

    /// The same with these settings for small balances.
    pub(crate) fn with_exposure(vendors: &str, models: &str, exposure_max: NanoUsd, lower_caps: bool) -> Self {
        let answer = Some(("application/json", "{}".to_owned()));
        let upstream = Arc::new(Remembering { sent: Mutex::default(), answer, script: Mutex::default(), real: None });
        let vendors = Vendors::default().with_operator(vendors).unwrap();
        let catalog = Catalog::empty().with_operator(models).unwrap();
        let settings = Settings { exposure_max, lower_caps, ..settings(Ack::Accepted) };
        Self::build(settings, catalog, &vendors.iter().cloned().collect::<Vec<_>>(), upstream)
    }

    /// An application whose provider is at this address, with two models that are called `whole` and `stream` there.
    pub(crate) fn over(base_url: &str, client: Client) -> Self {
        let sent = Mutex::default();
        let upstream = Arc::new(Remembering { sent, answer: None, script: Mutex::default(), real: Some(client) });
        let vendor = format!("[[vendor]]\nid = \"v\"\ndialect = \"openai-chat\"\nbase_url = \"{base_url}/v1\"");
        let model = |name: &str| {
            format!(
                "[[model]]\nid = \"a/{name}\"\nvendor = \"v\"\nupstream_model = \"{name}\"\ncontext_window = 8000\n\
                 max_output_tokens = 1000\nprices = {{ input = \"1\", output = \"10\" }}\n"
            )
        };
        let vendors = Vendors::default().with_operator(&vendor).unwrap();
        let catalog = Catalog::empty().with_operator(&[model("whole"), model("stream")].concat()).unwrap();
        Self::build(settings(Ack::Accepted), catalog, &vendors.iter().cloned().collect::<Vec<_>>(), upstream)
    }

    /// Has a host answer so, one after the other.
    pub(crate) fn script(&self, host: &str, answers: &[Scripted]) {
        self.upstream.script.lock().unwrap().insert(host.to_owned(), answers.iter().cloned().collect());
    }

    /// Who was asked since the last time, by host.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.upstream.sent.lock().unwrap().drain(..).map(|sent| sent.host).collect()
    }

    /// Every model and every vendor there is, live ones answered by a double, and test mode beside it.
    pub(crate) fn with_test_mode() -> Self {
        let answer = Some(("application/json", "{}".to_owned()));
        let upstream = Arc::new(Remembering { sent: Mutex::default(), answer, script: Mutex::default(), real: None });
        // Some addresses have a part that only the operator knows.
        let filled = |vendor: &Arc<Vendor>| Arc::new(vendor.filled(|_| Some("house".to_owned())).unwrap());
        let vendors: Vec<_> = Vendors::builtin().unwrap().iter().map(filled).collect();
        let catalog = Catalog::builtin().unwrap().with_sandbox().unwrap();
        let catalog = catalog.only(|id| vendors.iter().any(|vendor| &*vendor.id == id));
        let make = |folder: &Path, fixed: &Arc<Fixed>| Some(TestSide::new(folder, fixed, &catalog, &vendors));
        Self::build_with(settings(Ack::Accepted), (catalog.clone(), &vendors), upstream, make)
    }

    fn build(settings: Settings, catalog: Catalog, vendors: &[Arc<Vendor>], upstream: Arc<Remembering>) -> Self {
        Self::build_with(settings, (catalog, vendors), upstream, |_, _| None)
    }

    fn build_with(
        settings: Settings,
        (catalog, vendors): (Catalog, &[Arc<Vendor>]),
        upstream: Arc<Remembering>,
        test: impl FnOnce(&Path, &Arc<Fixed>) -> Option<TestSide>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixed = Arc::new(Fixed::seeded(7));
        let Data { ledger, store, place } = Data::new(folder.path(), fixed.now());
        let keyring = Arc::new(keyring((&store, &place), &fixed).with_origin("https://credits.example"));
        let forgetting = keyring.clone();
        let test = test(folder.path(), &fixed);
        let desk = test.as_ref().and_then(TestSide::desk);
        let accounts = Accounts::new(ledger.clone(), Tables::of(store.clone()), fixed.clone(), fixed.clone())
            .on_change(move || forgetting.forget_all())
            .with_test_desk(desk);
        let accounts = Arc::new(accounts);
        // Nothing public can be reached from a test: what listens here stands in for it.
        let limits =
            FetchLimits { bytes_max: 1_000, is_allowed: |at| at.ip() == Ipv4Addr::LOCALHOST, ..FetchLimits::default() };
        let fetch: Arc<dyn Fetch> = Arc::new(Fetcher::new(limits).unwrap());
        let counts = Arc::<Counts>::default();
        let parts = Parts {
            catalog,
            upstreams: upstreams(vendors, &upstream),
            ledger: ledger.clone().into(),
            keyring,
            usage: Arc::new(UsageReads::new(ledger.clone(), Arc::new(Counted(store.clone(), counts.clone())))),
            ports: Ports { clock: fixed.clone(), entropy: fixed.clone(), claims: store.clone(), fetch: Some(fetch) },
            settings,
            hash_key: HashKey::new([5; 32]),
        };
        let (gateway, reaper) = Gateway::new(parts).unwrap();
        start(reaper.run());
        let app = Arc::new(App {
            gateway,
            accounts: accounts.clone(),
            partners: store.clone(),
            payments: None,
            pages: pages(),
            identity: None,
            connections: None,
            settings: api_settings(),
            ready: AtomicBool::new(true),
            test: test.as_ref().map(|test| test.app.clone()),
        });
        let router = service(app.clone());
        Self { folder, ledger, accounts, store, fixed, app, upstream, test, counts, router, place }
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.app.gateway
    }

    /// Today, counted from the epoch.
    pub(crate) fn fixed_day(&self) -> u64 {
        self.fixed.now().day()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.fixed.clock.advance_ms(u64::try_from(time.as_millis()).unwrap());
    }

    /// The same application with other settings of its HTTP interface.
    pub(crate) fn with_settings(self, change: impl FnOnce(&mut ApiSettings)) -> Self {
        self.replaced(|app| change(&mut app.settings))
    }

    /// The same application with other settings of those that may change while it serves.
    pub(crate) fn with_front(self, change: impl FnOnce(&mut FrontSettings)) -> Self {
        self.with_settings(|settings| {
            let mut front = (*settings.front.now()).clone();
            change(&mut front);
            settings.front.set(front);
        })
    }

    /// The same application in which people sign in.
    pub(crate) fn with_identity(self, identity: IdentityApp) -> Self {
        self.replaced(|app| app.identity = Some(Arc::new(identity)))
    }

    /// The same application that connects apps.
    pub(crate) fn with_connections(self, connections: Connections) -> Self {
        self.replaced(|app| app.connections = Some(Arc::new(connections)))
    }

    /// The same application that sells credits.
    pub(crate) fn with_payments(self, payments: PaymentApp) -> Self {
        self.replaced(|app| app.payments = Some(Arc::new(payments)))
    }

    /// The same application with the routes of operators, which work on this.
    pub(crate) fn with_operator(mut self, admin: Admin) -> Self {
        let operator = OperatorApp::new(self.app.clone(), admin);
        self.router = service(self.app.clone()).with_operator(operator);
        self
    }

    fn replaced(mut self, change: impl FnOnce(&mut App)) -> Self {
        let App { gateway, accounts, partners, payments, identity, connections, pages, settings, test, .. } =
            &*self.app;
        let mut app = App {
            gateway: gateway.clone(),
            accounts: accounts.clone(),
            partners: partners.clone(),
            payments: payments.clone(),
            identity: identity.clone(),
            connections: connections.clone(),
            pages: pages.clone(),
            settings: settings.clone(),
            ready: AtomicBool::new(true),
            test: test.clone(),
        };
        change(&mut app);
        self.app = Arc::new(app);
        self.router = service(self.app.clone());
        self
    }

    /// What a listener serves.
    pub(crate) fn routes(&self) -> Routes {
        self.router.clone()
    }

    /// A person with this many dollars, and a key of theirs.
    pub(crate) async fn person(&self, dollars: i64) -> (User, String) {
        self.person_with(NanoUsd::new(dollars * 1_000_000_000)).await
    }

    /// A person with this much, and a key of theirs.
    pub(crate) async fn person_with(&self, amount: NanoUsd) -> (User, String) {
        let label = format!("person {}", self.gateway().ledger().accounts().await.unwrap().len());
        let user = self.accounts.add_user(NewUser { id: None, label }).await.unwrap();
        if amount > NanoUsd::ZERO {
            let grant = Grant { user: user.id, amount, id: None, reason: "test".to_owned() };
            self.accounts.grant_credits(grant).await.unwrap();
        }
        let key = self.key(&user, None, None).await;
        (user, key)
    }

    /// A key of a person, through a partner, with a limit in nano-dollars.
    pub(crate) async fn key(&self, user: &User, partner: Option<&Partner>, limit: Option<i64>) -> String {
        let limit = limit.map(|nano| NewLimit { amount: NanoUsd::new(nano), reset: None });
        self.key_with(NewKey { partner: partner.map(|partner| partner.id), limit, ..Self::plain_key(user) }).await
    }

    /// A key without any bound.
    pub(crate) fn plain_key(user: &User) -> NewKey {
        let name = "a key".to_owned();
        let rates = Rates::default();
        NewKey { user: user.id, partner: None, name, limit: None, expires_at: None, allowed_models: None, rates }
    }

    pub(crate) async fn key_with(&self, new: NewKey) -> String {
        self.accounts.add_key(new).await.unwrap().1.reveal().to_owned()
    }

    pub(crate) async fn partner(&self) -> Partner {
        let new = NewPartner { name: "an app".to_owned(), share: Some(BasisPoints::new(4_000)), markup: None };
        self.accounts.add_partner(new).await.unwrap()
    }

    /// Sends a request and reads the answer to its end.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// Sends a request and leaves the answer's body to be read.
    pub(crate) async fn open(&self, request: Request<Body>) -> http::Response<Body> {
        self.router.clone().call(request).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(request(Method::POST, path, key, body.to_string())).await
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Answer {
        self.send(request(Method::GET, path, key, String::new())).await
    }

    pub(crate) fn available(&self, user: &User) -> i64 {
        self.ledger.balance(user.wallet).unwrap().available.get()
    }

    /// Waits until nothing is held: the reaper works beside the test.
    pub(crate) async fn drained(&self) {
        for _ in 0..2_000 {
            if self.ledger.holds().is_empty() {
                self.rested().await;
                return self.settled();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still held: {:?}", self.ledger.holds());
    }

    /// Lets end what goes on beside an answer: through a database that takes a moment.
    pub(crate) async fn rested(&self) {
        if self.place.is_shared() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Nothing is held any more, and the books are clean.
    pub(crate) fn settled(&self) {
        assert_eq!(self.ledger.holds(), []);
        self.ledger.flush().unwrap();
        let report = self.ledger.verify().unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
    }

    pub(crate) fn last_sent(&self) -> (HeaderMap, Value) {
        let sent = self.upstream.sent.lock().unwrap();
        let last = sent.last().unwrap();
        (last.headers.clone(), serde_json::from_str(&last.body).unwrap())
    }

    /// The path and query that it was sent to.
    pub(crate) fn last_path(&self) -> String {
        self.upstream.sent.lock().unwrap().last().unwrap().path.clone()
    }

    /// The same body, byte for byte.
    pub(crate) fn last_sent_text(&self) -> String {
        self.upstream.sent.lock().unwrap().last().unwrap().body.clone()
    }
}
