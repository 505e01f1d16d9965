//! The pages that may use a publishable key, and where people may be sent back to.

use opencredits_identity::oauth::redirect_matches;
use opencredits_store::PublishableKeyRecord;

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
    key.redirect_urls.iter().any(|listed| redirect_matches(listed, url))
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
}
