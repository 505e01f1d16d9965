//! Price books that are exchanged while requests run; what is offered, and at which markup.

use crate::app::{Answer, TestApp, request};
use async_trait::async_trait;
use futures_util::future::join_all;
use http::Method;
use http_body_util::BodyExt;
use opencredits_api::admin::{Admin, AdminReply, AdminRequest, PriceRequest, RefreshOutcomeView, RefreshView};
use opencredits_catalog::{BookVersion, Catalog, StatedLine, Terms, recompute};
use opencredits_service::accounts::{Edit, NewKey, PartnerEdit};
use opencredits_service::config::Config;
use opencredits_service::prices::{
    Applies, LivePrices, PriceFetch, PriceFetchError, Prices, PricesError, Refresh, RefreshOutcome, book_in_force,
};
use opencredits_service::{Clock, GenerationRecord, PriceSource, ServedCatalogue};
use opencredits_store::User;
use opencredits_units::{BasisPoints, Bucket, CreditPrice, GenerationId, Rate, Tokens, UnixMs};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A source whose book the test sets.
#[derive(Default)]
struct Shelf(Mutex<Option<String>>);

#[async_trait]
impl PriceFetch for Shelf {
    async fn fetch(&self, _: &PriceSource) -> Result<Vec<u8>, PriceFetchError> {
        self.0.lock().unwrap().clone().map(String::into_bytes).ok_or(PriceFetchError::Status(500))
    }
}

/// A model of the sandbox in a price book.
fn line(id: &str, input: &str, output: &str) -> String {
    let line = json!({
        "id": id, "vendor": "sandbox-chat", "upstream_model": "gpt", "context_window": 128_000, "max_output_tokens": 16_384,
        "prices": {"input": input, "output": output},
    });
    format!("{line}\n")
}

/// A book with two models, `book/a` at these prices.
fn book(input: &str, output: &str) -> String {
    [line("book/a", input, output), line("book/b", "1", "2")].concat()
}

struct Shop {
    app: TestApp,
    prices: Arc<Prices>,
    shelf: Arc<Shelf>,
}

impl Shop {
    /// An application that sells the models of a book.
    async fn new(text: &str, config: &str) -> Self {
        let app = TestApp::new().await;
        let config = Config::read(&format!("[catalog]\nsandbox = true\n{config}"), []).unwrap();
        let served = ServedCatalogue::over(Catalog::from_book(text).unwrap(), &config, &[]).unwrap();
        app.gateway().sell(served.on_sale());
        let shelf = Arc::new(Shelf::default());
        let prices = Prices::new(app.store.clone(), app.accounts.clone(), app.fixed.clone());
        let prices = prices.beside(LivePrices {
            test_gateway: None,
            gateway: Arc::downgrade(&app.app.gateway),
            served,
            fetch: shelf.clone(),
            source: Some(PriceSource::of_url("https://prices.example/book").unwrap()),
        });
        Self { app, prices: Arc::new(prices), shelf }
    }

    fn put(&self, text: &str) {
        *self.shelf.0.lock().unwrap() = Some(text.to_owned());
    }

    /// Puts a book into force whatever it changes.
    async fn apply(&self, text: &str) -> BookVersion {
        self.put(text);
        let accept = ["book/a", "book/b", "new/one"].map(str::to_owned).to_vec();
        let refreshed = self.prices.refresh(Refresh { accept, applies: Applies::Yes, from: None }).await.unwrap();
        assert!(matches!(refreshed.outcome, RefreshOutcome::Applied | RefreshOutcome::Unchanged), "{refreshed:?}");
        refreshed.version
    }

    fn in_force(&self) -> BookVersion {
        self.app.gateway().catalog().version()
    }

    async fn record(&self, id: &str, key: &str) -> Value {
        self.app.get(&format!("/v1/generation?id={id}"), key).await.json()["data"].clone()
    }
}

fn chat(model: &str, text: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 2_000, "stream": stream, "messages": [{"role": "user", "content": text}]})
}

