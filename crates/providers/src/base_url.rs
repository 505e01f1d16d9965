//! Base URLs with parts that only the operator knows: names of environment variables in braces.

/// The variables in a base URL; `None` where a brace is open, or holds no variable name.
pub(crate) fn variables(base_url: &str) -> Option<Vec<&str>> {
    let mut pieces = base_url.split('{');
    let head = pieces.next().filter(|head| !head.contains('}'));
    let named = pieces.map(|piece| {
        let (name, rest) = piece.split_once('}')?;
        (is_variable(name) && !rest.contains('}')).then_some(name)
    });
    head.and(named.collect())
}

/// The base URL with a variable's value filled in; `None` where the value could change the host or path.
pub(crate) fn filled(base_url: &str, variable: &str, value: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let plain = !value.is_empty() && value.bytes().all(is_plain);
    plain.then(|| base_url.replace(&format!("{{{variable}}}"), value))
}

/// Whether a base URL is an address over HTTP, or the sandbox's.
pub(crate) fn is_valid(base_url: &str) -> bool {
    let Some(variables) = variables(base_url) else { return false };
    if base_url.starts_with("sandbox:") {
        return true;
    }
    // A digit stands for the value of a variable: it may be a part of a host, a port or a path.
    let filled = variables.into_iter().try_fold(base_url.to_owned(), |url, variable| filled(&url, variable, "1"));
    let url = filled.and_then(|url| url.parse::<http::Uri>().ok());
    url.is_some_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.host().is_some_and(|host| !host.is_empty())
            && url.query().is_none()
    })
}

fn is_variable(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_usual)
}
