//! Where people may be sent back to.

use opencredits_identity::oauth::{
    CallbackAsked, Client, Issuer, KeyAsked, OauthError, OauthRefusal, is_on_machine, origin_problem, redirect_host,
    redirect_matches, redirect_problem,
};
use opencredits_keys::UserKey;

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
    check("vscode://publisher.extension/opencredits-key", true);
    check("file:///etc/passwd", false);
    check("vbscript:a", false);
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

#[test]
fn a_person_is_told_the_host_or_the_scheme_that_they_are_sent_to() {
    let check = |url: &str, host: &str, is_local: bool| {
        assert_eq!((redirect_host(url).as_str(), is_on_machine(url)), (host, is_local), "{url}");
    };
    check("https://app.example/back", "app.example", false);
    check("https://app.example:8443/back", "app.example:8443", false);
    check("https://localhost/back", "localhost", false);
    check("http://127.0.0.1:3000/back", "127.0.0.1:3000", true);
    check("http://[::1]:3000/back", "[::1]:3000", true);
    check("com.example.app:/back", "com.example.app", true);
    check("vscode://publisher.extension/key", "vscode", true);
    check("http://app.example/back", "http", false);
}

const PKCE: &str = "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

#[test]
fn a_callback_is_registered_or_is_nobodys() {
    let urls = ["https://app.example/back".to_owned(), "com.example.app:/back".to_owned()];
    let client = Client { id: "oc_pk_app", redirect_urls: &urls };
    let check = |query: &str, client: Option<&Client<'_>>, expect: Result<(&str, bool), OauthError>| {
        let query = format!("{query}{PKCE}");
        let found = CallbackAsked::read(&query).and_then(|asked| asked.check(client));
        let found = found.as_ref().map(|request| (request.client_id.as_str(), request.is_of_unregistered()));
        assert_eq!(found.map_err(|refusal| refusal.error), expect, "{query}");
    };
    let bad = Err(OauthError::InvalidRequest);
    check("callback_url=https://app.example/back", Some(&client), Ok(("oc_pk_app", false)));
    check("callback_url=https://app.example/other", Some(&client), bad);
    check("callback_url=com.example.app:/back", Some(&client), Ok(("oc_pk_app", false)));
    check("callback_url=https://b.example/", None, Ok(("callback:https://b.example/", true)));
    check("callback_url=http://localhost:3000/cb", None, Ok(("callback:http://localhost:3000/cb", true)));
    check("callback_url=com.example.app:/back", None, bad);
    check("callback_url=javascript:alert(1)", None, bad);
    check("callback_url=http://b.example/", None, bad);
    check("callback_url=https://b.example/%23a", None, bad);
    check("callback_url=https://b.example/&callback_url=https://c.example/", None, bad);
    check("a=b", None, bad);
    let plain = "callback_url=https://b.example/&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for more in ["", "&code_challenge_method=plain"] {
        assert!(CallbackAsked::read(&format!("{plain}{more}")).unwrap().check(None).is_err(), "{more}");
    }
}

#[test]
fn a_key_goes_to_an_app_on_the_machine_itself() {
    let urls = ["https://app.example/key", "com.example.app:/key", "http://127.0.0.1/key", "vscode://a.b/key?c=d"];
    let urls = urls.map(str::to_owned);
    let client = Client { id: "oc_pk_app", redirect_urls: &urls };
    let key = UserKey::generate([1; 32]);
    let text = key.reveal();
    let check = |query: &str, expect: Result<String, OauthError>| {
        let found = KeyAsked::read(query).unwrap().check(&client).map(|request| request.granted(&key));
        assert_eq!(found.map_err(|refusal| refusal.error), expect, "{query}");
    };
    let of = |redirect: &str| format!("publishable_key=oc_pk_app&redirect_url={redirect}");
    check(&of("com.example.app:/key"), Ok(format!("com.example.app:/key?key={text}")));
    check(&of("http://127.0.0.1:5123/key&state=a%20b"), Ok(format!("http://127.0.0.1:5123/key?key={text}&state=a+b")));
    check(&of("vscode://a.b/key?c=d"), Ok(format!("vscode://a.b/key?c=d&key={text}")));
    check(&of("https://app.example/key"), Err(OauthError::InvalidRequest));
    check(&of("com.example.other:/key"), Err(OauthError::InvalidRequest));
    check("publishable_key=oc_pk_app", Err(OauthError::InvalidRequest));
    check("publishable_key=oc_pk_other&redirect_url=com.example.app:/key", Err(OauthError::InvalidClient));
    let request = KeyAsked::read(&of("com.example.app:/key")).unwrap().check(&client).unwrap();
    let refusal = OauthRefusal::new(OauthError::AccessDenied, "no");
    let issuer = Issuer::from_base_url("https://credits.example").unwrap();
    let to = request.refused(&refusal, &issuer);
    let expect = "error=access_denied&error_description=no&iss=https%3A%2F%2Fcredits.example";
    assert_eq!(to, format!("com.example.app:/key?{expect}"));
}
