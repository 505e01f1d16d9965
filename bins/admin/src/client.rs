//! The two ways to run a request: through the running gateway, or on the files.

use crate::error::{AdminError, FilesError};
use crate::ports::{SystemClock, SystemEntropy, environment};
use crate::progress::{POLL, Shown};
use crate::rekey;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opencredits_api::admin::{
    Admin, AdminReply, AdminRequest, OrderRequest, PartnerRequest, Refusal, SOCKET_FILE, WATCH_HEADER,
};
use opencredits_backup::{LEDGER_FILE, STORE_FILE, Source};
use opencredits_keys::{DataKeys, Mode};
use opencredits_ledger::{AnyLedger, ClosedLedger, Ledger, LedgerError};
use opencredits_service::accounts::{Accounts, Tables, TestDesk};
use opencredits_service::config::{Config, MailTransport};
use opencredits_service::mail::MailQueue;
use opencredits_service::prices::Prices;
use opencredits_service::privacy::{
    DEV_ADDRESS_KEYS_FILE, ExportTables, Exporter, Privacy, PrivacyPorts, PrivacyTables, address_keys, keeping,
};
use opencredits_service::{Entropy, ServedCatalogue, TEST_DIR, TestLedger, UsageReads};
use opencredits_store::{Outbox, SqliteStore};
use opencredits_units::{CreditPrice, Progress};
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;

/// How often the socket of a gateway that is starting is looked for: for five seconds.
const SOCKET_POLLS: usize = 250;
/// The interval.
const SOCKET_POLL: Duration = Duration::from_millis(20);

/// Only the operator may read the data folder.
const DATA_MODE: u32 = 0o700;

/// A way to run requests.
pub(crate) enum Client {
    /// Through the running gateway, whose socket has this path.
    Gateway(UnixStream, PathBuf),
    /// On the files, since no gateway runs. The ledger's lock keeps gateways out meanwhile.
    Files(Box<Admin>),
}

