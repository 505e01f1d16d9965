//! The certificate of the listener: read from two files, checked, and exchanged while it serves.

use arc_swap::ArcSwap;
use opencredits_units::UnixMs;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

/// The settings that name the files.
const CERTIFICATE: &str = "server.tls_certificate_file";
const KEY: &str = "server.tls_key_file";
/// The largest file, in bytes: a chain has some ten thousand.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The listener speaks HTTP/1.1, and refuses who offers other protocols alone (RFC 7301, section 3.2).
const PROTOCOL: &[u8] = b"http/1.1";

/// The files with a certificate chain and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, in PEM, with the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

/// A certificate and its key cannot be used. The words name the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {setting} {}: {source}; the gateway's user must be able to", path.display())]
    Unreadable {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There is no certificate in the file.
    #[error("{CERTIFICATE} {} has no certificate in PEM; it needs the server's own, and the intermediate ones after it", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no key in the file.
    #[error("{KEY} {} has no private key in PEM; it must not be encrypted with a passphrase", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate cannot be read.
    #[error("the first certificate of {CERTIFICATE} {} cannot be read; check it with: openssl x509 -noout -text", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The key is of another certificate.
    #[error(
        "the key of {KEY} {} does not belong to the first certificate of {CERTIFICATE} {}; take both from one issue, the server's own certificate first",
        key.display(),
        certificate.display()
    )]
    OtherKey {
        /// The file with the chain.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The pair cannot be used for TLS.
    #[error("the key of {KEY} {} cannot be used with {CERTIFICATE}: {source}; make it an ECDSA, RSA or Ed25519 key", path.display())]
    Unusable {
        /// The file with the key.
        path: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
}

/// When a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// It holds now.
    Holds,
    /// It does not hold yet.
    NotYet,
    /// It holds no longer.
    Over,
}

/// A certificate chain with its key, ready for TLS 1.2 and 1.3.
pub struct Certificate {
    config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
    /// The serial number in hexadecimal, as issuers write it.
    serial: String,
    not_before: UnixMs,
    not_after: UnixMs,
}

impl Certificate {
    /// Reads both files, and checks that they fit each other. One that does not hold now can be used: the client decides.
    ///
    /// # Errors
    /// When a file cannot be read, when it has not what it should, or when the key is of another certificate.
    pub fn read(files: &CertificateFiles) -> Result<Self, CertificateError> {
        let chain = contents(CERTIFICATE, &files.certificate)?;
        let key = contents(KEY, &files.key)?;
        Self::of_pem(files, &chain, &key)
    }

    fn of_pem(files: &CertificateFiles, chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let path = || files.certificate.clone();
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|_| CertificateError::NoCertificate { path: path() })?;
        let first = chain.first().ok_or_else(|| CertificateError::NoCertificate { path: path() })?;
        let malformed = || CertificateError::Malformed { path: path() };
        let (_, read) = X509Certificate::from_der(first).map_err(|_| malformed())?;
        let serial = read.raw_serial_as_string();
        let [not_before, not_after] = [read.validity().not_before, read.validity().not_after].map(|at| {
            let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
            UnixMs::new(seconds.saturating_mul(1_000))
        });
        let no_key = |_| CertificateError::NoKey { path: files.key.clone() };
        let key = PrivateKeyDer::from_pem_slice(key).map_err(no_key)?;
        let config = Arc::new(config(files, &chain, key)?);
        Ok(Self { config, chain, serial, not_before, not_after })
    }

    /// What TLS needs of it.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// When it ends.
    #[must_use]
    pub const fn not_after(&self) -> UnixMs {
        self.not_after
    }

    /// Whether it holds at a moment.
    #[must_use]
    pub fn validity(&self, now: UnixMs) -> Validity {
        match now {
            early if early < self.not_before => Validity::NotYet,
            late if late > self.not_after => Validity::Over,
            _ => Validity::Holds,
        }
    }

    /// What is wrong with its dates at a moment, and the remedy; `None` where it holds.
    #[must_use]
    pub fn notice(&self, now: UnixMs) -> Option<String> {
        let clients = "clients will refuse it";
        match self.validity(now) {
            Validity::Holds => None,
            Validity::NotYet => {
                let from = date(self.not_before);
                Some(format!(
                    "the certificate of {CERTIFICATE} holds from {from} on only, and {clients}; check the clock"
                ))
            }
            Validity::Over => {
                let until = date(self.not_after);
                Some(format!("the certificate of {CERTIFICATE} has expired at {until}, and {clients}; renew it"))
            }
        }
    }

    /// Whether another one is the same, with the same chain.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

/// The certificate in one line: its serial number, and until when it holds.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "serial {}, valid until {}", self.serial, date(self.not_after))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({self})")
    }
}

fn date(at: UnixMs) -> String {
    let ms = i64::try_from(at.get()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map(|at| at.to_string()).unwrap_or_default()
}

fn contents(setting: &'static str, path: &Path) -> Result<Vec<u8>, CertificateError> {
    let read = || {
        // Others, such as a pipe, may never come to an end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            return Err(io::Error::other("it is longer than 1 MiB"));
        }
        Ok(bytes)
    };
    read().map_err(|source| CertificateError::Unreadable { setting, path: path.to_owned(), source })
}

