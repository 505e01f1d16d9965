//! The two ways to run a request: through the running gateway, or on the files.

use crate::error::{AdminError, FilesError};
use crate::ports::{SystemClock, SystemEntropy};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opencredits_api::admin::{Admin, AdminReply, AdminRequest, PartnerRequest, Refusal, SOCKET_FILE};
use opencredits_backup::{LEDGER_FILE, STORE_FILE, Source};
use opencredits_ledger::{Ledger, LedgerError};
use opencredits_service::ServedCatalogue;
use opencredits_service::accounts::{Accounts, Tables};
use opencredits_service::config::Config;
use opencredits_service::prices::Prices;
use opencredits_store::SqliteStore;
use opencredits_units::CreditPrice;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;

/// How often the socket of a gateway that is starting is looked for: for five seconds.
const SOCKET_POLLS: usize = 250;
/// The interval.
const SOCKET_POLL: Duration = Duration::from_millis(20);

/// A way to run requests.
pub(crate) enum Client {
    /// Through the running gateway.
    Gateway(UnixStream),
    /// On the files, since no gateway runs. The ledger's lock keeps gateways out meanwhile.
    Files(Box<Admin>),
}

impl Client {
    /// Connects to the gateway that runs on this folder; opens the folder's files when none does.
    ///
    /// A gateway that is starting has locked the folder before it listens on its socket: then its socket is waited for.
    pub(crate) async fn open(dir: &Path, config: &Config) -> Result<Self, AdminError> {
        let path = dir.join(SOCKET_FILE);
        let mut polls = 0;
        loop {
            match UnixStream::connect(&path).await {
                Ok(stream) => return Ok(Self::Gateway(stream)),
                // A gateway that was killed leaves its socket behind, and nothing answers there.
                Err(error) if is_nobody(error.kind()) => {}
                Err(source) => return Err(AdminError::Socket { path, source }),
            }
            if !dir.is_dir() {
                return Err(AdminError::NoFolder { path: dir.to_owned() });
            }
            match open_files(dir, config).await {
                Ok(admin) => return Ok(Self::Files(Box::new(admin))),
                Err(FilesError::Ledger(LedgerError::Locked { .. })) if polls < SOCKET_POLLS => {
                    polls += 1;
                    tokio::time::sleep(SOCKET_POLL).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Runs a request.
    pub(crate) async fn ask(self, request: AdminRequest) -> Result<AdminReply, AdminError> {
        match self {
            Self::Files(admin) => Ok(admin.answer(request).await?),
            Self::Gateway(stream) => {
                let body = Bytes::from(serde_json::to_vec(&request)?);
                let (status, body) = exchange(stream, body)
                    .await
                    .map_err(|source| AdminError::Lost { remedy: remedy(&request), source })?;
                if status == StatusCode::OK {
                    Ok(serde_json::from_slice(&body)?)
                } else {
                    Err(serde_json::from_slice::<Refusal>(&body)?.into())
                }
            }
        }
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

async fn open_files(dir: &Path, config: &Config) -> Result<Admin, FilesError> {
    let ledger = Ledger::open(dir.join(LEDGER_FILE))?;
    let store = SqliteStore::open(dir.join(STORE_FILE))?;
    let files = Source { ledger: ledger.clone(), store: store.clone(), data: dir.to_owned() };
    let (clock, entropy, books) = (Arc::new(SystemClock), Arc::new(SystemEntropy), store.clone());
    let mut accounts = Accounts::new(ledger, Tables::of(store), clock, entropy);
    accounts = accounts.with_partner_terms(config.billing.partner_terms());
    // Only the gateway knows which models a vendor lists. An invalid vendor must not block the ledger.
    if let (true, Ok(offer)) = (config.discover.is_empty(), ServedCatalogue::read(config, &[])) {
        accounts = accounts.knowing(offer.catalog);
    }
    accounts.ensure_system_accounts().await?;
    let price = CreditPrice::new(config.billing.credit_price_usd).unwrap_or_default();
    let accounts = Arc::new(accounts);
    let prices = Arc::new(Prices::new(Arc::new(books), Arc::clone(&accounts), Arc::new(SystemClock)));
    Ok(Admin::new(accounts, price).of_files(files).of_prices(prices))
}

/// Sends one request. The connection is polled here, so that no task is left behind.
async fn exchange(
    stream: UnixStream,
    body: Bytes,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(Method::POST)
        .uri("/admin")
        .header(http::header::HOST, "admin")
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
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
        AdminRequest::AddKey(_) => {
            Some("look whether the key is there with `opencredits-admin key list USER`, and revoke it if so".to_owned())
        }
        AdminRequest::Backup(order) => {
            Some(format!("a backup in {} that is named opencredits-…Z is finished and sound", order.into.display()))
        }
        _ => None,
    }
}
