//! The certificate of the listener, and the files that it is read from.

use crate::error::StartError;
use opencredits_api::{Certificate, CertificateFiles, LiveCertificate};
use opencredits_service::config::{Config, SettingChange};
use opencredits_units::UnixMs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

/// What a change of the certificate is called among the changes of settings.
const CHANGE: &str = "server.tls_certificate";

/// The files that the config names; `None` where the listener has no certificate.
pub(crate) fn files(config: &Config) -> Option<CertificateFiles> {
    let server = &config.server;
    let (certificate, key) = (server.tls_certificate_file.clone()?, server.tls_key_file.clone()?);
    Some(CertificateFiles { certificate, key })
}

/// The certificate of the config, checked; `None` where it names none.
pub(crate) fn read(config: &Config) -> Result<Option<Certificate>, StartError> {
    Ok(files(config).map(|files| Certificate::read(&files)).transpose()?)
}

/// The certificate to begin with. One that does not hold is told of, and used.
pub(crate) fn open(config: &Config, now: UnixMs) -> Result<Option<Arc<LiveCertificate>>, StartError> {
    let Some(certificate) = read(config)? else { return Ok(None) };
    warn(&certificate, now);
    tracing::info!(%certificate, "connections speak TLS");
    Ok(Some(Arc::new(LiveCertificate::new(certificate))))
}

/// Serves new connections by another certificate.
pub(crate) fn put(live: &LiveCertificate, certificate: Certificate, now: UnixMs) {
    warn(&certificate, now);
    live.put(certificate);
}

fn warn(certificate: &Certificate, now: UnixMs) {
    if let Some(notice) = certificate.notice(now) {
        tracing::warn!("{notice}");
    }
}

/// Reads it off the thread that accepts connections.
pub(crate) async fn read_beside(config: &Config) -> Result<Option<Certificate>, StartError> {
    let config = config.clone();
    tokio::task::spawn_blocking(move || read(&config)).await.map_err(|_| StartError::Closing)?
}

/// What the exchange of a certificate changes; `None` where it is the same.
pub(crate) fn change(before: &Certificate, after: &Certificate) -> Option<SettingChange> {
    let (is_same, setting) = (before.is_same(after), CHANGE.to_owned());
    (!is_same).then(|| SettingChange { setting, before: Some(before.to_string()), after: Some(after.to_string()) })
}

/// What tells one state of the two files from another, without reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamps([Option<Stamp>; 2]);

/// Device and number of the file, its length, and when it was last changed.
type Stamp = (u64, u64, u64, i64, i64);

/// The state of the files now; `None` where the process ends.
pub(crate) async fn stamps(files: &CertificateFiles) -> Option<Stamps> {
    let stamp = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
    };
    let files = files.clone();
    // A file may be on a disk that does not answer.
    tokio::task::spawn_blocking(move || Stamps([stamp(&files.certificate), stamp(&files.key)])).await.ok()
}
