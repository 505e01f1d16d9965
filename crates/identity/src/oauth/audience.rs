//! Where a token may be used (RFC 8707).

use super::authorize::{Offer, resources};
use super::form::Form;
use super::refusal::OauthRefusal;

/// The resources that a request to the token endpoint asks for (RFC 8707, section 2.2); none for all that was granted.
///
/// # Errors
/// [`OauthRefusal`] for a form that is malformed, and for a resource that does not exist.
pub fn asked_resources(form: &str, offer: &Offer<'_>) -> Result<Vec<String>, OauthRefusal> {
    resources(Form::read(form)?.all("resource"), offer)
}

/// Whether a token for these resources may be used at a path of an origin. A resource is a URL and all that stands below it; none
/// means everything of ours. A resource of another origin is never here.
#[must_use]
pub fn is_for(resources: &[String], origin: &str, path: &str) -> bool {
    resources.is_empty() || resources.iter().any(|resource| covers(resource, origin, path))
}

/// Whether whoever was granted some resources may have a token for another one: it is one of them, or stands below one.
#[must_use]
pub fn is_within(granted: &[String], asked: &str) -> bool {
    granted.is_empty() || granted.iter().any(|granted| below(plain(granted), plain(asked)))
}

fn covers(resource: &str, origin: &str, path: &str) -> bool {
    let beginning = plain(resource).strip_prefix(plain(origin));
    // What goes on within the name of the host is another host.
    let beginning = beginning.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    beginning.is_some_and(|beginning| below(beginning, path))
}

/// Whether a path is another one or stands below it.
fn below(beginning: &str, path: &str) -> bool {
    path.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A URL and the same one with a slash are one resource: clients write both.
fn plain(url: &str) -> &str {
    url.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_its_resources_and_what_stands_below_them() {
        let check = |resources: &[&str], path: &str, expect: bool| {
            let resources: Vec<String> = resources.iter().map(|&one| one.to_owned()).collect();
            assert_eq!(is_for(&resources, "https://credits.example", path), expect, "{resources:?} {path}");
        };
        check(&[], "/v1beta/models", true);
        check(&["https://credits.example"], "/v1/messages", true);
        check(&["https://credits.example/"], "/v1beta/models", true);
        check(&["https://credits.example/v1"], "/v1", true);
        check(&["https://credits.example/v1/"], "/v1/messages", true);
        check(&["https://credits.example/v1"], "/v1beta/models", false);
        check(&["https://credits.example/v1"], "/models/a:generateContent", false);
        check(&["https://credits.example/v1"], "/v2/../v1", false);
        check(&["https://other.example/v1"], "/v1/messages", false);
        check(&["https://credits.example.evil.example/v1"], "/v1/messages", false);
        check(&["http://credits.example/v1"], "/v1/messages", false);
        check(&["https://other.example", "https://credits.example/v1"], "/v1/messages", true);
        check(&["nonsense"], "/v1", false);
        assert!(!is_for(&["https://credits.example/v1".to_owned()], "", "/v1"), "nobody knows what ours is");
    }

    #[test]
    fn a_token_can_be_for_less_than_was_granted_and_not_for_more() {
        let check = |granted: &[&str], asked: &str, expect: bool| {
            let granted: Vec<String> = granted.iter().map(|&one| one.to_owned()).collect();
            assert_eq!(is_within(&granted, asked), expect, "{granted:?} {asked}");
        };
        check(&[], "https://credits.example/v1", true);
        check(&["https://credits.example"], "https://credits.example/v1", true);
        check(&["https://credits.example/v1"], "https://credits.example/v1/", true);
        check(&["https://credits.example/v1"], "https://credits.example", false);
        check(&["https://credits.example/v1"], "https://credits.example/v11", false);
        check(&["https://credits.example"], "https://credits.example.evil.example", false);
    }
}
