//! Errors of the gateway process.

use opencredits_postgres::PostgresError;
use opencredits_service::config::ConfigError;
use std::path::PathBuf;

/// The gateway cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StartError {
    #[error("cannot read {what} {}: {source}", path.display())]
    File { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{what} {} is empty; write the secret into it", path.display())]
    EmptyFile { what: &'static str, path: PathBuf },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot show the config: {0}")]
    Show(#[from] toml::ser::Error),
    #[error("cannot use {what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error(
        "the service manager hands over {count} sockets, and the gateway takes one; leave one ListenStream= in the socket unit"
    )]
    Sockets { count: usize },
    #[cfg(feature = "otel")]
    #[error("traces cannot be sent: {0}; see traces.endpoint")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    #[cfg(not(feature = "otel"))]
    #[error("traces.endpoint is set, and this program has no traces; build it with --features otel, or unset it")]
    NoTraces,
    #[error("a thread of the start ended early; its last words are above")]
    Thread,
    #[error("{what} names a file whose text {source}")]
    AlarmSecret { what: &'static str, source: opencredits_service::alarms::WebhookSecretError },
    #[error("{question} {problem}")]
    Answer { question: &'static str, problem: String },
    #[error("{} is there already; name another folder with --to, or delete it", path.display())]
    Exists { path: PathBuf },
    #[error("the gateway at {listen} does not take requests: {why}")]
    Unhealthy { listen: String, why: String },
    #[error(transparent)]
    ServedCatalogue(#[from] opencredits_service::ServedCatalogueError),
    #[error(transparent)]
    Ledger(#[from] opencredits_ledger::LedgerError),
    #[error(transparent)]
    Store(#[from] opencredits_store::StoreError),
    #[error(transparent)]
    Transport(#[from] opencredits_providers::TransportError),
    #[error("{setting} cannot be used: {source}")]
    DatabaseSetting { setting: &'static str, source: PostgresError },
    #[error("cannot use the database of {setting}: {source}{}", remedy(.source))]
    Database { setting: &'static str, source: PostgresError },
    #[error(
        "database.test_url is that of database.url; give test mode a database of its own, or remove it for no test mode"
    )]
    SameDatabase,
    #[error("the setting hash_key in store.db has not 32 bytes; restore a backup of it")]
    HashKey,
    #[error("{what} has no keys of 64 hexadecimal digits; write one into it with: openssl rand -hex 32")]
    IdentityKey { what: &'static str },
    #[error(transparent)]
    Identity(#[from] opencredits_service::sign_in::SignInFault),
    #[error(transparent)]
    AddressKeys(#[from] opencredits_service::privacy::AddressKeysError),
    #[error(transparent)]
    Certificate(#[from] opencredits_api::CertificateError),
    #[error(transparent)]
    AdminToken(#[from] opencredits_service::config::AdminTokenError),
    #[error("the metrics of this process have a recorder already; start one gateway in a process")]
    Recorder,
    #[error("the histograms of the metrics cannot be made: {0}")]
    Histograms(#[from] metrics_exporter_prometheus::BuildError),
    #[error(transparent)]
    DataKey(#[from] opencredits_service::DataKeyError),
    #[error(transparent)]
    FileKey(#[from] opencredits_sqlite::FileKeyError),
    #[error(transparent)]
    Socket(#[from] opencredits_api::admin::SocketError),
    #[error(transparent)]
    Prices(#[from] opencredits_service::prices::PricesError),
    #[error(transparent)]
    Vendor(#[from] opencredits_providers::VendorError),
    #[error(transparent)]
    Gateway(#[from] opencredits_service::GatewayError),
    #[error(transparent)]
    Mail(#[from] opencredits_email::MailError),
    #[error(transparent)]
    Payment(#[from] opencredits_billing::PaymentError),
    #[error(transparent)]
    Mails(#[from] opencredits_service::mail::MailFault),
    #[error(transparent)]
    Pages(#[from] opencredits_pages::PagesError),
    #[error(
        "database.url is not set: the data is in the files of one gateway, which runs the jobs itself; a worker is for several gateways on PostgreSQL"
    )]
    NoDatabase,
    #[error("a worker takes no requests, so there is nothing to ask; see its jobs with: opencredits-admin job list")]
    NoHealth,
    #[error("the gateway was started without a config file, so there is nothing to read again; start it with --config")]
    NoConfigFile,
    #[error("the gateway is ending")]
    Closing,
    #[error(transparent)]
    Accounts(#[from] opencredits_service::accounts::AccountsError),
}

/// What an operator can do about a database that cannot be used.
fn remedy(error: &PostgresError) -> &'static str {
    match error {
        PostgresError::Database(error) if error.is_of_tls() => {
            "; its certificate must be for its name in the URL, by an authority of browsers or by one in database.ca_file"
        }
        PostgresError::Database(_) | PostgresError::Busy | PostgresError::Closed => {
            "; see that its server runs, that this machine reaches it, and that it knows user, password and database"
        }
        _ => "",
    }
}
