//! The comparison of prices with a source, which is a server in the test.

use super::Shop;
use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use opencredits_catalog::{BOOK_BYTES_MAX, Catalog};
use opencredits_providers::http::{Client, Settings};
use opencredits_service::config::Config;
use opencredits_service::prices::{LivePrices, PriceFetch, PriceFetchError};
use opencredits_service::{PriceSource, ServedCatalogue};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// Asks the source by HTTP, as the gateway does.
struct Fetcher(Client);

#[async_trait]
impl PriceFetch for Fetcher {
    async fn fetch(&self, source: &PriceSource) -> Result<Vec<u8>, PriceFetchError> {
        let PriceSource::Url(url) = source else { panic!("{source} is no URL") };
        let response = self.0.get(url.clone(), HeaderMap::new()).await?;
        if response.status != StatusCode::OK {
            return Err(PriceFetchError::Status(response.status.as_u16()));
        }
        Ok(response.decoded()?.body.read_all(BOOK_BYTES_MAX).await?.to_vec())
    }
}

/// A model of the sandbox in a price book.
fn line(id: &str, prices: Value) -> String {
    let line = json!({
        "id": id, "vendor": "sandbox-chat", "upstream_model": "gpt", "context_window": 128_000, "max_output_tokens": 16_384,
        "prices": prices,
    });
    format!("{line}\n")
}

fn book(input: &str, output: &str) -> String {
    let others = line("sandbox/gpt", json!({"input": "1", "output": "2"}));
    line("book/a", json!({"input": input, "output": output})) + &others
}

/// A service that sells the models of a book, and the server of its source, which answers 500 until the test sets a book.
async fn shop(text: &str) -> (Shop, Arc<Mutex<Option<String>>>) {
    let shelf = Arc::new(Mutex::new(None::<String>));
    let of_server = Arc::clone(&shelf);
    let book = move || {
        let book = of_server.lock().unwrap().clone();
        async move { book.ok_or(StatusCode::INTERNAL_SERVER_ERROR) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/book.jsonl", listener.local_addr().unwrap());
    crate::app::start(
        async move { axum::serve(listener, Router::new().route("/book.jsonl", get(book))).await.unwrap() },
    );
    let text = text.to_owned();
    let shop = Shop::selling(move |app| {
        let config = Config::read("[catalog]\nsandbox = true", []).unwrap();
        let served = ServedCatalogue::over(Catalog::from_book(text.as_str()).unwrap(), &config, &[]).unwrap();
        app.gateway().sell(served.on_sale());
        Some(LivePrices {
            test_gateway: None,
            gateway: Arc::downgrade(&app.app.gateway),
            served,
            fetch: Arc::new(Fetcher(Client::new(Settings::default()).unwrap())),
            source: Some(PriceSource::of_url(&url).unwrap()),
        })
    });
    (shop.await, shelf)
}

/// The words of a page without its markup, with one space between them.
fn text_of(page: &str) -> String {
    let parts = page.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    let text = parts.collect::<Vec<_>>().join(" ").replace('\u{2007}', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn what_the_source_has_is_compared_before_it_is_put_into_force() {
    let (shop, shelf) = shop(&book("1.25", "10")).await;
    let page = text_of(&shop.page("/operator/prices?compare=1").await);
    assert!(page.contains("The source cannot be compared") && page.contains("500"), "{page}");

    *shelf.lock().unwrap() = Some(book("1.25", "10"));
    let page = text_of(&shop.page("/operator/prices?compare=1").await);
    assert!(page.contains("No price of tokens changes"), "{page}");

    *shelf.lock().unwrap() = Some(book("1.5", "7.5") + &line("book/new", json!({"input": "3", "output": "4"})));
    let page = shop.page("/operator/prices?compare=1").await;
    let version = page.split("name=\"version\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let told = text_of(&page);
    for part in
        ["book/a sandbox-chat input 1.25 1.50 +20.00", "book/a sandbox-chat output 10.00 7.50 −25.00", "New models 1"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("sandbox/gpt sandbox-chat input 1.00"), "what stays is not listed: {told}");
    let in_force = shop.app.gateway().catalog().version();
    assert_ne!(in_force.to_string(), version, "looking changes nothing");

    // The source changes again, so that what was looked at is not what would be put into force.
    let refresh = json!({"do": "refresh", "version": version, "accept": ["all"]});
    *shelf.lock().unwrap() = Some(book("100", "100"));
    let seen = shop.preview(&shop.token, &refresh).await;
    assert!(seen.status.is_client_error() && shop.app.gateway().catalog().version() == in_force, "{}", seen.text);

    *shelf.lock().unwrap() = Some(book("1.5", "7.5") + &line("book/new", json!({"input": "3", "output": "4"})));
    let done = shop.act(refresh).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(shop.app.gateway().catalog().version().to_string(), version);
    let page = text_of(&shop.page("/operator/prices").await);
    assert!(page.contains("book/new"), "{page}");
}
