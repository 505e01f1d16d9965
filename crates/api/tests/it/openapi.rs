//! The OpenAPI document as it is served, and the routes as they answer.

use crate::app::{TestApp, request};
use http::Method;
use serde_json::Value;

#[tokio::test]
async fn the_document_names_the_service_and_may_be_read_by_every_page() {
    let app = TestApp::new().await;
    let answer = app.get("/openapi.json", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["servers"][0]["url"].as_str().unwrap().starts_with("http"));
    let security = &document["paths"]["/v1/keys"]["post"]["security"];
    assert_eq!(*security, serde_json::json!([{ "management_key": [] }, { "session": [] }]));
}

#[tokio::test]
async fn each_path_of_the_document_takes_the_methods_that_the_document_names() {
    let app = TestApp::new().await;
    let document = app.get("/openapi.json", "").await.json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        // No method but POST leads to what a model does; the router has other methods of a path like it. That there are routes
        // of operators is told to nobody else.
        if path.contains("{model}") || path.starts_with("/v1/operator/") {
            continue;
        }
        let address = path.replace("{id}", "1").replace("{key}", "1");
        let answer = app.send(request(Method::TRACE, &address, "", String::new())).await;
        assert_eq!(answer.status, 405, "{path}");
        let allowed: Vec<&str> = answer.header("allow").split(',').collect();
        for method in item.as_object().unwrap().keys() {
            assert!(allowed.contains(&method.to_uppercase().as_str()), "{method} {path}: {allowed:?}");
        }
        tried += 1;
    }
    assert!(tried > 50, "{tried}");
}

#[tokio::test]
async fn what_is_wrong_with_an_address_is_told_in_the_form_of_the_api() {
    let app = TestApp::new().await;
    let check = async |path: &str, pointer: &str| {
        let answer = app.get(path, "").await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        let kind = answer.json().pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        assert_eq!(kind.as_deref(), Some("invalid_request"), "{path}");
    };
    check("/v1/keys/%FF", "/error/type").await;
    check("/v1/partners/%FF", "/error/type").await;
    check("/v1/models/%FF", "/error/type").await;
    check("/v1beta/models/%FF", "/error/details/0/error_type").await;
    check("/embed/config?origin=https://app.example", "/error/type").await;
    check("/embed/config?origin=a&origin=b&publishable_key=c", "/error/type").await;
}