impl Client {
    /// Connects to the gateway that runs on this folder; opens the folder's files when none does.
    ///
    /// A gateway that is starting has locked the folder before it listens on its socket: then its socket is waited for.
    pub(crate) async fn open(place: &Place, config: &Config, with_desk: bool) -> Result<Self, AdminError> {
        let dir = &*place.dir();
        let path = dir.join(SOCKET_FILE);
        let mut polls = 0;
        loop {
            match UnixStream::connect(&path).await {
                Ok(stream) => return Ok(Self::Gateway(stream, path)),
                // A gateway that was killed leaves its socket behind, and nothing answers there.
                Err(error) if is_nobody(error.kind()) => {}
                Err(source) => return Err(AdminError::Socket { path, source }),
            }
            if !dir.is_dir() {
                return Err(AdminError::NoFolder { path: dir.to_owned() });
            }
            let opened = match config.database.is_on() {
                true => no_files(dir),
                false => open_files(place, config, with_desk).await,
            };
            match opened {
                Ok(admin) => return Ok(Self::Files(Box::new(admin))),
                Err(FilesError::Ledger(LedgerError::Locked { .. })) if polls < SOCKET_POLLS => {
                    polls += 1;
                    tokio::time::sleep(SOCKET_POLL).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Runs a request, and shows how far it is where somebody sees that.
    pub(crate) async fn ask(self, request: AdminRequest, shown: Option<&Shown>) -> Result<AdminReply, AdminError> {
        match (self, shown.filter(|shown| shown.is_drawn())) {
            (client, Some(shown)) => client.ask_watched(request, shown).await,
            (Self::Files(admin), None) => Ok(admin.answer(request).await?),
            (Self::Gateway(stream, _), None) => ask_gateway(stream, request, None).await,
        }
    }

    /// Runs a request, and shows how far it is.
    async fn ask_watched(self, request: AdminRequest, shown: &Shown) -> Result<AdminReply, AdminError> {
        match self {
            Self::Files(admin) => {
                let progress = Progress::default();
                let admin = admin.telling(&progress);
                let show = async || {
                    shown.at(&progress.stage().into());
                    true
                };
                while_shown(async { Ok(admin.answer(request).await?) }, show).await
            }
            Self::Gateway(stream, path) => {
                let mut id = [0; 8];
                SystemEntropy.fill(&mut id);
                let id = u64::from_be_bytes(id);
                let show = async || match ask_progress(&path, id).await {
                    Ok(AdminReply::Progress { at }) => {
                        shown.at(&at);
                        true
                    }
                    // A gateway that tells no progress, or none any more: the request itself says what is wrong.
                    Ok(_) | Err(_) => false,
                };
                while_shown(ask_gateway(stream, request, Some(id)), show).await
            }
        }
    }
}

/// Waits for `work`; meanwhile shows how far it is, as long as that can be told.
async fn while_shown<T>(work: impl Future<Output = T>, show: impl AsyncFn() -> bool) -> T {
    let showing = async {
        tokio::time::sleep(POLL).await;
        while show().await {
            tokio::time::sleep(POLL).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        () = showing => work.await,
    }
}

/// Asks over a connection of its own how far a request is.
async fn ask_progress(socket: &Path, id: u64) -> Result<AdminReply, AdminError> {
    let path = socket.to_owned();
    let stream = UnixStream::connect(socket).await.map_err(|source| AdminError::Socket { path, source })?;
    ask_gateway(stream, AdminRequest::Progress { id }, None).await
}

/// Sends a request to the gateway, which may be asked under `watch` how far it is.
async fn ask_gateway(stream: UnixStream, request: AdminRequest, watch: Option<u64>) -> Result<AdminReply, AdminError> {
    let body = Bytes::from(serde_json::to_vec(&request)?);
    let (status, body) =
        exchange(stream, body, watch).await.map_err(|source| AdminError::Lost { remedy: remedy(&request), source })?;
    if status == StatusCode::OK {
        Ok(serde_json::from_slice(&body)?)
    } else {
        Err(serde_json::from_slice::<Refusal>(&body)?.into())
    }
}

const fn is_nobody(kind: ErrorKind) -> bool {
    // A path that is too long for a socket shows that no gateway runs.
    matches!(kind, ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::InvalidInput)
}

/// Accepts the loss of commits in this folder's ledger, which no process may have open.
pub(crate) fn accept_loss(dir: &Path) -> Result<AdminReply, AdminError> {
    if !dir.is_dir() {
        return Err(AdminError::NoFolder { path: dir.to_owned() });
    }
    let loss = Ledger::accept_loss(dir.join(LEDGER_FILE)).map_err(FilesError::from)?;
    Ok(AdminReply::LossAccepted { loss: loss.map(|loss| loss.to_string()) })
}

/// The data folder, and the mode that is worked on.
pub(crate) struct Place {
    pub(crate) data: PathBuf,
    pub(crate) mode: Mode,
}

impl Place {
    /// The folder with the files of the mode.
    pub(crate) fn dir(&self) -> PathBuf {
        match self.mode {
            Mode::Live => self.data.clone(),
            Mode::Test => self.data.join(TEST_DIR),
        }
    }
}

/// The data is in a database: only a gateway changes it, which has locked the folder before it listens.
fn no_files(dir: &Path) -> Result<Admin, FilesError> {
    ClosedLedger::lock(dir.join(LEDGER_FILE))?;
    Err(FilesError::InDatabase { dir: dir.to_owned() })
}

async fn open_files(place: &Place, config: &Config, with_desk: bool) -> Result<Admin, FilesError> {
    let dir = place.dir();
    rekey::apply(config, &dir)?;
    let keys = address_keys_of(&place.data, config)?;
    let (ledger, accounts, store) = match place.mode {
        Mode::Live => {
            let ledger = Ledger::open(dir.join(LEDGER_FILE))?;
            let (clock, entropy): (_, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
            let kept = keeping(keys.as_ref(), &entropy);
            let store = SqliteStore::open_with(dir.join(STORE_FILE), kept)?.of_mode(Mode::Live)?;
            let accounts = Accounts::new(ledger.clone(), Tables::of(store.clone()), clock, entropy);
            (AnyLedger::from(ledger), accounts, store)
        }
        Mode::Test => open_test(&place.data, keys.as_ref())?,
    };
    let books = Arc::new(store.clone());
    let source = |ledger: &Ledger| Source { ledger: ledger.clone(), store, data: dir };
    let files = ledger.embedded().map(source);
    let mut accounts = known(accounts, config);
    if place.mode == Mode::Live && with_desk && config.test.enabled {
        let folder = place.data.join(TEST_DIR);
        DirBuilder::new().recursive(true).mode(DATA_MODE).create(folder)?;
        let (_, test, _) = open_test(&place.data, keys.as_ref())?;
        test.ensure_system_accounts().await?;
        accounts = accounts.with_test_desk(TestDesk::new(Arc::new(known(test, config)), config.play_credits()));
    }
    accounts.ensure_system_accounts().await?;
    let price = CreditPrice::new(config.billing.credit_price_usd).unwrap_or_default();
    let accounts = Arc::new(accounts);
    let prices = Arc::new(Prices::new(Arc::clone(&books) as Arc<_>, Arc::clone(&accounts), Arc::new(SystemClock)));
    let (privacy, exporter) = people(config, (&ledger, &books), keys.as_ref());
    let admin = Admin::new(accounts, price).of_prices(prices).of_privacy(privacy, exporter);
    Ok(match files {
        Some(files) => admin.of_files(files),
        None => admin,
    })
}

/// The keys of addresses: those of the config, else those of `dev` in its data folder.
fn address_keys_of(data: &Path, config: &Config) -> Result<Option<DataKeys>, FilesError> {
    let mut settings = config.privacy.clone();
    let of_dev = data.join(DEV_ADDRESS_KEYS_FILE);
    if settings.address_keys.is_none() && settings.address_keys_file.is_none() && of_dev.is_file() {
        settings.address_keys_file = Some(of_dev.display().to_string());
    }
    Ok(address_keys(&settings, &environment())?)
}

/// What is asked of people's data, without the payment processor.
fn people(
    config: &Config,
    (ledger, store): (&AnyLedger, &Arc<SqliteStore>),
    keys: Option<&DataKeys>,
) -> (Arc<Privacy>, Arc<Exporter>) {
    let outbox = (config.email.transport != MailTransport::None).then(|| Arc::clone(store) as Arc<dyn Outbox>);
    let ports = PrivacyPorts {
        ledger: ledger.clone(),
        queue: MailQueue::new(outbox, Arc::new(SystemClock), Arc::new(SystemEntropy)),
        purchases: None,
        changed: Box::new(|| {}),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let store = SqliteStore::clone(store);
    let privacy = Privacy::new(PrivacyTables::of(store.clone()), ports, config.privacy.deletion_grace_days);
    let privacy = privacy.with_address_keys(keys.into_iter().flat_map(DataKeys::ids));
    let usage = Arc::new(UsageReads::new(ledger.clone(), Arc::new(store.clone())));
    let tables = ExportTables::of(Tables::of(store.clone()), store);
    (Arc::new(privacy), Arc::new(Exporter::new(tables, usage, ledger.clone())))
}

fn open_test(data: &Path, keys: Option<&DataKeys>) -> Result<(AnyLedger, Accounts, SqliteStore), FilesError> {
    let ledger = TestLedger::open(data, LEDGER_FILE)?;
    let (clock, entropy): (_, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let path = data.join(TEST_DIR).join(STORE_FILE);
    let store = SqliteStore::open_with(path, keeping(keys, &entropy))?.of_mode(Mode::Test)?;
    let accounts = Accounts::of_test_mode(&ledger, Tables::of(store.clone()), clock, entropy);
    Ok((ledger.ledger().clone(), accounts, store))
}

fn known(accounts: Accounts, config: &Config) -> Accounts {
    let accounts = accounts.with_partner_terms(config.billing.partner_terms());
    // Only the gateway knows which models a vendor lists. An invalid vendor must not block the ledger.
    match (config.discover.is_empty(), ServedCatalogue::read(config, &[])) {
        (true, Ok(offer)) => accounts.knowing(offer.catalog),
        _ => accounts,
    }
}

/// Sends one request. The connection is polled here, so that no task is left behind.
async fn exchange(
    stream: UnixStream,
    body: Bytes,
    watch: Option<u64>,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/admin")
        .header(http::header::HOST, "admin")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    if let Some(id) = watch {
        request.headers_mut().insert(WATCH_HEADER, id.into());
    }
    let answered = async move {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    };
    tokio::pin!(connection, answered);
    tokio::select! {
        answer = &mut answered => answer,
        ended = &mut connection => match ended {
            Ok(()) => answered.await,
            Err(error) => Err(error.into()),
        },
    }
}

/// How to repeat a request whose answer was lost, without running it twice.
fn remedy(request: &AdminRequest) -> Option<String> {
    match request {
        AdminRequest::AddUser(new) => Some(format!("ask again with --id {}", new.id?)),
        AdminRequest::GrantCredits(grant) => Some(format!("ask again with --id {}", grant.id?)),
        AdminRequest::Partners(PartnerRequest::PayOut { id, .. }) => Some(format!("ask again with --id {}", (*id)?)),
        AdminRequest::Orders(OrderRequest::Refund { key, .. }) => {
            Some(format!("ask again with --key {key}, under which money is sent once"))
        }
        AdminRequest::AddKey(_) => {
            Some("look whether the key is there with `opencredits-admin key list USER`, and revoke it if so".to_owned())
        }
        AdminRequest::Backup(order) => {
            Some(format!("a backup in {} that is named opencredits-…Z is finished and sound", order.into.display()))
        }
        _ => None,
    }
}
