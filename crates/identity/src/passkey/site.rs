//! The site that passkeys belong to.

use crate::error::{IdentityError, SiteProblem};
use http::Uri;
use std::net::Ipv4Addr;

/// The longest URL, in bytes.
const URL_BYTES_MAX: usize = 500;
const HOST_BYTES_MAX: usize = 253;

/// A relying party (WebAuthn, section 4): an id, which is a domain, and the one origin that may use its passkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    id: String,
    origin: String,
}

impl Site {
    /// The site at a URL; path and query do not matter.
    ///
    /// # Errors
    /// [`IdentityError::Site`] for an IP address, for http anywhere but on localhost, and for what is no URL or domain.
    pub fn from_url(url: &str) -> Result<Self, IdentityError> {
        read(url).map_err(IdentityError::Site)
    }

    /// Its id, in options and under the hash in authenticator data.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its origin, as browsers write it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

fn read(url: &str) -> Result<Site, SiteProblem> {
    let uri: Uri = url.parse().ok().filter(|_| url.len() <= URL_BYTES_MAX).ok_or(SiteProblem::Url)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(SiteProblem::Url);
    };
    let host = authority.host().to_ascii_lowercase();
    if authority.as_str().contains('@') || host.is_empty() {
        return Err(SiteProblem::Url);
    }
    if is_address(&host) {
        return Err(SiteProblem::Address);
    }
    if !is_domain(&host) {
        return Err(SiteProblem::Domain);
    }
    // A secure context (W3C Secure Contexts, section 3.1), without which a browser has no passkeys.
    let is_local = host == "localhost" || host.ends_with(".localhost");
    let default_port = match scheme {
        "https" => 443,
        "http" if is_local => 80,
        "http" => return Err(SiteProblem::Insecure),
        _ => return Err(SiteProblem::Url),
    };
    let port = match authority.port_u16() {
        Some(port) if port != default_port => format!(":{port}"),
        // A colon with something that is no port after it.
        None if authority.as_str().len() != host.len() => return Err(SiteProblem::Url),
        _ => String::new(),
    };
    let origin = format!("{scheme}://{host}{port}");
    Ok(Site { id: host, origin })
}

/// Whether browsers read the host as an IP address: in brackets, or with a number as its last label (WHATWG URL, "ends in
/// a number"), as in `127.1` and `0x7f000001`.
fn is_address(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_hex = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    host.starts_with('[') || is_hex || is_decimal || host.parse::<Ipv4Addr>().is_ok()
}

fn is_domain(host: &str) -> bool {
    let is_char = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        let bounded = (1..=63).contains(&label.len());
        bounded && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(is_char)
    };
    host.len() <= HOST_BYTES_MAX && host.split('.').all(is_label)
}