/// The charge and its parts, recomputed from the JSON of a generation alone.
fn recomputed(data: &Value) -> [String; 4] {
    let bill = &data["bill"];
    let others = bill["other_models"].as_array().unwrap().iter().flat_map(|side| side["lines"].as_array().unwrap());
    let lines: Vec<StatedLine> = bill["lines"]
        .as_array()
        .unwrap()
        .iter()
        .chain(others)
        .map(|line| StatedLine {
            quantity: Tokens::new(line["quantity"].as_u64().unwrap()),
            rate: Rate::from_usd_per_use(line["rate"].as_str().unwrap()).unwrap(),
            is_discount: line["what"] == "provider_discount",
        })
        .collect();
    let bps = |name: &str| BasisPoints::new(u32::try_from(bill[name].as_u64().unwrap()).unwrap());
    let terms = Terms { markup: bps("markup_bps"), partner_share: bps("partner_share_bps") };
    let charge = recompute(&lines, terms).unwrap();
    [charge.cost, charge.margin, charge.commission, charge.total].map(|amount| amount.to_string())
}

fn stated(data: &Value) -> [String; 4] {
    ["cost", "margin", "commission", "total"].map(|name| data["bill"][name].as_str().unwrap().to_owned())
}

/// The rate of a line, in dollars for one token.
fn rate(data: &Value, what: &str) -> String {
    let lines = data["bill"]["lines"].as_array().unwrap();
    lines.iter().find(|line| line["what"] == what).unwrap()["rate"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_stream_is_charged_by_the_book_that_it_was_admitted_with_and_the_next_request_by_the_new_one() {
    let shop = Shop::new(&book("1", "2"), "").await;
    let (user, key) = shop.app.person(10).await;
    let old = shop.in_force();
    let body = chat("book/a", "sandbox:tokens 300 sandbox:slow 1", true);
    let response = shop.app.open(request(Method::POST, "/v1/chat/completions", &key, body.to_string())).await;
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    let mut body = response.into_body();
    let _first = body.frame().await.unwrap().unwrap();
    let held: Vec<_> = shop.app.ledger.holds().iter().map(|hold| hold.amount).collect();
    let new = shop.apply(&book("100", "200")).await;
    assert!(new != old && shop.in_force() == new);
    assert_eq!(shop.app.ledger.holds().iter().map(|hold| hold.amount).collect::<Vec<_>>(), held, "its hold stays");
    let _rest = body.collect().await.unwrap();
    shop.app.drained().await;
    let data = shop.record(&id, &key).await;
    assert_eq!(data["bill"]["price_book"], old.to_string());
    assert_eq!((rate(&data, "input").as_str(), rate(&data, "output").as_str()), ("0.000001", "0.000002"));
    assert_eq!(stated(&data), recomputed(&data));
    let before = shop.app.available(&user);
    let answer = shop.app.post("/v1/chat/completions", &key, &chat("book/a", "hello", false)).await;
    let data = shop.record(answer.header("x-generation-id"), &key).await;
    assert_eq!(data["bill"]["price_book"], new.to_string());
    assert_eq!((rate(&data, "input").as_str(), rate(&data, "output").as_str()), ("0.0001", "0.0002"));
    let charged = json!(format!("0.{:09}", before - shop.app.available(&user)));
    assert_eq!(Rate::from_usd_per_use(charged.as_str().unwrap()), Rate::from_usd_per_use(&stated(&data)[3]));
    shop.app.settled();
}

/// A seeded sequence.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[tokio::test]
async fn for_random_requests_a_new_book_between_hold_and_charge_never_changes_the_price() {
    let price = |dice: &mut Dice| format!("{}.{:03}", dice.below(50), 1 + dice.below(999));
    for seed in 0..24 {
        let mut dice = Dice(seed);
        let (first, second) = ([price(&mut dice), price(&mut dice)], [price(&mut dice), price(&mut dice)]);
        let shop = Shop::new(&book(&first[0], &first[1]), "").await;
        let (_, key) = shop.app.person(10).await;
        let old = shop.in_force();
        let text = format!(
            "{} sandbox:tokens {} sandbox:wait 5",
            "word ".repeat(dice.below(300) as usize),
            1 + dice.below(400)
        );
        let streamed = dice.below(2) == 0;
        let body = chat("book/a", &text, streamed);
        let sent = shop.app.post("/v1/chat/completions", &key, &body);
        let swapped = async {
            while shop.app.ledger.holds().is_empty() {
                tokio::task::yield_now().await;
            }
            let text = if dice.below(4) == 0 { line("book/b", "1", "2") } else { book(&second[0], &second[1]) };
            shop.apply(&text).await
        };
        let (answer, new): (Answer, _) = tokio::join!(sent, swapped);
        assert_eq!(answer.status, 200, "{}", answer.text);
        shop.app.drained().await;
        let data = shop.record(answer.header("x-generation-id"), &key).await;
        assert_eq!(data["bill"]["price_book"], old.to_string(), "{seed}");
        assert_ne!(new, old);
        for (what, usd) in [("input", &first[0]), ("output", &first[1])] {
            let expect = Rate::from_usd_per_million(usd).unwrap().usd_per_unit().to_string();
            assert_eq!(rate(&data, what), expect, "{seed} {what}");
        }
        assert_eq!(stated(&data), recomputed(&data), "{seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_requests_while_books_are_exchanged_recompute_each_with_its_own_version() {
    const REQUESTS: usize = 200;
    const REQUESTS_MAX: usize = 600;
    const WORKERS: usize = 10;
    const EXCHANGES: usize = 12;
    let books = [book("1", "2"), book("3", "5"), book("7", "11")];
    let shop = Shop::new(&books[0], "").await;
    let (_, key) = shop.app.person(1_000).await;
    let by_version: HashMap<String, Catalog> = books
        .iter()
        .map(|text| (BookVersion::of_content(text).to_string(), Catalog::from_book(text).unwrap()))
        .collect();
    // Whichever is slower on this machine, requests run during every exchange, and there are so many of them at least.
    let is_done = AtomicBool::new(false);
    let asked = join_all((0..WORKERS).map(|worker| {
        let (app, key, is_done) = (&shop.app, &key, &is_done);
        async move {
            let mut answers = Vec::new();
            while answers.len() < REQUESTS_MAX / WORKERS
                && (answers.len() < REQUESTS / WORKERS || !is_done.load(Ordering::Relaxed))
            {
                let n = worker + answers.len();
                let text = format!("sandbox:tokens {} sandbox:wait {}", 1 + n % 40, 20 + n % 7);
                answers.push(app.post("/v1/chat/completions", key, &chat("book/a", &text, n % 2 == 0)).await);
            }
            answers
        }
    }));
    let exchanges = async {
        for round in 1..=EXCHANGES {
            shop.apply(&books[round % books.len()]).await;
        }
        is_done.store(true, Ordering::Relaxed);
    };
    let (answers, ()) = tokio::join!(asked, exchanges);
    let answers: Vec<Answer> = answers.into_iter().flatten().collect();
    assert!(answers.len() >= REQUESTS, "{}", answers.len());
    shop.app.drained().await;
    let mut seen: HashMap<String, usize> = HashMap::new();
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let data = shop.record(answer.header("x-generation-id"), &key).await;
        let version = data["bill"]["price_book"].as_str().unwrap().to_owned();
        let card = &by_version[&version].get("book/a").unwrap().route.card;
        for (what, bucket) in [("input", Bucket::InputUncached), ("output", Bucket::Output)] {
            assert_eq!(rate(&data, what), card.rate(bucket).usd_per_unit().to_string(), "{version}");
        }
        assert_eq!(stated(&data), recomputed(&data), "{version}");
        *seen.entry(version).or_default() += 1;
    }
    assert!(seen.len() > 1, "all requests met one book: {seen:?}");
    let during = (UnixMs::new(0), UnixMs::new(u64::MAX));
    let checks = shop.app.gateway().usage().check_bills(during, None).await.unwrap();
    assert_eq!((checks.checked, checks.wrong_total), (answers.len() as u64, 0));
    shop.app.settled();
}

#[tokio::test]
async fn what_is_likely_a_mistake_is_refused_until_somebody_agrees_and_never_taken_unattended() {
    let shop = Shop::new(&book("1", "2"), "").await;
    let old = shop.in_force();
    let order = |accept: &[&str]| Refresh {
        accept: accept.iter().map(|model| (*model).to_owned()).collect(),
        applies: Applies::Yes,
        from: None,
    };
    for text in
        [book("1000", "2"), book("0", "2"), line("book/b", "1", "2"), [book("1", "2"), line("c/d", "0", "1")].concat()]
    {
        shop.put(&text);
        let refused = shop.prices.refresh(order(&[])).await.unwrap();
        assert_eq!(
            (refused.outcome, refused.findings.len(), shop.in_force()),
            (RefreshOutcome::Refused, 1, old),
            "{text}"
        );
        let refused = shop.prices.refresh_unattended().await.unwrap().unwrap();
        assert_eq!((refused.outcome, shop.in_force()), (RefreshOutcome::Refused, old), "{text}");
        let other = shop.prices.refresh(order(&["book/b"])).await.unwrap();
        assert_eq!(other.outcome, RefreshOutcome::Refused, "{text}");
    }
    assert!(shop.app.store_is_at_first().await, "nothing was stored");
    shop.put(&book("0", "2"));
    let applied = shop.prices.refresh(order(&["Book/A"])).await.unwrap();
    assert_eq!((applied.outcome, shop.in_force()), (RefreshOutcome::Applied, applied.version));
    shop.put("<html>");
    assert!(matches!(shop.prices.refresh(order(&[])).await, Err(PricesError::Models(_))));
    *shop.shelf.0.lock().unwrap() = None;
    assert!(matches!(shop.prices.refresh_unattended().await, Err(PricesError::Fetch { .. })));
    assert_eq!(shop.in_force(), applied.version);
}

impl TestApp {
    async fn store_is_at_first(&self) -> bool {
        book_in_force(&*self.store).await.unwrap().version() == Catalog::builtin().unwrap().version()
    }
}

#[tokio::test]
async fn a_book_outlives_the_process_and_one_before_can_be_put_back_for_good() {
    let shop = Shop::new(&book("1", "2"), "").await;
    let first = shop.apply(&book("2", "3")).await;
    let second = shop.apply(&book("4", "5")).await;
    let next_start = async || book_in_force(&*shop.app.store).await.unwrap().version();
    assert_eq!(next_start().await, second);
    let listed = shop.prices.list().await.unwrap();
    let versions: Vec<_> = listed.iter().map(|book| (book.version.clone(), book.is_in_force)).collect();
    let builtin = Catalog::builtin().unwrap().version().to_string();
    assert_eq!(versions, [(second.to_string(), true), (first.to_string(), false), (builtin.clone(), false)]);
    assert_eq!(listed[0].source, "https://prices.example/book");
    let compared = shop.prices.roll_back(&first.to_string(), Applies::No).await.unwrap();
    assert_eq!((compared.outcome, shop.in_force()), (RefreshOutcome::Compared, second));
    let back = shop.prices.roll_back(&first.to_string(), Applies::Yes).await.unwrap();
    assert_eq!((back.outcome, shop.in_force(), next_start().await), (RefreshOutcome::Applied, first, first));
    // The source still has the second one, which was replaced by hand.
    let again = shop.prices.refresh_unattended().await;
    assert!(matches!(again, Err(PricesError::Replaced { .. })), "{again:?}");
    assert_eq!(shop.in_force(), first);
    assert_eq!(shop.apply(&book("4", "5")).await, second, "a person may load it again");
    let gone = shop.prices.roll_back("0123456789abcdef", Applies::Yes).await;
    assert!(matches!(gone, Err(PricesError::NoBook { .. })), "{gone:?}");
    shop.prices.roll_back(&builtin, Applies::Yes).await.unwrap();
    assert!(shop.app.store_is_at_first().await);
    shop.put(&book("9", "9"));
    let unattended = shop.prices.refresh_unattended().await.unwrap().unwrap();
    assert_eq!((unattended.outcome, shop.in_force()), (RefreshOutcome::Applied, unattended.version));
}

#[tokio::test]
async fn only_the_book_that_was_looked_at_is_put_into_force() {
    let shop = Shop::new(&book("1", "2"), "").await;
    shop.put(&book("2", "3"));
    let looked_at = shop.prices.refresh(Refresh::default()).await.unwrap();
    assert_eq!((looked_at.outcome, looked_at.diff.changed.len()), (RefreshOutcome::Compared, 2));
    shop.put(&book("3", "4"));
    let order = || Refresh { applies: Applies::If(looked_at.version), ..Refresh::default() };
    assert!(matches!(shop.prices.refresh(order()).await, Err(PricesError::Moved { .. })));
    shop.put(&book("2", "3"));
    assert_eq!(shop.prices.refresh(order()).await.unwrap().outcome, RefreshOutcome::Applied);
    assert_eq!(shop.prices.refresh(order()).await.unwrap().outcome, RefreshOutcome::Unchanged);
}

#[tokio::test]
async fn new_models_are_listed_served_and_watched_at_once_and_old_routes_keep_their_health() {
    let shop = Shop::new(&book("1", "2"), "").await;
    let (_, key) = shop.app.person(10).await;
    shop.app.post("/v1/chat/completions", &key, &chat("book/a", "hello", false)).await;
    let health = async |model: &str| {
        let endpoints = shop.app.get(&format!("/v1/models/{model}/endpoints"), "").await.json();
        endpoints["data"]["endpoints"][0]["uptime"].clone()
    };
    assert_eq!(health("book/a").await, json!(100));
    let ids = async || {
        let list = shop.app.get("/v1/models", "").await.json();
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(!ids().await.contains(&"new/one".to_owned()));
    let new = json!({
        "id": "new/one", "vendor": "sandbox-messages", "upstream_model": "other", "context_window": 128_000,
        "max_output_tokens": 16_384, "prices": {"input": "1", "output": "2"},
    });
    let stranger = line("far/away", "1", "2").replace("sandbox-chat", "nobody");
    shop.apply(&[book("1", "2"), format!("{new}\n"), stranger].concat()).await;
    let listed = ids().await;
    assert!(listed.contains(&"new/one".to_owned()) && !listed.contains(&"far/away".to_owned()), "{listed:?}");
    assert_eq!((health("book/a").await, health("new/one").await), (json!(100), Value::Null));
    let answer = shop.app.post("/v1/chat/completions", &key, &chat("new/one", "hello", false)).await;
    assert_eq!((answer.status.as_u16(), health("new/one").await), (200, json!(100)), "{}", answer.text);
    shop.apply(&line("book/b", "1", "2")).await;
    let gone = shop.app.post("/v1/chat/completions", &key, &chat("new/one", "hello", false)).await;
    assert_eq!(gone.status, 404, "{}", gone.text);
}

#[tokio::test]
async fn a_model_that_is_not_offered_answers_as_an_unknown_one() {
    let shop = Shop::new(&book("1", "2"), "[offer]\nallow = [\"book/*\"]\ndeny = [\"*/b\"]").await;
    let (user, key) = shop.app.person(10).await;
    let list = shop.app.get("/v1/models", "").await.json();
    assert_eq!(list["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect::<Vec<_>>(), ["book/a"]);
    for (hidden, unknown) in [("book/b", "book/c"), ("sandbox/gpt", "sandbox/gpu")] {
        let mut texts = Vec::new();
        for model in [hidden, unknown] {
            let asked = shop.app.post("/v1/chat/completions", &key, &chat(model, "hello", false)).await;
            let shown = shop.app.get(&format!("/v1/models/{model}"), "").await;
            assert_eq!((asked.status.as_u16(), shown.status.as_u16()), (404, 404), "{}", asked.text);
            let error = asked.json()["error"].clone();
            texts.push((
                error["type"].clone(),
                error["code"].clone(),
                error["message"].as_str().unwrap().replace(model, "m"),
            ));
        }
        let (of_unknown, of_hidden) = (texts.pop().unwrap(), texts.pop().unwrap());
        assert_eq!((of_hidden.0, of_hidden.1), (of_unknown.0, of_unknown.1));
        assert!(of_hidden.2.starts_with("there is no model"), "{}", of_hidden.2);
    }
    shop.apply(&[book("1", "2"), line("book/c", "1", "1"), line("sandbox/x", "1", "1")].concat()).await;
    let list = shop.app.get("/v1/models", "").await.json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["book/a", "book/c"], "the offer holds for new books too");
    assert_eq!(shop.app.available(&user), 10_000_000_000);
}

/// A key of a person through a partner with this markup.
async fn key_through(app: &TestApp, user: &User, markup: Option<u32>) -> String {
    let partner = app.partner().await;
    let edit = PartnerEdit {
        name: Some(format!("app {markup:?}")),
        markup: markup.map_or(Edit::Keep, |bps| Edit::Set(BasisPoints::new(bps))),
        ..PartnerEdit::default()
    };
    app.accounts.edit_partner(&partner.id.to_string(), edit).await.unwrap();
    app.key_with(NewKey { partner: Some(partner.id), ..TestApp::plain_key(user) }).await
}

#[tokio::test]
async fn the_partners_markup_goes_before_the_models_and_that_before_the_general_one() {
    let shop = Shop::new(&book("1", "2"), "[[markup]]\nmodels = [\"book/a\"]\nbps = 1000").await;
    let (user, plain) = shop.app.person(100).await;
    let (of_partner, without) =
        (key_through(&shop.app, &user, Some(2_500)).await, key_through(&shop.app, &user, None).await);
    let check = async |key: &str, model: &str, markup: u64| {
        let body = chat(model, "sandbox:tokens 100 sandbox:wait 3", false);
        let sent = shop.app.post("/v1/chat/completions", key, &body);
        let held = async {
            loop {
                if let [hold] = shop.app.ledger.holds().as_slice() {
                    return hold.amount.get();
                }
                tokio::task::yield_now().await;
            }
        };
        let (answer, held) = tokio::join!(sent, held);
        let data = shop.record(answer.header("x-generation-id"), key).await;
        assert_eq!(data["bill"]["markup_bps"], markup, "{model}");
        assert_eq!(stated(&data), recomputed(&data), "{model}");
        held
    };
    let dear = check(&of_partner, "book/a", 2_500).await;
    let cheap = check(&plain, "book/a", 1_000).await;
    assert_eq!(check(&without, "book/a", 1_000).await, cheap);
    // The hold has the markup, too: both are the same cost.
    assert_eq!(cheap * 12_500, dear * 11_000);
    check(&plain, "book/b", 2_500).await;
    check(&of_partner, "book/b", 2_500).await;
    shop.app.settled();
}

#[tokio::test]
async fn a_partners_markup_stays_within_the_operators_bounds() {
    let app = TestApp::new().await;
    let partner = app.partner().await;
    let edit = |bps: u32| PartnerEdit { markup: Edit::Set(BasisPoints::new(bps)), ..PartnerEdit::default() };
    for beyond in [2_499, 2_501] {
        let refused = app.accounts.edit_partner(&partner.id.to_string(), edit(beyond)).await.unwrap_err().to_string();
        assert!(refused.contains("billing.partner_markup_bps_m"), "{refused}");
    }
    let partner = app.accounts.edit_partner(&partner.id.to_string(), edit(2_500)).await.unwrap();
    assert_eq!(partner.markup, Some(BasisPoints::new(2_500)));
    let cleared = PartnerEdit { markup: Edit::Clear, ..PartnerEdit::default() };
    assert_eq!(app.accounts.edit_partner(&partner.id.to_string(), cleared).await.unwrap().markup, None);
}

#[tokio::test]
async fn a_price_is_quoted_with_the_markup_that_would_hold() {
    let shop = Shop::new(&book("1", "2"), "[[markup]]\nmodels = [\"book/a\"]\nbps = 1000").await;
    let quoted = async |query: &str| {
        let answer = shop.app.get(&format!("/v1/credits/pricing?models=book/a&{query}"), "").await.json();
        answer["models"][0]["credits_per_request"].to_string()
    };
    // 2,500 × 1 + 2,500 × 2 USD a million is 0.0075 USD.
    assert_eq!(quoted("").await, "0.825");
    let partner = shop.app.partner().await;
    let with_key = format!("publishable_key={}", partner.publishable_key);
    assert_eq!(quoted(&with_key).await, "0.825");
    let edit = PartnerEdit { markup: Edit::Set(BasisPoints::new(2_500)), ..PartnerEdit::default() };
    shop.app.accounts.edit_partner(&partner.id.to_string(), edit).await.unwrap();
    assert_eq!(quoted(&with_key).await, "0.9375");
}

#[tokio::test]
async fn a_bill_follows_from_what_the_generation_shows_and_from_nothing_else() {
    let app = TestApp::new().await;
    let (user, plain) = app.person(100).await;
    let through = key_through(&app, &user, None).await;
    let cached = "cached ".repeat(300);
    let requests = [
        chat("sandbox/gpt", "hello", false),
        json!({"model": "sandbox/gpt", "max_tokens": 500, "reasoning_effort": "high", "stream": true,
            "messages": [{"role": "system", "content": cached}, {"role": "user", "content": "hello"}]}),
    ];
    let search = json!({"model": "sandbox/claude", "max_tokens": 500, "messages": [{"role": "user", "content": "search it"}],
        "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]});
    let mut items = std::collections::BTreeSet::new();
    for key in [&plain, &through] {
        let sent = requests.iter().map(|body| ("/v1/chat/completions", body)).chain([("/v1/messages", &search)]);
        for (path, body) in sent {
            let answer = app.post(path, key, body).await;
            let data = app.get(&format!("/v1/generation?id={}", answer.header("x-generation-id")), key).await.json();
            let (data, bill) = (&data["data"], &data["data"]["bill"]);
            assert_eq!(stated(data), recomputed(data), "{data}");
            assert_eq!((&bill["recomputed"], &bill["collected"]), (&bill["total"], &bill["total"]));
            assert!(bill["rounding"].as_str().unwrap().contains("rounded once, up") && bill["price_book"].is_string());
            let legs = bill["legs"].as_array().unwrap();
            let nano = |amount: &Value| amount.as_str().unwrap().parse::<opencredits_units::NanoUsd>().unwrap().get();
            assert_eq!(legs.iter().map(|leg| nano(&leg["amount"])).sum::<i64>(), 0, "{bill}");
            let of = |account: &str| legs.iter().find(|leg| leg["account"] == account).map(|leg| nano(&leg["amount"]));
            assert_eq!(of("wallet"), Some(-nano(&bill["total"])));
            assert_eq!(
                (of("providers"), of("revenue")),
                (Some(nano(&bill["cost"])), Some(nano(&bill["margin"]))),
                "{bill}"
            );
            assert_eq!(of("partner").unwrap_or(0), nano(&bill["commission"]));
            items
                .extend(bill["lines"].as_array().unwrap().iter().map(|line| line["what"].as_str().unwrap().to_owned()));
        }
    }
    for item in ["input", "output", "cache_read", "web_search"] {
        assert!(items.contains(item), "{items:?}");
    }
}

#[tokio::test]
async fn a_record_with_a_loaded_book_is_read_back_and_one_with_a_dated_book_too() {
    let shop = Shop::new(&book("1", "2"), "").await;
    let (_, key) = shop.app.person(10).await;
    let answer = shop.app.post("/v1/chat/completions", &key, &chat("book/a", "hello", false)).await;
    let id: GenerationId = answer.header("x-generation-id").parse().unwrap();
    let memo = shop.app.ledger.entry(id.cast()).unwrap().unwrap().memo;
    let record = GenerationRecord::from_memo(&memo).unwrap();
    assert_eq!((record.price_book, record.to_memo().unwrap()), (shop.in_force(), memo));
    let dated = GenerationRecord { price_book: BookVersion::parse("2026-07-02.4").unwrap(), ..record };
    assert_eq!(GenerationRecord::from_memo(&dated.to_memo().unwrap()).unwrap(), dated);
    // The form before knew dated books only, and was the same otherwise.
    let mut before = dated.to_memo().unwrap();
    before[0] = 5;
    assert_eq!(GenerationRecord::from_memo(&before).unwrap(), dated);
}

#[tokio::test]
async fn the_operator_looks_agrees_lists_and_puts_back_over_the_admin_interface() {
    let shop = Shop::new(&book("1", "2"), "").await;
    let admin = Admin::new(shop.app.accounts.clone(), CreditPrice::default()).of_prices(shop.prices.clone());
    let refresh = async |accept: &[&str], apply: bool, version: Option<&RefreshView>| {
        let accept = accept.iter().map(|model| (*model).to_owned()).collect();
        let version = version.map(|seen| seen.version.clone());
        let order = PriceRequest::Refresh { from: None, accept, apply, version };
        match admin.answer(AdminRequest::Prices(order)).await {
            Ok(AdminReply::PricesRefreshed { refreshed }) => Ok(*refreshed),
            Ok(_) => panic!("another reply"),
            Err(refusal) => Err(refusal.refused),
        }
    };
    shop.put(&book("1.5", "0"));
    let seen = refresh(&[], false, None).await.unwrap();
    assert_eq!((seen.outcome, seen.changed_total, seen.findings.len()), (RefreshOutcomeView::Compared, 2, 1));
    let [input, output] = seen.changed.as_slice() else { panic!("{seen:?}") };
    let shown = |change: &opencredits_api::admin::PriceChangeView| {
        [&change.old_usd, &change.new_usd, &change.percent].map(|text| text.clone().unwrap())
    };
    assert_eq!(shown(input), ["0.000001", "0.0000015", "+50"]);
    assert_eq!(shown(output), ["0.000002", "0", "-100"]);
    assert_eq!(refresh(&[], true, Some(&seen)).await.unwrap().outcome, RefreshOutcomeView::Refused);
    assert_eq!(refresh(&["book/a"], true, Some(&seen)).await.unwrap().outcome, RefreshOutcomeView::Applied);
    shop.put(&book("1.5", "1"));
    assert!(refresh(&["book/a"], true, Some(&seen)).await.unwrap_err().contains("ask again"));
    let other = PriceRequest::Refresh {
        from: Some("http://far.example/b".to_owned()),
        accept: vec![],
        apply: false,
        version: None,
    };
    let refused = admin.answer(AdminRequest::Prices(other)).await.unwrap_err();
    assert!(refused.refused.contains("an https URL"), "{refused}");
    let Ok(AdminReply::PriceBooks { books }) = admin.answer(AdminRequest::Prices(PriceRequest::List)).await else {
        panic!("another reply");
    };
    assert_eq!((books.len(), books[0].is_in_force, books[0].version.clone()), (2, true, seen.version.clone()));
    assert_eq!(books[0].added_at_ms, Some(shop.app.fixed.now()));
    let changes = shop.app.accounts.changes(Default::default(), 100).await.unwrap();
    let recorded: Vec<_> = changes.iter().filter(|change| change.action.starts_with("prices.")).collect();
    assert_eq!((recorded.len(), &recorded[0].subject), (1, &seen.version));
    assert!(recorded[0].detail.contains("accepted: book/a"), "{}", recorded[0].detail);
}
