//! Where a database is, and how it is spoken to.

use crate::error::PostgresError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error as _;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::SslNegotiation;
use tokio_postgres_rustls::MakeRustlsConnect;

/// A server that does not answer a connection in so long is taken as absent, where the connection string says nothing else.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// The same, where the connection string names several servers.
const CONNECT_OF_SEVERAL: Duration = Duration::from_secs(2);
/// A connection on which the server has confirmed nothing for so long is taken as lost, where the connection string says nothing else.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(30);
/// A connection that is silent for so long, at most, is asked whether the server is there, and from then on this often. Whoever waits for
/// an answer or for notifications sends nothing that would find it out.
const SILENCE_MAX: Duration = Duration::from_secs(15);
const ASKED_EACH: Duration = Duration::from_secs(5);
/// What connections tell the server about themselves.
const NAME: &str = "opencredits";
/// What the protocol is called where TLS comes first.
const ALPN: &[u8] = b"postgresql";
/// How the errors begin that name an option and not its value.
const NAMES_OPTION: &str = "invalid value for option";

/// Where a database is, and how it is spoken to.
#[derive(Clone)]
pub struct Settings {
    config: Config,
    /// The authorities that may vouch for the server; those of browsers where there are none.
    authorities: Vec<CertificateDer<'static>>,
}

impl Settings {
    /// Reads a connection string: a URL, or words such as `host=/run/postgresql user=app dbname=app`.
    ///
    /// # Errors
    /// When it is none. The error has nothing of the text in it.
    pub fn parse(text: &str) -> Result<Self, PostgresError> {
        let mut config: Config = text.trim().parse().map_err(|error: tokio_postgres::Error| {
            let said = error.source().map(ToString::to_string).unwrap_or_default();
            // Others repeat parts of the text, which may be parts of a password.
            if said.starts_with(NAMES_OPTION) { PostgresError::Option(said) } else { PostgresError::Malformed }
        })?;
        if config.get_connect_timeout().is_none() {
            // Of several servers the next one is tried while whoever waits is still there.
            config.connect_timeout(if config.get_hosts().len() > 1 { CONNECT_OF_SEVERAL } else { CONNECT_MAX });
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNCONFIRMED_MAX);
        }
        let silence = config.get_keepalives_idle().min(SILENCE_MAX);
        config.keepalives_idle(silence);
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(ASKED_EACH);
        }
        if config.get_application_name().is_none() {
            config.application_name(NAME);
        }
        Ok(Self { config, authorities: Vec::new() })
    }

    /// The same, with the authorities in a file of PEM certificates in place of those of browsers.
    ///
    /// # Errors
    /// When the file cannot be read, or has no certificate.
    pub fn with_authorities(self, path: &Path) -> Result<Self, PostgresError> {
        let pem = std::fs::read(path).map_err(|source| PostgresError::Authorities { path: path.to_owned(), source })?;
        let authorities: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let authorities = authorities.unwrap_or_default();
        if authorities.is_empty() {
            return Err(PostgresError::NoAuthorities { path: path.to_owned() });
        }
        Ok(Self { authorities, ..self })
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn tls(&self) -> Result<MakeRustlsConnect, PostgresError> {
        let mut roots = RootCertStore::empty();
        if self.authorities.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for authority in &self.authorities {
            roots.add(authority.clone())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        if self.config.get_ssl_negotiation() == SslNegotiation::Direct {
            config.alpn_protocols = vec![ALPN.to_vec()];
        }
        Ok(MakeRustlsConnect::new(config))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("hosts", &self.config.get_hosts())
            .field("ports", &self.config.get_ports())
            .field("user", &self.config.get_user())
            .field("database", &self.config.get_dbname())
            .field("sslmode", &self.config.get_ssl_mode())
            .field("authorities", &self.authorities.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Settings};

    #[test]
    fn a_server_that_is_gone_without_a_word_is_found_out_within_half_a_minute() {
        let check = |text: &str, expect: (u64, u64, u64)| {
            let settings = Settings::parse(text).unwrap();
            let config = settings.config();
            assert!(config.get_keepalives(), "{text}");
            let found = (
                config.get_keepalives_idle(),
                config.get_keepalives_interval().unwrap(),
                *config.get_tcp_user_timeout().unwrap(),
            );
            let (idle, interval, unconfirmed) = expect;
            assert_eq!(found, (seconds(idle), seconds(interval), seconds(unconfirmed)), "{text}");
        };
        check("host=db", (15, 5, 30));
        check("postgres://db/app?keepalives_idle=600", (15, 5, 30));
        check("host=db keepalives_idle=2 keepalives_interval=1 tcp_user_timeout=3", (2, 1, 3));
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }
}
