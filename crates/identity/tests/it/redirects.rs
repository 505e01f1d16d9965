//! Where people may be sent back to.

use opencredits_identity::oauth::{origin_problem, redirect_matches, redirect_problem};

#[test]
fn a_person_is_sent_back_to_a_registered_url_only() {
    let check = |listed: &str, url: &str, expect: bool| {
        assert_eq!(redirect_matches(listed, url), expect, "{listed} {url}");
    };
    let web = "https://app.example/back";
    check(web, "https://app.example/back", true);
    check(web, "https://app.example/back/", false);
    check(web, "https://app.example/back?to=evil", false);
    check(web, "https://app.example:444/back", false);
    check(web, "https://app.example.evil.example/back", false);
    check(web, "https://APP.example/back", false);
    check(web, "https://app.example/x/../back", false);
    check("http://127.0.0.1/back", "http://127.0.0.1:51004/back", true);
    check("http://[::1]/back", "http://[::1]:51004/back", true);
    check("http://localhost:3000/back", "http://localhost:51004/back", true);
    check("http://127.0.0.1/back", "http://localhost/back", false);
    check("http://127.0.0.1/back", "http://127.0.0.1:51004/other", false);
    check("http://127.0.0.1/back", "http://127.0.0.1:1@evil.example/back", false);
    check("http://127.0.0.1/back", "http://127.0.0.1.evil.example/back", false);
    check("https://localhost/back", "https://localhost:1/back", false);
    check("com.example.app:/back", "com.example.app:/back", true);
    check("com.example.app:/back", "com.example.app:/other", false);
    // A registration that would not be taken today.
    check("javascript:alert(1)", "javascript:alert(1)", false);
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
