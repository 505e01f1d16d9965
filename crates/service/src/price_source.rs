//! Where a price book comes from.

use http::Uri;
use http::uri::Scheme;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// Where a price book comes from. As text it has neither query nor user, which may be secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceSource {
    /// A file.
    File(PathBuf),
    /// An https URL, or an http URL of this machine: nobody on the way can change prices.
    Url(Uri),
}

impl PriceSource {
    /// A file or a URL; `None` where it is a URL that is not taken.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains("://") { Self::of_url(text) } else { Some(Self::File(text.into())) }
    }

    /// A URL; `None` where it is none, or is not taken.
    #[must_use]
    pub fn of_url(text: &str) -> Option<Self> {
        let url: Uri = text.parse().ok()?;
        let is_safe = url.scheme() == Some(&Scheme::HTTPS) || is_loopback(url.host()?);
        let is_http = matches!(url.scheme_str(), Some("https" | "http"));
        (is_safe && is_http).then_some(Self::Url(url))
    }
}

fn is_loopback(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    ip.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback())
}

impl fmt::Display for PriceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => {
                let (scheme, host) = (url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default());
                write!(f, "{scheme}://{host}")?;
                url.port_u16().map_or(Ok(()), |port| write!(f, ":{port}"))?;
                f.write_str(url.path())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_file_or_a_url_that_nobody_can_change_on_the_way() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(PriceSource::parse(text).map(|source| source.to_string()).as_deref(), expect, "{text}");
        };
        check("/etc/prices.jsonl", Some("/etc/prices.jsonl"));
        check("https://prices.example/book?key=secret", Some("https://prices.example/book"));
        check("https://ada:secret@prices.example:444/book", Some("https://prices.example:444/book"));
        check("http://127.0.0.1:8080/book", Some("http://127.0.0.1:8080/book"));
        check("http://[::1]/book", Some("http://[::1]/book"));
        check("http://LOCALHOST/book", Some("http://LOCALHOST/book"));
        check("http://prices.example/book", None);
        check("http://localhost.example/book", None);
        check("ftp://127.0.0.1/book", None);
        check("file:///etc/prices", None);
    }
}
