//! The pages for people, over the router: who gets HTML, with which headers, and what a stranger can write into them.

use crate::app::{Answer, TestApp, pages, request};
use http::{HeaderName, HeaderValue, Method};
use opencredits_keys::UserKey;
use opencredits_pages::Packed;

/// Every page for everybody.
const PAGES: [&str; 12] = [
    "/",
    "/models",
    "/models?q=gpt&sort=-price&input=100&output=10",
    "/models/openai/gpt-5",
    "/models/sandbox/gpt",
    "/docs",
    "/docs/api",
    "/docs/operations",
    "/terms",
    "/privacy",
    "/sign-in",
    "/sign-in/link",
];
/// What a page and all assets may weigh together, as they are sent.
const SENT_BYTES_MAX: usize = 100_000;
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn ask(app: &TestApp, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Answer {
    let mut asked = request(method, path, "", String::new());
    for (name, value) in headers {
        asked.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    app.send(asked).await
}

async fn browse(app: &TestApp, path: &str) -> Answer {
    ask(app, Method::GET, path, &[("accept", BROWSER)]).await
}

#[tokio::test]
async fn promise_13_a_policy_shows_its_version_and_since_when_it_is_in_force() {
    let app = TestApp::of_the_whole_book();
    for path in ["/privacy", "/terms"] {
        let page = browse(&app, path).await.text;
        let shown = |label: &str| {
            let (_, rest) =
                page.split_once(&format!("<dt>{label}</dt><dd>")).unwrap_or_else(|| panic!("{path}: {page}"));
            rest.split("</dd>").next().unwrap().to_owned()
        };
        assert!(!shown("Version").is_empty(), "{path}");
        let since = shown("In force since");
        assert!(since.contains("<time datetime=\"20"), "{path}: {since}");
    }
}

#[tokio::test]
async fn promise_09_every_page_has_its_headers_and_nothing_of_its_own_to_run() {
    let app = TestApp::of_the_whole_book();
    for path in PAGES.into_iter().chain(["/nowhere", "/models/nobody/nothing"]) {
        let page = browse(&app, path).await;
        let is_there = PAGES.contains(&path);
        assert_eq!(page.status.as_u16(), if is_there { 200 } else { 404 }, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        let policy = page.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{path}: {policy}");
        }
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
        assert!(page.header("permissions-policy").contains("camera=()") && !page.header("x-request-id").is_empty());
        assert!(!page.headers.contains_key("set-cookie"), "{path}");
        for script in page.text.split("<script").skip(1) {
            let head = script.split('>').next().unwrap();
            assert!(head.contains("src=\"/assets/") || head.contains("application/json"), "{path}: {head}");
        }
        for attribute in [" style=\"", "<style", " onclick=", " onload=", "javascript:"] {
            assert!(!page.text.contains(attribute), "{path} has {attribute}");
        }
    }
}

#[tokio::test]
async fn a_page_with_all_assets_weighs_little() {
    let app = TestApp::of_the_whole_book();
    let pages = pages();
    let assets = pages.pages.assets();
    let sent = |packed: &Packed| packed.gzip().map_or(packed.plain.len(), bytes::Bytes::len);
    let of_assets: usize = assets.names().map(|name| sent(&assets.find(name).unwrap().0.packed)).sum();
    for path in PAGES {
        let page = Packed::quickly(browse(&app, path).await.text.into_bytes());
        assert!(sent(&page) + of_assets < SENT_BYTES_MAX, "{path}: {} and {of_assets}", sent(&page));
    }
}

#[tokio::test]
async fn programs_get_what_they_got_before_there_were_pages() {
    let app = TestApp::of_the_whole_book();
    for method in [Method::GET, Method::HEAD] {
        let root = ask(&app, method, "/", &[("accept", "*/*")]).await;
        assert_eq!((root.status.as_u16(), root.header("content-type")), (200, "text/plain; charset=utf-8"));
    }
    for (method, path, accept, status) in [
        (Method::GET, "/models", "application/json", 404),
        (Method::GET, "/models/openai/gpt-5", "*/*", 404),
        (Method::POST, "/models", "*/*", 404),
        (Method::POST, "/models/sandbox/gpt", "*/*", 404),
        (Method::GET, "/nowhere", "*/*", 404),
        (Method::GET, "/v1/nowhere", BROWSER, 404),
        (Method::GET, "/v1beta/nowhere", BROWSER, 404),
        (Method::GET, "/v1/chat/completions", BROWSER, 405),
        (Method::POST, "/docs", "*/*", 405),
    ] {
        let answer = ask(&app, method, path, &[("accept", accept)]).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        let error = &answer.json()["error"];
        assert!(error["message"].is_string(), "{path}: {error}");
    }
    let meant = ask(&app, Method::GET, "/models", &[]).await.json();
    assert!(meant["error"]["message"].as_str().unwrap().contains("the path is /v1/models"), "{meant}");
    let wrong = ask(&app, Method::POST, "/docs", &[("accept", BROWSER)]).await;
    assert_eq!((wrong.status.as_u16(), wrong.header("content-type")), (405, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn assets_are_kept_for_ever_by_the_name_with_their_digest() {
    let app = TestApp::of_the_whole_book();
    let pages = pages();
    let url = pages.pages.assets().url("base.css").unwrap();
    let hashed = ask(&app, Method::GET, url, &[]).await;
    assert_eq!((hashed.status.as_u16(), hashed.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(hashed.header("cache-control").contains("immutable") && !hashed.headers.contains_key("content-encoding"));
    let plain = ask(&app, Method::GET, "/assets/base.css", &[]).await;
    assert!(plain.text == hashed.text && !plain.header("cache-control").contains("immutable"));
    let known = ask(&app, Method::GET, url, &[("if-none-match", hashed.header("etag"))]).await;
    assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""));
    for (accepted, encoding) in [("gzip, br", "gzip"), ("gzip;q=0, br", ""), ("br", ""), ("GZIP;q=0.5", "gzip")] {
        let mut asked = request(Method::GET, url, "", String::new());
        asked.headers_mut().insert("accept-encoding", HeaderValue::from_static(accepted));
        let answer = app.open(asked).await;
        let told = answer.headers().get("content-encoding").map_or("", |value| value.to_str().unwrap());
        assert_eq!(told, encoding, "{accepted}");
    }
    for name in ["nothing.css", "..%2f..%2fCargo.toml", "base.0000000000000000.css"] {
        assert_eq!(browse(&app, &format!("/assets/{name}")).await.status.as_u16(), 404, "{name}");
    }
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let app = TestApp::of_the_whole_book();
    let page = browse(&app, "/terms").await;
    let tag = page.header("etag").to_owned();
    let again = ask(&app, Method::GET, "/terms", &[("accept", BROWSER), ("if-none-match", &tag)]).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    assert!(again.headers.contains_key("content-security-policy"));
    let other = ask(&app, Method::GET, "/privacy", &[("accept", BROWSER), ("if-none-match", &tag)]).await;
    assert_eq!(other.status.as_u16(), 200);
}

#[tokio::test]
async fn what_a_stranger_writes_into_an_address_is_text() {
    let app = TestApp::of_the_whole_book();
    let hostile = "%22%27%3E%3Cscript%3Ecanary()%3C%2Fscript%3E";
    for path in [
        format!("/models?q={hostile}"),
        format!("/models?maker={hostile}&kind={hostile}&sort={hostile}&input={hostile}&output={hostile}"),
        format!("/models/{hostile}"),
        format!("/docs/{hostile}"),
        format!("/sign-in?to={hostile}"),
        format!("/{hostile}"),
        format!("/assets/{hostile}"),
    ] {
        let page = browse(&app, &path).await;
        assert!(page.status.as_u16() < 500, "{path}");
        assert!(!page.text.contains("<script>canary") && !page.text.contains("\"'>"), "{path}");
    }
    let key = UserKey::generate([7; 32]);
    let key = key.reveal();
    let page = browse(&app, &format!("/{key}")).await;
    assert!(!page.text.contains(key), "a key in a path is repeated");
}

#[tokio::test]
async fn models_are_found_sorted_and_priced_as_they_are_charged() {
    let app = TestApp::of_the_whole_book();
    let ids = |text: &str| {
        let links = text.split("<th scope=\"row\"><a href=\"/models/").skip(1);
        links.map(|rest| rest.split('"').next().unwrap().replace("&#x2f;", "/")).collect::<Vec<_>>()
    };
    let all = ids(&browse(&app, "/models").await.text);
    assert!(all.len() == app.gateway().catalog().models().len() && all.len() > 250);
    let some = ids(&browse(&app, "/models?q=GPT-5&maker=openai&kind=chat").await.text);
    assert!(!some.is_empty() && some.iter().all(|id| id.contains("gpt-5")), "{some:?}");
    let none = browse(&app, "/models?q=there+is+no+such+model").await;
    assert!(none.text.contains("No model has this") && ids(&none.text).is_empty());
    let price = |text: &str| {
        let cells = text.split("data-label=\"Credits per request\"").skip(1);
        let text = |cell: &str| {
            cell.split('>').nth(2).unwrap().split('<').next().unwrap().replace("&lt;0.01", "0").replace([',', '.'], "")
        };
        cells.map(|cell| text(cell).parse::<u64>().unwrap()).collect::<Vec<_>>()
    };
    let falling = browse(&app, "/models?sort=-price&input=1000&output=1000").await.text;
    let prices = price(&falling);
    assert!(prices.is_sorted_by(|a, b| a >= b) && prices.len() == all.len());
    assert!(falling.contains("aria-sort=\"descending\""));
    let first = &ids(&falling)[0];
    let quote = app.get(&format!("/v1/credits/pricing?models={first}&input_tokens=1000&output_tokens=1000"), "").await;
    let credits = quote.json()["models"][0]["credits_per_request"].as_f64().unwrap();
    let hundredths = prices[0] as f64 / 100.0;
    assert!(hundredths >= credits && hundredths - credits < 0.011, "{hundredths} for {credits}");
    // What makes no sense counts as nothing asked for.
    for query in ["sort=nothing", "input=-1&output=x", "input=99999999999999999999", "sort=--price", "%FF=1"] {
        assert_eq!(ids(&browse(&app, &format!("/models?{query}")).await.text).len(), all.len(), "{query}");
    }
}

#[tokio::test]
async fn a_model_has_a_page_under_every_name() {
    let app = TestApp::of_the_whole_book();
    let page = browse(&app, "/models/openai/gpt-5?input=1000000&output=0").await;
    assert!(page.text.contains("openai&#x2f;gpt-5") || page.text.contains("openai/gpt-5"));
    for part in ["Input from a cache", "Who serves it", "client.chat.completions.create", "messages.create"] {
        assert!(page.text.contains(part), "{part}");
    }
    let catalog = app.gateway().catalog();
    let named = catalog.models().iter().find(|model| !model.aliases.is_empty()).unwrap();
    let by_alias = browse(&app, &format!("/models/{}", named.aliases[0])).await;
    assert_eq!(by_alias.status.as_u16(), 200, "{}", named.aliases[0]);
    for model in catalog.models() {
        let page = browse(&app, &format!("/models/{}", model.id)).await;
        assert_eq!(page.status.as_u16(), 200, "{}", model.id);
    }
}

#[tokio::test]
async fn a_fragment_is_what_stands_in_main() {
    let app = TestApp::of_the_whole_book();
    let headers = [("accept", BROWSER), ("opencredits-fragment", "main")];
    for path in PAGES {
        let fragment = ask(&app, Method::GET, path, &headers).await;
        assert_eq!(fragment.header("cache-control"), "no-store", "{path}");
        assert!(fragment.text.starts_with("<title>") && !fragment.text.contains("<header"), "{path}");
        assert!(fragment.header("vary").contains("OpenCredits-Fragment"), "{path}");
    }
    let missing = ask(&app, Method::GET, "/nowhere", &headers).await;
    assert!(missing.status.as_u16() == 404 && missing.text.starts_with("<title>"));
}

#[tokio::test]
async fn programs_that_read_find_the_documentation_as_text() {
    let app = TestApp::of_the_whole_book();
    let llms = ask(&app, Method::GET, "/llms.txt", &[]).await;
    assert_eq!(llms.header("content-type"), "text/plain; charset=utf-8");
    let links = llms.text.split("(https://credits.example").skip(1).map(|rest| rest.split(')').next().unwrap());
    let mut files = 0;
    for link in links {
        let answer = ask(&app, Method::GET, link, &[("accept", BROWSER)]).await;
        assert_eq!(answer.status.as_u16(), 200, "{link}");
        files += usize::from(link.ends_with(".md") && answer.text.starts_with("# "));
    }
    assert!(files > 15, "{files}");
    for name in ["nothing", "nothing.md", "..%2FREADME.md"] {
        assert_eq!(browse(&app, &format!("/docs/{name}")).await.status.as_u16(), 404, "{name}");
    }
}

#[tokio::test]
async fn a_list_of_models_is_that_of_the_models_on_sale() {
    let app = TestApp::of_the_whole_book();
    let first = browse(&app, "/models?q=sandbox").await;
    assert_eq!(browse(&app, "/models?q=sandbox").await.text, first.text);
    let headers = [("accept", BROWSER), ("if-none-match", first.header("etag"))];
    assert_eq!(ask(&app, Method::GET, "/models?q=sandbox", &headers).await.status, 304);
    let rest = (*app.gateway().catalog()).clone().only(|vendor| vendor == "sandbox-chat");
    app.gateway().sell(rest);
    let after = browse(&app, "/models?q=sandbox").await;
    let has = |page: &Answer, id: &str| page.text.replace("&#x2f;", "/").contains(&format!("/models/{id}\""));
    assert!(has(&first, "sandbox/claude") && has(&after, "sandbox/gpt") && !has(&after, "sandbox/claude"));
}
