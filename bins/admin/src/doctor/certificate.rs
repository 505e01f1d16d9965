//! The certificate of the listener, where it speaks TLS.

use super::finding::Finding;
use opencredits_api::{Certificate, CertificateFiles, Validity};
use opencredits_service::config::Server;
use opencredits_units::UnixMs;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const WHAT: &str = "certificate";
/// The days before its end in which a certificate should have been renewed.
const RENEW_DAYS: u64 = 14;
/// What users other than the owner and the group may do with a file, as bits of its mode.
const OTHERS: u32 = 0o007;

/// What there is to say of the certificate and its key; nothing where the listener has none.
pub(super) fn findings(server: &Server, now: UnixMs) -> Vec<Finding> {
    let (Some(certificate), Some(key)) = (&server.tls_certificate_file, &server.tls_key_file) else {
        return Vec::new();
    };
    let files = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
    let pair = match Certificate::read(&files) {
        Ok(certificate) => dates(&certificate, now),
        Err(error) => Finding::bad(WHAT, error.to_string(), "put a valid pair there; the gateway takes it by itself"),
    };
    [Some(pair), mode(key)].into_iter().flatten().collect()
}

fn dates(certificate: &Certificate, now: UnixMs) -> Finding {
    let days = certificate.not_after().ms_since(now).div_euclid(UnixMs::DAY_MS);
    let renew = "renew it, and write both files; the gateway takes the pair by itself";
    match certificate.validity(now) {
        Validity::NotYet => Finding::bad(WHAT, format!("{certificate}, and not valid yet"), "check the clock"),
        Validity::Over => Finding::bad(WHAT, format!("{certificate}: it has expired"), renew),
        Validity::Holds if days < RENEW_DAYS => Finding::warning(WHAT, format!("{certificate}: {days} days"), renew),
        Validity::Holds => Finding::good(WHAT, format!("{certificate}, and its key belongs to it")),
    }
}

/// A key that every user of the machine can read is nobody's secret.
fn mode(key: &Path) -> Option<Finding> {
    let mode = fs::metadata(key).ok()?.permissions().mode();
    let (shown, mode) = (key.display(), mode & 0o777);
    let is_open = mode & OTHERS != 0;
    is_open.then(|| {
        Finding::warning(
            "certificate key",
            format!("{shown} is open to all users (mode {mode:o})"),
            format!("chmod o= {shown}"),
        )
    })
}
