//! Where passkeys can be used.

use opencredits_identity::passkey::Site;
use opencredits_identity::{IdentityError, SiteProblem};

#[test]
fn a_site_is_a_domain_with_https_or_the_machine_itself() {
    let check = |url: &str, id: &str, origin: &str| {
        let site = Site::from_url(url).unwrap();
        assert_eq!((site.id(), site.origin()), (id, origin), "{url}");
    };
    check("https://credits.example", "credits.example", "https://credits.example");
    check("https://Credits.Example/", "credits.example", "https://credits.example");
    check("https://credits.example:443/a?b", "credits.example", "https://credits.example");
    check("https://credits.example:8443", "credits.example", "https://credits.example:8443");
    check("https://xn--bcher-kva.example", "xn--bcher-kva.example", "https://xn--bcher-kva.example");
    check("http://localhost:8080", "localhost", "http://localhost:8080");
    check("http://localhost:80", "localhost", "http://localhost");
    check("https://localhost", "localhost", "https://localhost");
    check("http://app.localhost:1", "app.localhost", "http://app.localhost:1");
}

#[test]
fn an_address_has_no_passkeys_and_the_error_says_what_to_use() {
    let check = |url: &str, expect: SiteProblem| {
        assert_eq!(Site::from_url(url), Err(IdentityError::Site(expect)), "{url}");
    };
    for url in
        ["http://127.0.0.1:8080", "http://[::1]:8080", "https://203.0.113.7", "https://127.1", "https://0x7f000001"]
    {
        check(url, SiteProblem::Address);
    }
    check("https://2130706433", SiteProblem::Address);
    check("https://example.0x7f", SiteProblem::Address);
    check("http://credits.example", SiteProblem::Insecure);
    check("http://localhost.example", SiteProblem::Insecure);
    check("https://-a.example", SiteProblem::Domain);
    check("https://a_b.example", SiteProblem::Domain);
    check("https://example.org.", SiteProblem::Domain);
    for url in ["", "credits.example", "ftp://credits.example", "https://me@credits.example", "https://", "/a"] {
        check(url, SiteProblem::Url);
    }
    check("https://credits.example:99999", SiteProblem::Url);
    check(&format!("https://{}.example", "a".repeat(600)), SiteProblem::Url);
    let text = Site::from_url("http://127.0.0.1:8080").unwrap_err().to_string();
    assert!(text.contains("http://localhost:8080"), "{text}");
}
