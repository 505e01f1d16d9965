//! Where people may be sent back to, and which pages may call.

use http::Uri;

/// The longest origin or URL, in bytes.
const URL_BYTES_MAX: usize = 500;
/// The host names of the machine itself.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Schemes of editors, which hand such URLs to their extensions. They are no domain names; everything else without a dot is
/// refused, so that no `javascript:` comes in.
const EDITOR_SCHEMES: [&str; 7] = ["cursor", "vscode", "vscode-insiders", "vscodium", "windsurf", "zed", "code-oss"];

/// Whether a URL hands over to an app on the person's own machine: its scheme is the app's, or it is loopback. A secret in
/// such a URL reaches no other machine.
#[must_use]
pub fn is_on_machine(url: &str) -> bool {
    if redirect_problem(url).is_some() {
        return false;
    }
    match read(url) {
        Some(uri) if is_web(&uri) => uri.scheme_str() == Some("http"),
        _ => !url.starts_with("https:"),
    }
}

/// The host of a URL, or its scheme where it is an app's own: what a person is told of where they are sent.
#[must_use]
pub fn redirect_host(url: &str) -> String {
    match read(url).filter(is_web) {
        Some(uri) => uri.authority().map_or_else(String::new, ToString::to_string),
        None => url.split_once(':').map_or("", |(scheme, _)| scheme).to_owned(),
    }
}

/// Whether a person may be sent to `asked` where `listed` is registered: they are the same to the letter (OAuth 2.1, section
/// 2.3.1). For an app on the person's own machine the port does not count (RFC 8252, section 7.3).
#[must_use]
pub fn redirect_matches(listed: &str, asked: &str) -> bool {
    redirect_problem(asked).is_none() && without_loopback_port(listed) == without_loopback_port(asked)
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
        editor if EDITOR_SCHEMES.contains(&editor) => None,
        "https" | "http" => match read(url) {
            Some(uri) if is_web(&uri) => None,
            Some(_) => Some("is not https; http is for the machine itself only"),
            None => Some("is no URL; write it as https://app.example/back"),
        },
        _ => Some("is neither https nor a scheme of an app's own such as com.example.app"),
    }
}

/// The URL with parameters added to its query (RFC 6749, section 4.1.2).
pub(super) fn with_parameters(url: &str, parameters: &[(&str, &str)]) -> String {
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("{url}{joint}{}", query.finish())
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
