//! The path that a client meant: most wrong ones come of a base URL with one version too many, or none.

/// The paths of inference, for people.
pub(crate) const ALL: &str = "requests go to /v1/chat/completions, /v1/messages, /v1/responses, /v1/embeddings or \
                              /v1beta/models/MODEL:generateContent";

/// The versions in paths.
const VERSIONS: [&str; 2] = ["v1beta", "v1"];

/// Paths that clients write after their base URL, without its version; and whether the base URL has the version.
const KNOWN: [(&str, bool); 7] = [
    ("/chat/completions", true),
    ("/responses", true),
    ("/embeddings", true),
    ("/messages", false),
    ("/messages/count_tokens", false),
    ("/models", true),
    ("/credits/balance", true),
];

/// The right path, and what to do; `None` where no path is near.
pub(crate) fn meant(path: &str) -> Option<(String, &'static str)> {
    let mut rest = path.trim_end_matches('/');
    while let Some(after) = VERSIONS.iter().find_map(|version| rest.strip_prefix('/')?.strip_prefix(version)) {
        if !after.starts_with('/') {
            break;
        }
        rest = after;
    }
    let is_method = rest.starts_with("/models/") && rest.ends_with("enerateContent");
    if is_method {
        return Some((format!("/v1beta{rest}"), "the client's base URL is this server's, without a version"));
    }
    let (_, versioned) = KNOWN.iter().find(|(known, _)| *known == rest)?;
    let remedy = match versioned {
        true => "the client's base URL is this server's with /v1 at its end, once",
        false => "the client's base URL is this server's, without /v1 at its end",
    };
    Some((format!("/v1{rest}"), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_that_was_meant_is_told_with_the_base_url() {
        let check = |path: &str, expect: Option<(&str, &str)>| {
            let found = meant(path);
            let found = found.as_ref().map(|(right, remedy)| (right.as_str(), *remedy));
            match (found, expect) {
                (Some((right, remedy)), Some((wanted, words))) => {
                    assert!(right == wanted && remedy.contains(words), "{path}: {right}, {remedy}");
                }
                (found, expect) => assert_eq!(found, expect, "{path}"),
            }
        };
        check("/chat/completions", Some(("/v1/chat/completions", "with /v1 at its end, once")));
        check("/v1/v1/chat/completions", Some(("/v1/chat/completions", "with /v1 at its end, once")));
        check("/v1/chat/completions/", Some(("/v1/chat/completions", "with /v1")));
        check("/v1/v1/messages", Some(("/v1/messages", "without /v1")));
        check("/messages", Some(("/v1/messages", "without /v1")));
        check(
            "/v1beta/v1beta/models/m:generateContent",
            Some(("/v1beta/models/m:generateContent", "without a version")),
        );
        check("/v1/v1/models", Some(("/v1/models", "with /v1")));
        check("/v1/nothing", None);
        check("/", None);
    }
}
