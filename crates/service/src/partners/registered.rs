//! The pages that may use a publishable key, and where people may be sent back to.

use http::Uri;
use opencredits_store::PublishableKeyRecord;

/// The longest origin or URL, in bytes.
const URL_BYTES_MAX: usize = 500;
/// The host names of the machine itself.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Whether the pages of an origin may use a key. A request without an origin comes from no page of another site.
#[must_use]
pub fn allows_origin(key: &PublishableKeyRecord, origin: Option<&str>) -> bool {
    match origin {
        Some(origin) if !key.origins.is_empty() => key.origins.iter().any(|listed| listed == origin),
        _ => true,
    }
}

/// Whether a person may be sent back to a URL: it is registered, to the letter. For an app on the person's own machine the
/// port does not count (RFC 8252, section 7.3).
#[must_use]
pub fn allows_redirect(key: &PublishableKeyRecord, url: &str) -> bool {
    let asked = without_loopback_port(url);
    redirect_problem(url).is_none() && key.redirect_urls.iter().any(|listed| without_loopback_port(listed) == asked)
}

/// What is wrong with an origin, if anything is: it is a scheme and a host, and perhaps a port.
#[must_use]
pub fn origin_problem(origin: &str) -> Option<&'static str> {
    let Some(uri) = read(origin) else {
        return Some("is no origin; write it as https://app.example");
    };
    if !is_web(&uri) {
        return Some("is not https; http is for the machine itself only");
    }
    // Browsers send an origin in lower case and without a slash at its end.
    let is_bare = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/") && !origin.ends_with('/');
    let is_lower = !origin.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_bare && is_lower {
        return None;
    }
    Some("is more than an origin; write it in lower case as https://app.example, without a path")
}

/// What is wrong with a URL to send people back to, if anything is.
#[must_use]
pub fn redirect_problem(url: &str) -> Option<&'static str> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    if url.len() > URL_BYTES_MAX || url.contains(['#', '\\']) || url.bytes().any(|byte| byte <= b' ' || byte > b'~') {
        return Some("has a fragment, a space or another character that no URL has, or more than 500 bytes");
    }
    match scheme {
        // RFC 8252, section 7.1: an app's own scheme is a reversed domain name.
        own if own.contains('.') && is_scheme(own) => None,
        "https" | "http" => match read(url) {
            Some(uri) if is_web(&uri) => None,
            Some(_) => Some("is not https; http is for the machine itself only"),
            None => Some("is no URL; write it as https://app.example/back"),
        },
        _ => Some("is neither https nor a scheme of an app's own such as com.example.app"),
    }
}

fn is_scheme(scheme: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(is_letter)
}

/// A URL with a host and without a user's name.
fn read(url: &str) -> Option<Uri> {
    let uri: Uri = url.parse().ok().filter(|_| url.len() <= URL_BYTES_MAX)?;
    let authority = uri.authority()?;
    (!authority.as_str().contains('@') && !authority.host().is_empty() && uri.scheme().is_some()).then_some(uri)
}

fn is_web(uri: &Uri) -> bool {
    let is_loopback = || uri.host().is_some_and(|host| LOOPBACK.contains(&host));
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_loopback(),
        _ => false,
    }
}

/// The URL without its port, where it is one of the machine itself.
fn without_loopback_port(url: &str) -> String {
    let Some(uri) = read(url).filter(|uri| uri.scheme_str() == Some("http")) else {
        return url.to_owned();
    };
    match (uri.host(), uri.port()) {
        (Some(host), Some(port)) if LOOPBACK.contains(&host) => url.replacen(&format!("{host}:{port}"), host, 1),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_units::{KeyId, PartnerId, UnixMs};

    fn key(origins: &[&str], redirect_urls: &[&str]) -> PublishableKeyRecord {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        PublishableKeyRecord {
            id: KeyId::from_bits(1),
            partner: PartnerId::from_bits(1),
            key: "oc_pk_1".to_owned(),
            name: "web".to_owned(),
            origins: list(origins),
            redirect_urls: list(redirect_urls),
            created_at: UnixMs::new(1),
            revoked_at: None,
        }
    }

    #[test]
    fn a_page_of_a_listed_origin_may_use_a_key() {
        let check = |origins: &[&str], origin: Option<&str>, expect: bool| {
            assert_eq!(allows_origin(&key(origins, &[]), origin), expect, "{origins:?} {origin:?}");
        };
        check(&[], Some("https://any.example"), true);
        check(&["https://a.example"], None, true);
        check(&["https://a.example"], Some("https://a.example"), true);
        check(&["https://a.example"], Some("https://a.example.evil.example"), false);
        check(&["https://a.example"], Some("http://a.example"), false);
        check(&["https://a.example"], Some("https://a.example:8443"), false);
        check(&["https://a.example"], Some("null"), false);
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let check = |origin: &str, is_right: bool| assert_eq!(origin_problem(origin).is_none(), is_right, "{origin}");
        check("https://app.example", true);
        check("https://app.example:8443", true);
        check("http://localhost:3000", true);
        check("http://app.example", false);
        check("https://app.example/", false);
        check("https://app.example/path", false);
        check("https://app.example?a", false);
        check("https://App.example", false);
        check("https://me@app.example", false);
        check("app.example", false);
        check("*", false);
        check("", false);
    }

    #[test]
    fn a_person_is_sent_back_to_a_registered_url_only() {
        let check = |listed: &[&str], url: &str, expect: bool| {
            assert_eq!(allows_redirect(&key(&[], listed), url), expect, "{listed:?} {url}");
        };
        let web = ["https://app.example/back"];
        check(&web, "https://app.example/back", true);
        check(&web, "https://app.example/back/", false);
        check(&web, "https://app.example/back?to=evil", false);
        check(&web, "https://app.example:444/back", false);
        check(&web, "https://app.example.evil.example/back", false);
        check(&[], "https://app.example/back", false);
        check(&["http://127.0.0.1/back"], "http://127.0.0.1:51004/back", true);
        check(&["http://127.0.0.1:8000/back"], "http://127.0.0.1:51004/back", true);
        check(&["http://127.0.0.1/back"], "http://127.0.0.1:51004/other", false);
        check(&["http://127.0.0.1/back"], "http://127.0.0.1:1@evil.example/back", false);
        check(&["com.example.app:/back"], "com.example.app:/back", true);
    }

    #[test]
    fn a_url_to_send_people_back_to_is_https_the_machine_itself_or_an_app() {
        let check = |url: &str, is_right: bool| assert_eq!(redirect_problem(url).is_none(), is_right, "{url}");
        check("https://app.example/back", true);
        check("http://localhost/back", true);
        check("com.example.app:/back", true);
        check("http://app.example/back", false);
        check("javascript:alert(1)", false);
        check("data:text/html,a", false);
        check("https://app.example/#key", false);
        check("https://me@app.example/", false);
        check("https://app.example/a b", false);
        check("https:\\\\app.example", false);
        check("//app.example", false);
        check("", false);
    }
}
