//! Whether the service has a domain.

use http::Uri;
use std::net::IpAddr;

/// Whether a URL names a host by a domain, to which passkeys belong, and not by an address.
pub(super) fn has_domain(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    !host.is_empty() && host.trim_matches(['[', ']']).parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_belong_to_domains() {
        let check = |url: &str, expect: bool| assert_eq!(has_domain(url), expect, "{url}");
        check("https://credits.example", true);
        check("http://localhost:8080", true);
        check("http://127.0.0.1:8080", false);
        check("http://[::1]:8080", false);
        check("nonsense", true);
        check("", false);
    }
}