fn config(
    files: &CertificateFiles,
    chain: &[CertificateDer<'static>],
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, CertificateError> {
    let provider = Arc::new(ring::default_provider());
    let fault = |error| match error {
        rustls::Error::InconsistentKeys(_) => {
            CertificateError::OtherKey { certificate: files.certificate.clone(), key: files.key.clone() }
        }
        rustls::Error::InvalidCertificate(_) => CertificateError::Malformed { path: files.certificate.clone() },
        source => CertificateError::Unusable { path: files.key.clone(), source },
    };
    let pair = CertifiedKey::from_der(chain.to_vec(), key, &provider).map_err(fault)?;
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(fault)?;
    let resolver = Arc::new(SingleCertAndKey::from(pair));
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}

/// The certificate in force. Connections keep the one that they began with.
#[derive(Debug)]
pub struct LiveCertificate(ArcSwap<Certificate>);

impl LiveCertificate {
    /// Begins with this one.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        Self(ArcSwap::from_pointee(certificate))
    }

    /// The one in force.
    #[must_use]
    pub fn now(&self) -> Arc<Certificate> {
        self.0.load_full()
    }

    /// Serves new connections by another one.
    pub fn put(&self, certificate: Certificate) {
        self.0.store(Arc::new(certificate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd};

    /// 2026-06-01 and 2026-07-01.
    const BEGIN_MS: u64 = 1_780_272_000_000;
    const END_MS: u64 = 1_782_864_000_000;

    fn params() -> CertificateParams {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 6, 1);
        params.not_after = date_time_ymd(2026, 7, 1);
        params.serial_number = Some(vec![1, 0xab].into());
        params
    }

    /// A certificate and its key, in PEM.
    fn made(key: &KeyPair) -> [String; 2] {
        [params().self_signed(key).unwrap().pem(), key.serialize_pem()]
    }

    fn read(certificate: &str, key: &str) -> Result<Certificate, CertificateError> {
        let folder = tempfile::tempdir().unwrap();
        let files =
            CertificateFiles { certificate: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        Certificate::read(&files)
    }

    #[test]
    fn keys_of_each_kind_are_taken_and_the_certificate_tells_its_serial_and_its_end() {
        let keys = [
            KeyPair::generate().unwrap(),
            KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
            KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        ];
        for key in keys {
            let [certificate, pem] = made(&key);
            let read = read(&certificate, &pem).unwrap();
            assert_eq!(read.to_string(), "serial 01:ab, valid until 2026-07-01T00:00:00Z");
            assert_eq!(read.not_after(), UnixMs::new(END_MS));
        }
    }

    #[test]
    fn a_certificate_holds_between_its_dates_and_says_so_where_it_does_not() {
        let [certificate, key] = made(&KeyPair::generate().unwrap());
        let certificate = read(&certificate, &key).unwrap();
        let check = |ms: u64, expect: Validity, words: &str| {
            let now = UnixMs::new(ms);
            assert_eq!(certificate.validity(now), expect, "{ms}");
            assert!(certificate.notice(now).unwrap_or_default().contains(words), "{ms}");
            assert_eq!(certificate.notice(now).is_none(), expect == Validity::Holds, "{ms}");
        };
        check(BEGIN_MS - 1, Validity::NotYet, "holds from 2026-06-01T00:00:00Z on only");
        check(BEGIN_MS, Validity::Holds, "");
        check(END_MS, Validity::Holds, "");
        check(END_MS + 1, Validity::Over, "has expired at 2026-07-01T00:00:00Z");
    }

    #[test]
    fn a_pair_that_cannot_be_used_is_named_with_its_file() {
        let [certificate, key] = made(&KeyPair::generate().unwrap());
        let [other, other_key] = made(&KeyPair::generate().unwrap());
        let check = |certificate: &str, key: &str, words: &[&str]| {
            let error = read(certificate, key).unwrap_err().to_string();
            assert!(words.iter().all(|words| error.contains(words)), "{words:?}: {error}");
            assert!(!error.contains("BEGIN"), "{error}");
        };
        check(&certificate, &other_key, &["key.pem does not belong to", "chain.pem"]);
        // The server's own certificate is the first.
        check(&format!("{other}{certificate}"), &key, &["does not belong to"]);
        assert!(read(&format!("{certificate}{other}"), &key).is_ok());
        check("", &key, &["chain.pem has no certificate"]);
        check(&key, &key, &["chain.pem has no certificate"]);
        check(&certificate[..certificate.len() / 2], &key, &["chain.pem has no certificate"]);
        check(&certificate, "", &["key.pem has no private key"]);
        check(&certificate, &key[..key.len() / 2], &["key.pem has no private key"]);
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        check(&certificate, &encrypted, &["key.pem has no private key", "passphrase"]);
        let broken = certificate.replace("CERTIFICATE", "PRIVATE KEY");
        check(&certificate, &broken, &["key.pem cannot be used"]);
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        check(broken, &key, &["chain.pem cannot be read"]);
        let files = CertificateFiles { certificate: "/nowhere/chain.pem".into(), key: "/nowhere/key.pem".into() };
        let error = Certificate::read(&files).unwrap_err().to_string();
        assert!(error.contains("cannot read server.tls_certificate_file /nowhere/chain.pem"), "{error}");
    }

    #[test]
    fn neither_the_key_nor_the_chain_is_in_what_is_written_of_a_certificate() {
        let [certificate, key] = made(&KeyPair::generate().unwrap());
        let live = LiveCertificate::new(read(&certificate, &key).unwrap());
        assert_eq!(format!("{live:?}").matches("serial 01:ab").count(), 1);
        assert!(format!("{live:?}").len() < 200, "{live:?}");
    }
}
